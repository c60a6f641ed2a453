package import Decoding
package import ModelEngines
public import Requests
package import Scheduling

/// A request that can never run, refused before it enters the queue.
public enum SubmissionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A sampling parameter is out of range.
  case invalidParameter(SamplingParamsError)
  /// The prompt has no tokens.
  case emptyPrompt
  /// The prompt leaves no room for even one generated token.
  case promptTooLong(tokenCount: Int, limit: Int)
  /// Prompt and `max_tokens` together exceed the longest sequence.
  case sequenceTooLong(promptTokenCount: Int, maxTokens: Int, limit: Int)
  /// The request has more samples, or beams, than can run at a time.
  case tooManySamples(count: Int, limit: Int)
  /// Prompt and `max_tokens` together need more cache than there is.
  case cacheTooSmall(neededBlockCount: Int, totalBlockCount: Int, blockSize: Int)
  /// A token that `parameter` names is not in the vocabulary.
  case tokenOutOfVocabulary(token: TokenID, vocabularySize: Int, parameter: String)
  /// Hidden states are asked for, and the engine hands out none.
  case noHiddenStates
  /// As many requests wait as may wait.
  case queueFull(limit: Int)
  /// The prompts that wait have as many tokens as may wait.
  case queueTooLong(tokenLimit: Int)
  /// The executor is shut down.
  case shutDown

  /// One line that says what is wrong and what to do.
  public var description: String {
    switch self {
    case .invalidParameter(let error): error.description
    case .emptyPrompt: "the prompt is empty; it must have at least one token"
    case .promptTooLong(let tokenCount, let limit):
      "the prompt has \(tokenCount) tokens, but prompt and answer together may have \(limit); shorten the prompt"
    case .sequenceTooLong(let promptTokenCount, let maxTokens, let limit):
      "the prompt's \(promptTokenCount) tokens and max_tokens \(maxTokens) together exceed the limit of \(limit) tokens; "
        + "lower max_tokens to \(limit - promptTokenCount) or shorten the prompt"
    case .tooManySamples(let count, let limit):
      "the request has \(count) samples or beams, but only \(limit) can run at a time; lower their number, or raise the "
        + "batch size"
    case .cacheTooSmall(let neededBlockCount, let totalBlockCount, let blockSize):
      "the request needs \(neededBlockCount) cache blocks of \(blockSize) tokens, but there are only \(totalBlockCount); "
        + "lower max_tokens or give the engine more memory"
    case .tokenOutOfVocabulary(let token, let vocabularySize, _):
      "token \(token) is not in the vocabulary of \(vocabularySize) tokens"
    case .noHiddenStates: "this engine has no hidden states to make embeddings of"
    case .queueFull(let limit): "\(limit) requests are waiting already; try again later"
    case .queueTooLong(let tokenLimit):
      "the prompts that wait already have nearly \(tokenLimit) tokens; try again later"
    case .shutDown: "the executor is shut down"
    }
  }

  /// The parameter that is wrong, as it is on the wire; nil if it is none of the request's.
  public var parameter: String? {
    switch self {
    case .invalidParameter(let error): error.parameter
    case .emptyPrompt, .promptTooLong: "prompt"
    case .sequenceTooLong, .cacheTooSmall: "max_tokens"
    case .tooManySamples: "n"
    case .tokenOutOfVocabulary(_, _, let parameter): parameter
    case .noHiddenStates, .queueFull, .queueTooLong, .shutDown: nil
    }
  }
}

