internal import Requests

/// The contents of ``SequenceControls``: what is known about one sample's tokens, and what follows from it for the next.
struct SequenceState: Sendable {
  private let params: SamplingParams
  private var controls: TokenControls
  private let bias: [TokenLogprob]
  private let badWords: [[TokenID]]
  private let endTokens: [TokenID]
  private let promptTokenCount: Int
  /// Number of tokens that the sequence may have.
  private let limit: Int
  private let isJumpingForward: Bool
  private var tokens: [TokenID]
  private var counts: TokenCounts
  private var ngrams: NGramIndex
  /// Tokens that were found to follow, the next one last.
  private var forced: [TokenID] = []
  /// Whether a token was chosen so that the text can end in time.
  private(set) var isShortened = false

  /// The most tokens that are looked for at a time.
  private static let maximumForcedCount = 64

  /// Creates the state of a sample that has generated nothing, with room for `capacity` tokens.
  ///
  /// Tokens are looked for ahead only where a row of logits would decide nothing: not where its log-probabilities are asked
  /// for, and not where the caller's own code is to see it.
  init(
    _ request: GenerationRequest, _ controls: TokenControls, capacity: Int, limit: Int, isJumpingForward: Bool
  ) {
    params = request.params
    self.limit = limit
    self.controls = controls
    self.isJumpingForward =
      isJumpingForward && params.logprobs == nil && controls.constraint != nil && controls.processors.isEmpty
    bias = params.logitBias.map { TokenLogprob(token: $0.key, logprob: $0.value) }
    badWords = request.bannedSequences
    endTokens = params.stopTokenIDs + (params.ignoreEndOfSequence ? [] : request.endOfSequenceTokenIDs)
    promptTokenCount = request.promptTokens.count
    let room = max(capacity, promptTokenCount)
    tokens = []
    tokens.reserveCapacity(room)
    tokens += request.promptTokens
    counts = TokenCounts(capacity: params.hasPenalties ? room : 0)
    if params.repetitionPenalty != 1 { for token in request.promptTokens { counts.addPromptToken(token) } }
    ngrams = NGramIndex(size: params.noRepeatNGramSize, capacity: room)
    ngrams.extend(with: tokens)
  }

  /// Whether the constraint allows nothing but the end.
  var isFinished: Bool { controls.constraint?.isFinished ?? false }

  /// `token` was chosen.
  ///
  /// - Throws: ``DecodingError`` if the constraint does not allow it.
  mutating func accept(_ token: TokenID) throws(DecodingError) {
    if controls.constraint != nil { try controls.constraint?.accept(token) }
    tokens.append(token)
    if params.hasPenalties { counts.addOutputToken(token) }
    ngrams.extend(with: tokens)
  }

  /// Finds out which tokens must follow `token`, which will be accepted next; false if the text could not end in time behind
  /// it, although it still can, unless `isFinal`.
  mutating func lookAhead(past token: TokenID, isFinal: Bool) -> Bool {
    forced.removeAll(keepingCapacity: true)
    guard var ahead = controls.constraint, (try? ahead.accept(token)) != nil else { return true }
    let leftCount = limit - tokens.count - 1
    // Where it cannot end in time anyway, nothing would be won.
    if !isFinal, !ahead.canEnd(within: leftCount), canEnd(within: leftCount + 1) { return false }
    guard isJumpingForward else { return true }
    while forced.count < Self.maximumForcedCount, !ahead.isFinished, let next = ahead.forcedToken() {
      guard (try? ahead.accept(next)) != nil else { break }
      forced.append(next)
    }
    forced.reverse()
    return true
  }

  private mutating func canEnd(within count: Int) -> Bool { controls.constraint?.canEnd(within: count) ?? true }

  /// Forbids what the text could not end in time behind; false if that is everything.
  mutating func shorten(
    _ row: inout EditedRow, of values: Span<Float>, _ scratch: inout SequenceControls.Scratch
  ) throws(DecodingError) -> Bool {
    let leftCount = limit - tokens.count - 1
    let wordCount = scratch.resizeMask(tokenCount: values.count)
    try controls.constraint?.fillMask(&scratch.mask, endingWithin: leftCount)
    guard scratch.mask.count == wordCount else { throw .nothingAllowed }
    row.keep(scratch.mask)
    guard row.isAnyLeft(of: values) else { return false }
    isShortened = true
    return true
  }

  /// The next of the tokens that were found; nil if there is none, or if something else forbids it: that it then fails the
  /// request is for the row of logits to say.
  mutating func takeForcedToken() -> TokenID? {
    guard let token = forced.popLast() else { return nil }
    guard !isForbidden(token) else {
      forced.removeAll(keepingCapacity: true)
      return nil
    }
    return token
  }

  /// Whether the constraint is all that may change any logit.
  var isOnlyMasking: Bool { controls.constraint != nil && controls.processors.isEmpty }

