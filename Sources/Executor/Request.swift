package import Decoding
package import Requests
internal import Resources
internal import Scheduling
internal import Tensors

/// A request inside of the executor, from submission to its end.
package struct Request: Sendable {
  /// The request's name.
  package let id: RequestID
  /// The seed of its random numbers, given or drawn.
  package let seed: UInt64
  /// Number of tokens that it will have if it runs to its limit.
  package let maximumTokenCount: Int
  /// Where its events go.
  let outputs: OutputQueue
  /// The request whose sample this is; its own name for the first.
  let groupID: RequestID
  /// Which of the request's samples this is, from 0.
  let sampleIndex: Int

  // What every step looks at comes first, close together: most of a request is not, and is far away after a pass.

  /// Where it is in its life.
  var state = RequestState.new
  /// Number of further samples that begin when the prompt is processed.
  var pendingSampleCount: Int
  /// What of the parameters depends on the tokens so far; nil if nothing does.
  var controls: SequenceControls?
  /// Its place among the running requests while it holds resources.
  var slot: Int?
  /// The prompt and what was generated.
  var tokens: [TokenID] = []
  /// The scheduling round in which it was planned last, to notice a plan that names it twice.
  var lastRound = 0
  /// Whether the copy in the waiting queue is to be removed, since the request has started.
  var hasLeftQueue = false
  /// Whether it is a beam whose next tokens are known, and which holds nothing until those of all beams are.
  var isWaitingForBeams = false
  /// Whether nobody asks for it any more: a beam that is not followed ends without a word.
  var isDropped = false
  /// The place of a beam among those that its search follows; nil for a request that is no beam.
  var beamPlace: Int?
  /// Number of tokens of the prompt.
  let promptTokenCount: Int
  /// What each step needs of ``input``.
  let facts: StepFacts
  /// What the caller asked for.
  package let input: GenerationRequest
  /// Number of prompt tokens whose log-probabilities were reported.
  var reportedPromptCount = 0
  /// Number of prompt tokens that were found in the cache when it first started.
  var cachedTokenCount = 0
  /// What the cache is asked about while the request waits; made when it is first needed. Nil while the request runs: it
  /// shares the storage of ``tokens``, which could not grow in place.
  var sequence: CacheSequence?
  /// The sum of the hidden states so far, where their mean is wanted.
  var pooled = PooledStates()

  /// Number of generated tokens that room is made for from the beginning.
  private static let reservedGenerationCount = 4096

  /// Creates a waiting request. The names of its further samples are those that follow `id`.
  package init(
    id: RequestID, input: GenerationRequest, seed: UInt64, maximumTokenCount: Int,
    controls: TokenControls = TokenControls(), isJumpingForward: Bool = false, outputs: OutputQueue
  ) {
    self.id = id
    groupID = id
    sampleIndex = 0
    pendingSampleCount = input.sequenceCount - 1
    beamPlace = input.beams == nil ? nil : 0
    promptTokenCount = input.promptTokens.count
    facts = StepFacts(input)
    self.input = input
    self.seed = seed
    self.maximumTokenCount = maximumTokenCount
    self.outputs = outputs
    // On the caller's side, so that the engine thread neither copies the prompt nor makes room token by token.
    let expectedCount = min(maximumTokenCount, input.promptTokens.count + Self.reservedGenerationCount)
    tokens.reserveCapacity(max(expectedCount, input.promptTokens.count))
    tokens += input.promptTokens
    grammar = controls.processors.isEmpty ? controls.grammar : nil
    self.controls = SequenceControls(
      input, controls: controls, capacity: expectedCount, limit: maximumTokenCount, isJumpingForward: isJumpingForward)
  }

  /// Creates sample `index` of `first`, whose prompt is processed, before it has generated anything.
  init(sample index: Int, of first: Request, controls: SequenceControls?) {
    id = RequestID(first.groupID.rawValue &+ UInt64(index))
    groupID = first.groupID
    sampleIndex = index
    pendingSampleCount = 0
    (input, seed, maximumTokenCount, outputs) = (first.input, first.seed, first.maximumTokenCount, first.outputs)
    (promptTokenCount, facts) = (first.promptTokenCount, first.facts)
    self.controls = controls
    grammar = first.grammar
    (cachedTokenCount, reportedPromptCount) = (first.cachedTokenCount, first.reportedPromptCount)
    tokens.reserveCapacity(first.tokens.capacity)
    tokens += input.promptTokens
  }

  /// Creates a beam, by the name of number `number`, that has what `other` has and holds nothing.
  init(beam number: Int, like other: Request) {
    self.init(sample: number, of: other, controls: nil)
    beamPlace = number
    tokens += other.tokens.dropFirst(tokens.count)
  }

  /// Whether the request has other samples, which have begun.
  var hasSiblings: Bool { input.params.sampleCount > 1 && pendingSampleCount == 0 }

  /// Writes down the grammar that decides about its tokens; nil if there is none, or code of the caller's besides.
  package let grammar: (@Sendable () -> String)?

  /// Whether a replay can make the same of it from its parameters: not if a constraint or code of the caller's decides about
  /// its tokens, nor if it has none.
  package var isReplayable: Bool { input.pooling == nil && !(controls?.isRewriting ?? false) }

  /// Number of generated tokens.
  @inline(__always)
  var generatedCount: Int { tokens.count - promptTokenCount }

  /// Whether log-probabilities of the prompt are still to be reported, so that every row of logits is needed.
  /// Inlined, as are the views and ``reasonToFinish``, since the caller would copy the request otherwise, references
  /// and all.
  @inline(__always)
  var needsEveryLogitsRow: Bool {
    facts.hasPromptLogprobs && reportedPromptCount < promptTokenCount
  }

  /// What a scheduler sees of the request while it has a slot. Mutating, though it changes nothing: the request is then read
  /// where it is, and not copied.
  @inline(__always)
  mutating func runningView(holdings: BlockHoldings) -> SchedulableRequest {
    SchedulableRequest(
      id: id, isRunning: true, priority: input.priority, tag: input.tag, knownTokenCount: tokens.count,
      processedTokenCount: state.processedTokenCount, maximumTokenCount: maximumTokenCount,
      allocatedBlockCount: holdings.heldCount, releasableBlockCount: holdings.releasableCount,
      needsEveryLogitsRow: needsEveryLogitsRow, pendingSampleCount: pendingSampleCount,
      promptTokenCount: promptTokenCount)
  }

  /// What a scheduler sees of the request while it waits to start, or to start again.
  @inline(__always)
  mutating func waitingView(cache: any KVCacheManaging) -> SchedulableRequest {
    var sequence = sequence.take() ?? CacheSequence(tokens: tokens, options: input.cache)
    let prefix = cache.cachedPrefix(of: &sequence, maximumReuse: maximumReuse)
    self.sequence = sequence
    return SchedulableRequest(
      id: id, isRunning: false, priority: input.priority, tag: input.tag, knownTokenCount: tokens.count,
      processedTokenCount: prefix.tokenCount, maximumTokenCount: maximumTokenCount,
      allocatedBlockCount: prefix.heldBlockCount, needsEveryLogitsRow: needsEveryLogitsRow,
      nextBlockKey: prefix.nextBlockKey, isNextBlockBeingComputed: prefix.isNextBlockBeingComputed,
      pendingSampleCount: pendingSampleCount, promptTokenCount: promptTokenCount)
  }

  /// The most tokens that may be taken from the cache. The last one never is, since its logits are needed.
  @inline(__always)
  var maximumReuse: Int { needsEveryLogitsRow || input.pooling == .mean ? 0 : tokens.count - 1 }

  /// Asks the processor for what adding the next token and telling the reader of it touches.
  @inline(__always)
  mutating func prefetch() {
    Prefetch.element(state.processedTokenCount, of: tokens)
    outputs.prefetch()
  }

  /// Whether it is over. Asked several times in each step, so that the state, which has a reason in it, is not copied for it.
  @inline(__always)
  var isFinished: Bool {
    if case .finished = state { true } else { false }
  }

  /// Whether it runs, and has generated a token that is not processed.
  @inline(__always)
  var isOneTokenBehind: Bool {
    if case .generating(let progress) = state { tokens.count == progress.processed + 1 } else { false }
  }

  /// `count` more of the known tokens are processed.
  mutating func advance(by count: Int) {
    switch state {
    case .context(let progress), .generating(let progress): state = progress.advanced(by: count, of: tokens.count)
    case .waiting, .finished: break
    }
  }

  /// The reason to end after the last token, which was generated, or nil to go on. A stop token wins over the length.
  @inline(__always)
  var reasonToFinish: FinishReason? {
    guard let token = tokens.last else { return nil }
    if facts.endOfSequenceTokens.contains(token) { return .endOfSequence(token) }
    if facts.stopTokens.contains(token) { return .stopToken(token) }
    return tokens.count >= maximumTokenCount ? .length : nil
  }

  /// Why a text ended that came to its end for `reason`: because of its length, if its constraint kept it from going on
  /// as the model wanted to, so that it could end at all.
  func unlessShortened(_ reason: FinishReason) -> FinishReason {
    switch reason {
    case .endOfSequence, .constraintEnded: controls?.isShortened == true ? .length : reason
    case .stopToken, .stopString, .length, .cancelled, .failed: reason
    }
  }

  /// Ends the request, unless it has ended already.
  mutating func finish(_ reason: FinishReason) {
    if !isFinished { state = .finished(reason) }
  }

  /// Sends the last event and ends the stream, in which all samples have so many tokens.
  ///
  /// - Returns: the reader if one is waiting; the caller must resume it.
  func respondFinished(_ reason: FinishReason, completionTokenCount: Int) -> ReadyReader? {
    outputs.finish(
      RequestSummary(
        reason: reason, promptTokenCount: promptTokenCount, completionTokenCount: completionTokenCount,
        cachedTokenCount: cachedTokenCount, seed: seed))
  }
}

/// What each step needs to know of a request's parameters, which are many: by themselves these lie close together.
struct StepFacts: Sendable {
  /// The tokens that end a sequence because they are the model's; none if the request ignores them.
  let endOfSequenceTokens: [TokenID]
  /// The tokens that end a sequence because the caller says so.
  let stopTokens: [TokenID]
  /// Whether log-probabilities of the prompt are asked for.
  let hasPromptLogprobs: Bool
  /// Whether hidden states are asked for in place of an answer.
  let isPooled: Bool

  /// Takes them out of `input`.
  init(_ input: GenerationRequest) {
    endOfSequenceTokens = input.params.ignoreEndOfSequence ? [] : input.endOfSequenceTokenIDs
    stopTokens = input.params.stopTokenIDs
    hasPromptLogprobs = input.params.promptLogprobs != nil
    isPooled = input.pooling != nil
  }
}
