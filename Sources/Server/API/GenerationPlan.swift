internal import Inflight
internal import JSON

/// What a request asks the engine for, once its fields are checked.
struct GenerationPlan: Sendable {
  /// The prompts, in tokens; each becomes an answer of its own.
  var prompts: [[TokenID]]
  /// How tokens are chosen.
  var params: SamplingParams
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
    self.params = params
    priority = fields["priority"]?.wholeNumber ?? 0
    cache = CacheOptions(salt: fields["cache_salt"]?.stringValue)
    isStreamed = fields["stream"]?.boolValue ?? false
    let options = fields.record("stream_options")
    guard isStreamed || options == nil else {
      throw .invalid("stream_options", "is only allowed when stream is true")
    }
    includesUsage = options?["include_usage"]?.boolValue ?? false
  }
}

/// The tokens that a request cost, as answers say it.
struct Usage: Sendable {
  private var promptCount = 0
  private var completionCount = 0
  private var cachedCount = 0

  /// Adds an answer.
  mutating func add(_ summary: RequestSummary) {
    promptCount += summary.promptTokenCount
    completionCount += summary.completionTokenCount
    cachedCount += summary.cachedTokenCount
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