  /// Asks the constraint which of `count` tokens it allows.
  mutating func fillMask(count: Int, _ scratch: inout SequenceControls.Scratch) throws(DecodingError) {
    let wordCount = scratch.resizeMask(tokenCount: count)
    try controls.constraint?.fillMask(&scratch.mask)
    guard scratch.mask.count == wordCount, Self.isAnyAllowed(scratch.mask, count: count) else { throw .nothingAllowed }
  }

  private static func isAnyAllowed(_ mask: [UInt64], count: Int) -> Bool {
    let last = UInt64.max >> UInt64(mask.count * 64 - count)
    return mask.dropLast().contains { $0 != 0 } || mask.last.map { $0 & last != 0 } ?? false
  }

  /// Applies the constraint and the processors.
  mutating func rewrite(_ row: inout MutableSpan<Float>, _ scratch: inout SequenceControls.Scratch)
    throws(DecodingError)
  {
    if controls.constraint != nil {
      try fillMask(count: row.count, &scratch)
      Self.apply(scratch.mask, to: &row)
    }
    guard !controls.processors.isEmpty else { return }
    let tokens = tokens
    for index in controls.processors.indices {
      do {
        try controls.processors[index].process(&row, tokens: tokens.span, promptTokenCount: promptTokenCount)
      } catch {
        throw .processor("\(error)")
      }
    }
    if controls.constraint != nil { Self.apply(scratch.mask, to: &row) }
  }

  /// Forbids the tokens whose bits are 0.
  private static func apply(_ mask: [UInt64], to row: inout MutableSpan<Float>) {
    for place in mask.indices {
      let first = place * 64
      let count = min(64, row.count - first)
      let all: UInt64 = count == 64 ? .max : (1 << UInt64(count)) - 1
      let word = mask[place] & all
      var forbidden = ~word & all
      if forbidden == all {
        for index in first..<first + count { row[index] = -.infinity }
      } else {
        while forbidden != 0 {
          row[first + forbidden.trailingZeroBitCount] = -.infinity
          forbidden &= forbidden - 1
        }
      }
    }
  }

  /// Lists in `scratch` the tokens, of `count`, whose logits ``editFew(_:_:)`` changes.
  func listFew(count: Int, _ scratch: inout SequenceControls.Scratch) {
    scratch.changed.removeAll(keepingCapacity: true)
    forEachForbidden { if Int($0) < count { scratch.changed.append($0) } }
    scratch.forbiddenCount = scratch.changed.count
    for entry in bias where Int(entry.token) < count { scratch.changed.append(entry.token) }
    guard params.hasPenalties else { return }
    for index in counts.entries.indices where Int(counts.entries[index].token) < count {
      scratch.changed.append(counts.entries[index].token)
    }
  }

  /// Applies what changes the logits of the few tokens that ``listFew(count:_:)`` has listed.
  func editFew(_ row: inout MutableSpan<Float>, _ scratch: SequenceControls.Scratch) {
    for place in 0..<scratch.forbiddenCount { row[Int(scratch.changed[place])] = -.infinity }
    for entry in bias where Int(entry.token) < row.count { row[Int(entry.token)] += entry.logprob }
    guard params.hasPenalties else { return }
    let (repetition, presence, frequency) =
      (params.repetitionPenalty, params.presencePenalty, params.frequencyPenalty)
    for index in counts.entries.indices where Int(counts.entries[index].token) < row.count {
      let entry = counts.entries[index]
      var logit = row[Int(entry.token)]
      if repetition != 1 { logit = logit > 0 ? logit / repetition : logit * repetition }
      if entry.outputCount > 0 { logit = (logit - frequency * Float(entry.outputCount)) - presence }
      row[Int(entry.token)] = logit
    }
  }

  /// Calls `body` with every token that may not come next, whatever its logit; with some more than once.
  private func forEachForbidden(_ body: (TokenID) -> Void) {
    if tokens.count - promptTokenCount < params.minTokens { for token in endTokens { body(token) } }
    for index in badWords.indices where endsWithAllButLast(of: badWords[index]) {
      if let last = badWords[index].last { body(last) }
    }
    ngrams.forEachFollower(of: tokens, body)
  }

  private func isForbidden(_ token: TokenID) -> Bool {
    var isFound = false
    forEachForbidden { if $0 == token { isFound = true } }
    return isFound
  }

  /// Whether the output ends with all tokens of `word` but its last.
  private func endsWithAllButLast(of word: [TokenID]) -> Bool {
    let count = word.count - 1
    guard count >= 0, tokens.count - promptTokenCount >= count else { return false }
    for offset in 0..<count where tokens[tokens.count - count + offset] != word[offset] { return false }
    return true
  }
}

extension SamplingParams {
  /// Whether tokens of the sequence get other logits.
  var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }
}
