/// What a caller submits: a prompt in tokens and how to go on from it.
public struct GenerationRequest: Sendable, Equatable {
  /// The prompt; at least one token.
  public var promptTokens: [TokenID]
  /// How tokens are chosen and when the request ends.
  public var params: SamplingParams
  /// Requests of a higher priority enter before all waiting requests of a lower one; within one, first come first served.
  public var priority: Int
  /// A number of the caller's own that scheduling policies see: a tenant, a deadline, a class of service.
  public var tag: UInt64
  /// The model's end-of-sequence tokens.
  public var endOfSequenceTokenIDs: [TokenID]
  /// How the request uses the cache of prefixes.
  public var cache: CacheOptions
  /// Token sequences of which the last token is not generated after the others: ``SamplingParams/badWords`` as tokens.
  public var bannedSequences: [[TokenID]] = []
  /// The index of the first sample: what keys its random numbers. With the seed of an earlier request and `i` here, its
  /// sample `i` is generated again, alone.
  public var firstSampleIndex = 0
  /// How to search for the most probable continuations; nil for a request whose tokens are chosen as ``params`` says.
  package private(set) var beams: BeamSearchParams?
  /// What becomes of the prompt's hidden states, if they are wanted: nothing is then generated, and of ``params`` nothing
  /// matters. Nil for an answer.
  public var pooling: Pooling?

  /// Creates a request of priority 0 unless told otherwise.
  public init(
    promptTokens: [TokenID], params: SamplingParams = SamplingParams(), priority: Int = 0,
    tag: UInt64 = 0, endOfSequenceTokenIDs: [TokenID] = [], cache: CacheOptions = CacheOptions()
  ) {
    self.promptTokens = promptTokens
    self.params = params
    self.priority = priority
    self.tag = tag
    self.endOfSequenceTokenIDs = endOfSequenceTokenIDs
    self.cache = cache
  }

  /// Creates a request for a beam search. Its ``params`` ask for what every step of the search needs of each beam: the most
  /// probable next tokens.
  package init(
    promptTokens: [TokenID], beams: BeamSearchParams, priority: Int = 0, tag: UInt64 = 0,
    endOfSequenceTokenIDs: [TokenID] = [], cache: CacheOptions = CacheOptions()
  ) {
    let endCount = Set(endOfSequenceTokenIDs + beams.stopTokenIDs).count
    self.init(
      promptTokens: promptTokens,
      params: SamplingParams(
        maxTokens: beams.maxTokens, stopTokenIDs: beams.stopTokenIDs,
        logprobs: beams.continuationCount(endTokenCount: endCount)),
      priority: priority, tag: tag, endOfSequenceTokenIDs: endOfSequenceTokenIDs, cache: cache)
    self.beams = beams
  }

  /// The tokens that end a sequence.
  package var endTokens: Set<TokenID> { Set(endOfSequenceTokenIDs + params.stopTokenIDs) }

  /// Most sequences that the request has at a time: its samples, or its beams.
  package var sequenceCount: Int { beams?.width ?? params.sampleCount }
}
