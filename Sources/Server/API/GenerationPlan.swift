internal import Inflight
internal import JSON

/// What a request asks the engine for, once its fields are checked.
struct GenerationPlan: Sendable {
  /// The prompts, in tokens; each becomes an answer of its own.
  var prompts: [[TokenID]]
  /// How tokens are chosen.
  var params: SamplingParams
  /// Answers to a prompt. More than there are samples where all would be the same, since one is then generated for all.
  let answerCount: Int
  /// What the answers must look like.
  var controls = TokenControls()
  /// What they must look like as the request says it, if that is still to be compiled.
  var uncompiled: GuidedRequest?
  /// Requests of a higher priority go first.
  var priority: Int
  /// With whom the prompts share what is cached.
  var cache: CacheOptions
  /// Whether the answer is sent while it is generated.
  var isStreamed: Bool
  /// Whether the stream ends with the usage.
  var includesUsage: Bool

  /// Reads what all generating routes have in common.
  ///
  /// - Throws: ``APIError`` for fields that contradict each other.
  init(_ fields: FieldValues, prompts: [[TokenID]], params: SamplingParams) throws(APIError) {
    self.prompts = prompts
    let isSame = params.temperature == 0 && params.sampleCount > 1 && params.sampleCount >= params.n
    answerCount = isSame ? params.n : params.sampleCount
    self.params = params
    if isSame { (self.params.n, self.params.bestOf) = (1, nil) }
    priority = fields["priority"]?.wholeNumber ?? 0
    cache = CacheOptions(salt: fields["cache_salt"]?.stringValue)
    isStreamed = fields["stream"]?.boolValue ?? false
    let options = fields.record("stream_options")
    guard isStreamed || options == nil else {
      throw .invalid("stream_options", "is only allowed when stream is true")
    }
    includesUsage = options?["include_usage"]?.boolValue ?? false
    do throws(SamplingParamsError) {
      _ = try self.params.validated()
    } catch {
      throw .invalid(error.parameter, "is \(error.value); it must be \(error.allowed)")
    }
    guard !isStreamed || params.sampleCount == params.n else {
      throw .invalid(
        "best_of", "must be n, which is \(params.n), where the answer is streamed: the best are known at the end")
    }
    guard prompts.count * answerCount <= Self.maximumAnswers else {
      throw .invalid("n", "\(prompts.count * answerCount) answers are more than \(Self.maximumAnswers) in one request")
    }
  }

  /// Refuses more log-probabilities than one answer may have, since a short request can ask for gigabytes of them.
  ///
  /// - Throws: ``APIError`` that names the field of the alternatives.
  func checkLogprobs(_ fields: FieldValues, limit: Int, sequenceLength: Int) throws(APIError) {
    guard let alternatives = params.logprobs else { return }
    var tokenCount = 0
    for prompt in prompts {
      let promptCount = min(prompt.count, params.truncatePrompt ?? .max)
      // Only what fits is generated.
      tokenCount +=
        min(params.maxTokens ?? .max, max(0, sequenceLength - promptCount)) + (params.echo ? promptCount : 0)
    }
    let (count, overflow) = (tokenCount * answerCount).multipliedReportingOverflow(by: alternatives + 1)
    guard overflow || count > limit else { return }
    let maxTokens = ["max_tokens", "max_completion_tokens"].first { fields[$0] != nil } ?? "max_tokens"
    throw .invalid(
      fields["top_logprobs"] == nil ? "logprobs" : "top_logprobs",
      "\(prompts.count * answerCount) answers with up to \(tokenCount * answerCount) tokens and \(alternatives + 1) "
        + "log-probabilities for each are more than the \(limit) that one answer may have here; lower n, \(maxTokens) or the "
        + "number of alternatives")
  }

  /// About how many tokens and log-probabilities an answer has in which so many tokens are generated.
  func entryCount(generated: Int) -> Int {
    let echoed = params.echo ? prompts.reduce(0) { $0 + $1.count } * answerCount : 0
    return (generated + echoed) * ((params.logprobs ?? 0) + 1)
  }

  /// Refuses more prompts than can run and wait at a time, which would never have room. Of each, at most the last `keptCount`
  /// tokens are used.
  ///
  /// - Throws: ``APIError``.
  static func checkPlaces(
    _ prompts: [[TokenID]], sampleCount: Int, keptCount: Int = .max, _ llm: LLM
  ) throws(APIError) {
    let limit = llm.maximumRequestCount(sampleCount: sampleCount)
    guard prompts.count <= limit else {
      let several = sampleCount > 1 ? " with \(sampleCount) answers each" : ""
      throw .invalid(
        "prompt", "has \(prompts.count) prompts\(several), but only \(limit) of them can run and wait here")
    }
    let tokenCount = prompts.reduce(0) { $0 + min($1.count, keptCount) }
    guard prompts.count == 1 || tokenCount <= llm.maximumQueuedTokens else {
      throw .invalid(
        "prompt",
        "has \(tokenCount) tokens in \(prompts.count) prompts, but only \(llm.maximumQueuedTokens) can wait here")
    }
  }

