public import Requests

/// What of one sample's parameters depends on its tokens so far: constraint, processors, penalties, forbidden tokens.
///
/// It is kept up to date token by token, so that a step costs as much as there are different tokens in the sequence, and
/// not as much as there are in the vocabulary. Room for the tokens is made when it is created.
///
/// Unchecked sendability: it is made by the caller, handed to the engine thread with its request, and from then on used by
/// that thread or by the one worker that decodes the request's row.
public final class SequenceControls: @unchecked Sendable {
  private let params: SamplingParams
  private var controls: TokenControls
  private let bias: [TokenLogprob]
  private let badWords: [[TokenID]]
  private let endTokens: [TokenID]
  private let promptTokenCount: Int
  private var tokens: [TokenID]
  private var counts: TokenCounts
  private var ngrams: NGramIndex

  /// Creates the controls of a sample that has generated nothing, or returns nil if its parameters say nothing about it.
  ///
  /// - Parameters:
  ///   - request: the prompt and the parameters.
  ///   - controls: constraint and processors.
  ///   - capacity: number of tokens to make room for.
  public convenience init?(_ request: GenerationRequest, controls: TokenControls = TokenControls(), capacity: Int = 0) {
    let params = request.params
    let isNeeded =
      params.hasPenalties || params.minTokens > 0 || params.noRepeatNGramSize > 0 || !params.logitBias.isEmpty
      || !request.bannedSequences.isEmpty || !controls.isEmpty
    guard isNeeded else { return nil }
    self.init(of: request, controls, capacity)
  }

  private init(of request: GenerationRequest, _ controls: TokenControls, _ capacity: Int) {
    params = request.params
    self.controls = controls
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

  private init(copying other: SequenceControls) {
    (params, controls, bias, badWords) = (other.params, other.controls, other.bias, other.badWords)
    (endTokens, promptTokenCount) = (other.endTokens, other.promptTokenCount)
    (tokens, counts, ngrams) = (other.tokens, other.counts, other.ngrams)
  }

  /// The controls of another sample that has the same tokens so far.
  package func copy() -> SequenceControls { SequenceControls(copying: self) }

  /// Whether any logit may change, and not only a few that can be listed.
  package var isRewriting: Bool { !controls.isEmpty }

  /// Whether the constraint allows nothing but the end.
  package var isFinished: Bool { controls.constraint?.isFinished ?? false }

  /// `token` was chosen.
  ///
  /// - Throws: ``DecodingError`` if the constraint does not allow it.
  package func accept(_ token: TokenID) throws(DecodingError) {
    if controls.constraint != nil { try controls.constraint?.accept(token) }
    tokens.append(token)
    if params.hasPenalties { counts.addOutputToken(token) }
    ngrams.extend(with: tokens)
  }

  /// Applies everything that comes before the temperature to a row of the model's logits.
  ///
  /// - Throws: ``DecodingError`` if the constraint allows nothing or a processor throws.
  public func apply(to row: inout MutableSpan<Float>) throws(DecodingError) {
    var scratch = Scratch()
    try rewrite(&row, &scratch)
    editFew(&row, &scratch)
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

  /// Applies the constraint and the processors.
  func rewrite(_ row: inout MutableSpan<Float>, _ scratch: inout Scratch) throws(DecodingError) {
    if controls.constraint != nil {
      let wordCount = (row.count + 63) / 64
      if scratch.mask.count != wordCount { scratch.mask = Array(repeating: 0, count: wordCount) }
      controls.constraint?.fillMask(&scratch.mask)
      guard scratch.mask.count == wordCount, Self.apply(scratch.mask, to: &row) else { throw .nothingAllowed }
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
    if controls.constraint != nil { _ = Self.apply(scratch.mask, to: &row) }
  }

  /// Forbids the tokens whose bits are 0; returns whether any is allowed.
  private static func apply(_ mask: [UInt64], to row: inout MutableSpan<Float>) -> Bool {
    var isAnyAllowed = false
    for place in mask.indices {
      let first = place * 64
      let count = min(64, row.count - first)
      let all: UInt64 = count == 64 ? .max : (1 << UInt64(count)) - 1
      let word = mask[place] & all
      if word != 0 { isAnyAllowed = true }
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
    return isAnyAllowed
  }

  /// Applies what changes the logits of a few tokens, which it lists in `scratch`.
  func editFew(_ row: inout MutableSpan<Float>, _ scratch: inout Scratch) {
    scratch.changed.removeAll(keepingCapacity: true)
    if tokens.count - promptTokenCount < params.minTokens {
      for token in endTokens { Self.forbid(token, &row, &scratch) }
    }
    for index in badWords.indices where endsWithAllButLast(of: badWords[index]) {
      if let last = badWords[index].last { Self.forbid(last, &row, &scratch) }
    }
    ngrams.forEachFollower(of: tokens) { Self.forbid($0, &row, &scratch) }
    for entry in bias where Int(entry.token) < row.count {
      row[Int(entry.token)] += entry.logprob
      scratch.changed.append(entry.token)
    }
    guard params.hasPenalties else { return }
    let (repetition, presence, frequency) =
      (params.repetitionPenalty, params.presencePenalty, params.frequencyPenalty)
    for index in counts.entries.indices where Int(counts.entries[index].token) < row.count {
      let entry = counts.entries[index]
      var logit = row[Int(entry.token)]
      if repetition != 1 { logit = logit > 0 ? logit / repetition : logit * repetition }
      if entry.outputCount > 0 { logit = (logit - frequency * Float(entry.outputCount)) - presence }
      row[Int(entry.token)] = logit
      scratch.changed.append(entry.token)
    }
  }

  private static func forbid(_ token: TokenID, _ row: inout MutableSpan<Float>, _ scratch: inout Scratch) {
    guard Int(token) < row.count else { return }
    row[Int(token)] = -.infinity
    scratch.changed.append(token)
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
