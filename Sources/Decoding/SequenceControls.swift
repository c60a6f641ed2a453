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
    self.init(request, controls: controls, capacity: capacity, isJumpingForward: false)
  }

  /// Creates controls as above, which look ahead for tokens that the constraint forces if `isJumpingForward` is true.
  package init?(
    _ request: GenerationRequest, controls: TokenControls, capacity: Int, isJumpingForward: Bool
  ) {
    let params = request.params
    let isNeeded =
      params.hasPenalties || params.minTokens > 0 || params.noRepeatNGramSize > 0 || !params.logitBias.isEmpty
      || !request.bannedSequences.isEmpty || !controls.isEmpty
    guard isNeeded else { return nil }
    isRewriting = !controls.isEmpty
    state = Mutex(SequenceState(request, controls, capacity: capacity, isJumpingForward: isJumpingForward))
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

  /// `token` was chosen.
  ///
  /// - Throws: ``DecodingError`` if the constraint does not allow it.
  package func accept(_ token: TokenID) throws(DecodingError) {
    try state.withLock { (state) throws(DecodingError) in try state.accept(token) }
  }

  /// Finds out which tokens must follow `token`, which has been chosen and will be accepted next, whatever their logits.
  func lookAhead(past token: TokenID) { state.withLock { $0.lookAhead(past: token) } }

  /// The token that must come next, if it was found ahead; each is returned once, and then accepted like any other.
  package func takeForcedToken() -> TokenID? { state.withLock { $0.takeForcedToken() } }

  /// Applies everything that comes before the temperature to a row of the model's logits.
  ///
  /// - Throws: ``DecodingError`` if the constraint allows nothing or a processor throws.
  public func apply(to row: inout MutableSpan<Float>) throws(DecodingError) {
    var scratch = Scratch()
    try apply(to: &row, &scratch)
  }

  /// Applies everything that comes before the temperature, with memory of the caller's; lists in it which logits were
  /// changed one by one.
  func apply(to row: inout MutableSpan<Float>, _ scratch: inout Scratch) throws(DecodingError) {
    try state.withLock { (state) throws(DecodingError) in
      if isRewriting { try state.rewrite(&row, &scratch) }
      state.editFew(&row, &scratch)
    }
  }

  /// Memory that applying controls needs, to be used again.
  package struct Scratch: Sendable {
    /// The constraint's mask.
    var mask: [UInt64] = []
    /// The tokens whose logits were changed one by one; some more than once.
    var changed: [TokenID] = []

    /// Creates scratch memory.
    package init() {}
  }
}
