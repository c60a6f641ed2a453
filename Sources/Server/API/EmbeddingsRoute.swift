internal import Catalogue
internal import Inflight
internal import JSON
internal import NIOCore

extension RouteFields {
  /// `/v1/embeddings`
  package static let embeddings: [RequestField] = [
    RequestField("model", .string(0...nameLimit), "The model's name, as /v1/models tells it."),
    RequestField(
      "input", .anyOf(prompts(count: maximumInputs)), isRequired: true, "One or several texts or lists of tokens."),
    RequestField(
      "encoding_format", .choice(["float", "base64"]),
      "Embeddings as lists of numbers, or as their bytes (32 bits each, the lowest first) in base 64. Default float."),
    RequestField(
      "dimensions", .any, use: .only([], reason: "embeddings are as long as the model is wide"), "A shorter length."),
    RequestField(
      "pooling", .choice(Pooling.allCases.map(\.rawValue)),
      "Whether an embedding is the hidden state of the last token or the mean of all. Default last."),
    RequestField("normalize", .boolean, "Whether embeddings have the length 1. Default true."),
    RequestField(
      "truncate_prompt_tokens", .integer(1...Int(Int32.max)),
      "Use the last tokens of each input only, at most this many."),
    RequestField(
      "priority", .integer(-1_000_000...1_000_000), "Requests of a higher priority go first. Default 0."),
    RequestField(
      "cache_salt", .string(0...nameLimit),
      "Inputs share what is cached of them only with prompts of the same salt."),
    RequestField("user", .string(0...nameLimit), use: .noEffect, "A name for the caller's end user."),
  ]

  /// The most inputs of one request.
  private static let maximumInputs = 2048
}

/// `POST /v1/embeddings`: texts as points in the model's space.
struct EmbeddingsRoute: Sendable {
  private let state: ServerState
  private let exchange: Exchange
  private var fields: FieldValues

  /// Inputs that are in the engine at a time, so that one request does not fill the queue.
  private static let windowCount = 32
  /// Until the queue is looked at again that others have filled.
  private static let pause = Duration.milliseconds(10)

  /// Reads a request and answers it.
  ///
  /// - Throws: ``APIError`` if an input is refused or fails; no embedding is then returned.
  static func answer(
    _ body: ReceivedBody, _ state: ServerState, _ exchange: Exchange
  ) async throws(APIError) -> Answer {
    let (route, llm, inputs) = try await state.read(body, exchange) { body throws(APIError) in
      var route = try EmbeddingsRoute(body, state: state, exchange: exchange)
      let (llm, inputs) = try route.prepare()
      route.fields = route.fields.dropping("input")
      return (route, llm, inputs)
    }
    return try await route.run(inputs, llm)
  }

  private init(_ body: JSONObject, state: ServerState, exchange: Exchange) throws(APIError) {
    fields = try FieldValues(body, fields: RouteFields.embeddings)
    self.state = state
    self.exchange = exchange
  }

  private func prepare() throws(APIError) -> (LLM, [[TokenID]]) {
    let texts = TextRoutes(state: state, exchange: exchange)
    try texts.checkModel(fields)
    let llm = try state.engineWithRoom()
    guard llm.hasEmbeddings else {
      throw APIError(501, "this server's engine has no embeddings", type: "not_implemented", code: "not_supported")
    }
    var inputs = try texts.prompts("input", fields, llm)
    if let count = fields["truncate_prompt_tokens"]?.wholeNumber { inputs = inputs.map { Array($0.suffix(count)) } }
    return (llm, inputs)
  }

  private func run(_ inputs: [[TokenID]], _ llm: LLM) async throws(APIError) -> Answer {
    let generation = await Generation(exchange, llm: llm, state: state)
    let embeddings: [Embedding]
    do {
      embeddings = try await compute(inputs, llm, generation)
    } catch {
      throw generation.fail(error)
    }
    generation.finish()
    return await state.work.write(count: embeddings.reduce(0) { $0 + $1.values.count }) {
      .written(ByteBuffer(bytes: answer(embeddings).serializedBytes()))
    }
  }

  private func compute(_ inputs: [[TokenID]], _ llm: LLM, _ generation: Generation) async throws -> [Embedding] {
    let pooling = fields["pooling"]?.stringValue.flatMap(Pooling.init) ?? .last
    let (priority, cache) = (
      fields["priority"]?.wholeNumber ?? 0, CacheOptions(salt: fields["cache_salt"]?.stringValue)
    )
    var pending: [PendingEmbedding] = []
    var embeddings: [Embedding] = []
    while embeddings.count < inputs.count {
      while pending.count < inputs.count, pending.count - embeddings.count < Self.windowCount {
        do throws(InflightError) {
          let embedding = try llm.embedding(
            tokens: inputs[pending.count], pooling: pooling, priority: priority, cache: cache)
          generation.watch(embedding.abandonment)
          pending.append(embedding)
        } catch {
          // What is done is not thrown away because others fill the queue meanwhile.
          guard error.kind == .overloaded, !pending.isEmpty else { throw generation.refusal(error) }
          break
        }
      }
      guard embeddings.count < pending.count else {
        if generation.reason != nil { throw InflightError(.cancelled, "the request was cancelled") }
        try await Task.sleep(for: Self.pause)
        continue
      }
      let next = pending[embeddings.count]
      let embedding = try await next.value()
      state.metrics.recordStart(
        promptTokenCount: embedding.promptTokenCount, queueSeconds: Double(next.queueNanoseconds ?? 0) / 1e9)
      embeddings.append(embedding)
    }
    return embeddings
  }

  private func answer(_ embeddings: [Embedding]) -> JSONValue {
    let isNormalized = fields["normalize"]?.boolValue ?? true
    let isBase64 = fields["encoding_format"]?.stringValue == "base64"
    var usage = Usage()
    let data = embeddings.enumerated().map { index, embedding -> JSONValue in
      let values = isNormalized ? embedding.normalized : embedding.values
      state.metrics.record(embedding, totalSeconds: exchange.seconds)
      usage.add(embedding)
      return .object([
        ("object", "embedding"), ("index", .integer(Int64(index))),
        ("embedding", isBase64 ? .string(base64(values.littleEndianBytes)) : .array(values.map { .float($0) })),
      ])
    }
    usage.note(exchange)
    return .object([
      ("object", "list"), ("data", .array(data)), ("model", .string(state.options.modelNames.first ?? "")),
      ("usage", usage.promptJSON),
    ])
  }
}

extension [Float] {
  /// The bits of the numbers, the lowest byte first.
  fileprivate var littleEndianBytes: [UInt8] {
    flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) } }
  }
}