  /// Makes the answers follow a grammar, which is compiled later unless it was before.
  ///
  /// - Throws: ``APIError`` for fields that contradict any grammar.
  mutating func follow(_ guided: GuidedRequest, _ llm: LLM) throws(APIError) {
    let reason = "cannot be there together with \(guided.field), which alone says where the answer may end"
    if params.ignoreEndOfSequence { throw .invalid("ignore_eos", reason) }
    if params.minTokens > 0 { throw .invalid("min_tokens", reason) }
    if let known = llm.knownControls(for: guided.grammar) { controls = known } else { uncompiled = guided }
  }

  /// The most answers to one request.
  static let maximumAnswers = 1024

  /// The samples, of all prompts together, that a piece of what was generated for a prompt belongs to: one, or all of the
  /// prompt's if it is about the prompt.
  func samples(prompt: Int, _ chunk: CompletionChunk) -> Range<Int> {
    let first = prompt * params.sampleCount
    if !chunk.promptLogprobs.isEmpty { return first..<first + params.sampleCount }
    return first + chunk.sampleIndex..<first + chunk.sampleIndex + 1
  }

  /// The places of the answers that have the tokens of a sample.
  func places(ofSample sample: Int) -> Range<Int> { sample * copyCount..<(sample + 1) * copyCount }

  /// The number of samples of all prompts together.
  var sampleCount: Int { prompts.count * params.sampleCount }

  /// How many answers have the tokens of each sample.
  var copyCount: Int { answerCount / params.sampleCount }
}

/// Chooses the best of several samples of a prompt: those with the largest mean log-probability of a token, best first.
struct AnswerRanking: Sendable {
  private var sums: [Double]
  private var counts: [Int]

  /// Knows nothing of `count` samples yet.
  init(count: Int) {
    sums = Array(repeating: 0, count: count)
    counts = Array(repeating: 0, count: count)
  }

  /// Adds a piece of a sample.
  mutating func add(_ chunk: CompletionChunk, to sample: Int) {
    guard let token = chunk.token else { return }
    sums[sample] += Double(token.logprob ?? 0)
    counts[sample] += 1
  }

  /// The samples of a plan in the order in which they are returned.
  func best(_ plan: GenerationPlan) -> [Int] {
    let count = plan.params.sampleCount
    guard count > plan.params.n else { return Array(sums.indices) }
    func mean(_ sample: Int) -> Double { sums[sample] / Double(max(1, counts[sample])) }
    return plan.prompts.indices.flatMap { prompt in
      (prompt * count..<(prompt + 1) * count)
        .sorted { mean($0) != mean($1) ? mean($0) > mean($1) : $0 < $1 }.prefix(plan.params.n)
    }
  }
}

/// The tokens that a request cost, as answers say it.
struct Usage: Sendable {
  private var promptCount = 0
  /// Tokens of the answers.
  private(set) var completionCount = 0
  private var cachedCount = 0

  /// Adds the answers to a prompt, of which `copyCount` have the tokens of each sample.
  mutating func add(_ summary: RequestSummary, copyCount: Int = 1) {
    promptCount += summary.promptTokenCount
    completionCount += summary.completionTokenCount * copyCount
    cachedCount += summary.cachedTokenCount
  }

  /// Adds an embedding.
  mutating func add(_ embedding: Embedding) {
    promptCount += embedding.promptTokenCount
    cachedCount += embedding.cachedTokenCount
  }

  /// As `/v1/embeddings` writes it.
  var promptJSON: JSONValue {
    .object([("prompt_tokens", .integer(Int64(promptCount))), ("total_tokens", .integer(Int64(promptCount)))])
  }

  /// As the API writes it.
  var json: JSONValue {
    .object([
      ("prompt_tokens", .integer(Int64(promptCount))), ("completion_tokens", .integer(Int64(completionCount))),
      ("total_tokens", .integer(Int64(promptCount + completionCount))),
      ("prompt_tokens_details", .object([("cached_tokens", .integer(Int64(cachedCount)))])),
    ])
  }

  /// As `/v1/responses` writes it.
  var responsesJSON: JSONValue {
    .object([
      ("input_tokens", .integer(Int64(promptCount))),
      ("input_tokens_details", .object([("cached_tokens", .integer(Int64(cachedCount)))])),
      ("output_tokens", .integer(Int64(completionCount))),
      ("output_tokens_details", .object([("reasoning_tokens", 0)])),
      ("total_tokens", .integer(Int64(promptCount + completionCount))),
    ])
  }

  /// In words, for the log.
  func note(_ exchange: Exchange) {
    exchange.note("prompt_tokens", String(promptCount))
    exchange.note("completion_tokens", String(completionCount))
    exchange.note("cached_tokens", String(cachedCount))
  }
}
