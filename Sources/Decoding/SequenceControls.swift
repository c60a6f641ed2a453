public import Requests
internal import Synchronization

/// What of one sample's parameters depends on its tokens so far: constraint, processors, penalties, forbidden tokens.
///
/// It is kept up to date token by token, so that a step costs as much as there are different tokens in the sequence, and
/// not as much as there are in the vocabulary. Room for the tokens is made when it is created. It goes from the caller to the
/// engine's thread and in every step to the worker that decodes the sample's row; nobody ever waits for its lock.
public final class SequenceControls: Sendable {
  private let state: Mutex<SequenceState>
  /// Whether any logit may change, and not only a few that can be listed.
  package let isRewriting: Bool

  /// Creates the controls of a sample that has generated nothing, or returns nil if its parameters say nothing about it.
  ///
  /// - Parameters:
  ///   - request: the prompt and the parameters.
  ///   - controls: constraint and processors.
  ///   - capacity: number of tokens to make room for.
  public convenience init?(_ request: GenerationRequest, controls: TokenControls = TokenControls(), capacity: Int = 0) {
    let (limit, overflow) = request.promptTokens.count.addingReportingOverflow(request.params.maxTokens ?? .max)
    self.init(
      request, controls: controls, capacity: capacity, limit: overflow ? .max : limit, isJumpingForward: false)
  }

  /// Creates controls as above of a sequence that has at most `limit` tokens; they look ahead for tokens that the constraint
  /// forces if `isJumpingForward` is true.
  package init?(
    _ request: GenerationRequest, controls: TokenControls, capacity: Int, limit: Int, isJumpingForward: Bool
  ) {
    let params = request.params
    let isNeeded =
      params.hasPenalties || params.minTokens > 0 || params.noRepeatNGramSize > 0 || !params.logitBias.isEmpty
      || !request.bannedSequences.isEmpty || !controls.isEmpty
    guard isNeeded else { return nil }
    isRewriting = !controls.isEmpty
    state = Mutex(
      SequenceState(request, controls, capacity: capacity, limit: limit, isJumpingForward: isJumpingForward))
  }

  private init(_ state: SequenceState, isRewriting: Bool) {
    self.isRewriting = isRewriting
    self.state = Mutex(state)
  }

  /// The controls of another sample that has the same tokens so far.
  package func copy() -> SequenceControls {
    SequenceControls(state.withLock { $0 }, isRewriting: isRewriting)
  }

  /// Whether the constraint allows nothing but the end.
  package var isFinished: Bool { state.withLock { $0.isFinished } }

  /// Whether the constraint has kept the text from becoming longer than its tokens suffice for.
  package var isShortened: Bool { state.withLock { $0.isShortened } }

  /// `token` was chosen.
  ///
  /// - Throws: ``DecodingError`` if the constraint does not allow it.
  package func accept(_ token: TokenID) throws(DecodingError) {
    try state.withLock { (state) throws(DecodingError) in try state.accept(token) }
  }

  /// Finds out which tokens must follow `token`, which has been chosen and will be accepted next, whatever their logits.
  ///
  /// - Returns: false if the text could not end in time behind `token`, although it still can; ``shorten(_:_:)`` is then
  ///   asked for. Never if `isFinal`.
  func lookAhead(past token: TokenID, isFinal: Bool = false) -> Bool {
    state.withLock { $0.lookAhead(past: token, isFinal: isFinal) }
  }

  /// Forbids in a row that the controls were applied to, of `values`, what the text could not end in time behind; false if that
  /// is everything, and the row is not to be used then.
  ///
  /// - Throws: ``DecodingError`` if the constraint cannot say what is allowed.
  func shorten(
    _ row: inout EditedRow, of values: Span<Float>, _ scratch: inout Scratch
  ) throws(DecodingError) -> Bool {
    try state.withLock { (state) throws(DecodingError) in try state.shorten(&row, of: values, &scratch) }
  }

  /// The token that must come next, if it was found ahead; each is returned once, and then accepted like any other.
  package func takeForcedToken() -> TokenID? { state.withLock { $0.takeForcedToken() } }

  /// Applies everything that comes before the temperature to a row of the model's logits.
  ///
  /// - Throws: ``DecodingError`` if the constraint allows nothing or a processor throws.
  public func apply(to row: inout MutableSpan<Float>) throws(DecodingError) {
    var scratch = Scratch()
    try state.withLock { (state) throws(DecodingError) in
      if isRewriting { try state.rewrite(&row, &scratch) }
      state.listFew(count: row.count, &scratch)
      state.editFew(&row, scratch)
    }
  }

  /// Makes `row`, whose maxima are those of `values`, what everything that comes before the temperature makes of them, with
  /// memory of the caller's.
  ///
  /// - Throws: ``DecodingError`` if the constraint or a processor fails, or if nothing may be left.
  func apply(
    _ values: Span<Float>, to row: inout EditedRow, _ scratch: inout Scratch
  ) throws(DecodingError) {
    row.begin(count: values.count)
    try state.withLock { (state) throws(DecodingError) in
      if isRewriting, !state.isOnlyMasking {
        try row.rewrite(values) { (row) throws(DecodingError) in
          try state.rewrite(&row, &scratch)
          state.listFew(count: row.count, &scratch)
          state.editFew(&row, scratch)
        }
      } else {
        if isRewriting {
          try state.fillMask(count: values.count, &scratch)
          row.keep(scratch.mask)
        }
        state.listFew(count: values.count, &scratch)
        try row.edit(scratch.changed, of: values) { row in state.editFew(&row, scratch) }
      }
    }
  }

  /// Memory that applying controls needs, to be used again.
  package struct Scratch: Sendable {
    /// The constraint's mask.
    var mask: [UInt64] = []
    /// The tokens whose logits are changed one by one, some more than once: first those that are forbidden.
    var changed: [TokenID] = []
    /// The number of those that are forbidden.
    var forbiddenCount = 0

    /// Creates scratch memory.
    package init() {}

    /// Makes room for a mask of `tokenCount` tokens; returns the number of its words.
    mutating func resizeMask(tokenCount: Int) -> Int {
      let wordCount = (tokenCount + 63) / 64
      if mask.count != wordCount { mask = Array(repeating: 0, count: wordCount) }
      return wordCount
    }
  }
}