/// What a request must satisfy to be able to run; checked on the caller's side.
package struct AdmissionLimits: Sendable {
  /// Number of tokens in the vocabulary.
  var vocabularySize: Int
  /// Longest sequence that the engine takes.
  var maximumSequenceLength: Int
  /// Number of tokens in a cache block.
  var blockSize: Int
  /// Number of cache blocks in all.
  var blockCount: Int
  /// Most samples of a request.
  var maximumSampleCount: Int
  /// Most blocks that one sequence holds at a time: fewer than it has, if attention looks back through a window only.
  var maximumBlocksPerSequence: Int

  /// Most tokens that one sequence can have: the engine's limit or all of the cache, whichever is smaller.
  var longestSequence: Int {
    if maximumBlocksPerSequence <= blockCount { return maximumSequenceLength }
    let (cacheTokens, overflow) = blockSize.multipliedReportingOverflow(by: blockCount)
    return overflow ? maximumSequenceLength : min(maximumSequenceLength, cacheTokens)
  }

  /// The limits of an engine whose cache has `budget`.
  package init(_ engine: ModelEngineLimits, _ budget: CacheBudget, maximumSampleCount: Int) {
    self.maximumSampleCount = maximumSampleCount
    vocabularySize = engine.vocabularySize
    maximumSequenceLength = engine.maximumSequenceLength
    blockSize = budget.blockSize
    blockCount = budget.totalBlockCount
    maximumBlocksPerSequence = budget.maximumBlocksPerSequence
  }

  /// The number of tokens that `request` will have if it runs to its limit.
  ///
  /// - Throws: ``SubmissionError`` if the request can never run.
  package func maximumTokenCount(
    of request: GenerationRequest, controls: TokenControls = TokenControls()
  ) throws(SubmissionError) -> Int {
    do {
      _ = try request.beams?.validated(endTokenCount: request.endTokens.count)
      _ = try request.params.validated()
      _ = try request.cache.retention.validated()
      if controls.constraint != nil { try Self.checkConstrained(request.params) }
    } catch {
      throw .invalidParameter(error)
    }
    let promptCount = request.promptTokens.count
    guard promptCount > 0 else { throw .emptyPrompt }
    guard promptCount < longestSequence else { throw .promptTooLong(tokenCount: promptCount, limit: longestSequence) }
    try checkVocabulary(request.promptTokens, "prompt")
    try checkVocabulary(request.params.stopTokenIDs, "stop_token_ids")
    try checkVocabulary(Array(request.params.logitBias.keys), "logit_bias")
    for tokens in request.bannedSequences { try checkVocabulary(tokens, "bad_words") }
    let sampleCount = request.sequenceCount
    guard sampleCount <= maximumSampleCount else {
      throw .tooManySamples(count: sampleCount, limit: maximumSampleCount)
    }
    // Samples share the whole blocks of the prompt.
    let sharedCount = promptCount / blockSize
    guard let maxTokens = request.params.maxTokens else {
      let isWindowed = maximumBlocksPerSequence <= blockCount / sampleCount
      let roomCount = (sharedCount + (blockCount - sharedCount) / sampleCount) * blockSize
      let longest = isWindowed ? longestSequence : min(longestSequence, roomCount)
      guard promptCount < longest else { throw .promptTooLong(tokenCount: promptCount, limit: longest) }
      return longest
    }
    guard maxTokens <= maximumSequenceLength - promptCount else {
      throw .sequenceTooLong(promptTokenCount: promptCount, maxTokens: maxTokens, limit: maximumSequenceLength)
    }
    let ownCount = (promptCount + maxTokens + blockSize - 1) / blockSize - sharedCount
    let (windowed, overflow) = maximumBlocksPerSequence.multipliedReportingOverflow(by: sampleCount)
    let needed = min(overflow ? .max : windowed, sharedCount + ownCount * sampleCount)
    guard needed <= blockCount else {
      throw .cacheTooSmall(neededBlockCount: needed, totalBlockCount: blockCount, blockSize: blockSize)
    }
    return promptCount + maxTokens
  }

  /// The number of tokens of a request for hidden states, which generates none.
  ///
  /// - Throws: ``SubmissionError`` if the request can never run.
  func pooledTokenCount(of request: GenerationRequest) throws(SubmissionError) -> Int {
    let count = request.promptTokens.count
    guard count > 0 else { throw .emptyPrompt }
    guard count <= longestSequence else { throw .promptTooLong(tokenCount: count, limit: longestSequence) }
    try checkVocabulary(request.promptTokens, "prompt")
    guard request.params.sampleCount == 1 else {
      throw .tooManySamples(count: request.params.sampleCount, limit: 1)
    }
    return count
  }

  private func checkVocabulary(_ tokens: [TokenID], _ parameter: String) throws(SubmissionError) {
    guard let token = tokens.first(where: { $0 < 0 || Int($0) >= vocabularySize }) else { return }
    throw .tokenOutOfVocabulary(token: token, vocabularySize: vocabularySize, parameter: parameter)
  }

  /// Refuses what a constraint contradicts: it alone decides where the text may end, and where it must.
  private static func checkConstrained(_ params: SamplingParams) throws(SamplingParamsError) {
    if params.minTokens > 0 {
      throw SamplingParamsError("min_tokens", "\(params.minTokens)", "0 where the text is constrained")
    }
    if params.ignoreEndOfSequence {
      throw SamplingParamsError("ignore_eos", "true", "false where the text is constrained")
    }
  }
}
