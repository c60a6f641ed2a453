internal import Inflight
internal import JSON
internal import Tokenization

/// `POST /v1/responses`: one answer in text, whole or as named events.
struct ResponsesRoute: Sendable {
  private let state: ServerState
  private let exchange: Exchange
  private var fields: FieldValues
  private let id = "resp_" + Exchange.randomName()
  private let itemID = "msg_" + Exchange.randomName()
  private let created = Timestamp.seconds

  /// Reads a request and answers it.
  ///
  /// - Throws: ``APIError`` if the request is refused, and if a whole answer fails.
  static func answer(
    _ body: ReceivedBody, _ state: ServerState, _ exchange: Exchange
  ) async throws(APIError) -> Answer {
    var (route, llm, plan) = try await state.read(body, exchange) { body throws(APIError) in
      var route = try ResponsesRoute(body, state: state, exchange: exchange)
      let (llm, plan) = try route.prepare()
      route.fields = route.fields.dropping("input")
      return (route, llm, plan)
    }
    try await state.compile(&plan, llm, exchange)
    return try await route.run(plan, llm)
  }

  private init(_ body: JSONObject, state: ServerState, exchange: Exchange) throws(APIError) {
    fields = try FieldValues(body, fields: RouteFields.responses)
    try Self.checkNotes(fields["metadata"]?.objectValue)
    self.state = state
    self.exchange = exchange
  }

  /// The caller's notes are kept while the answer is made, and sent back: their size is limited as in OpenAI's API.
  private static func checkNotes(_ notes: JSONObject?) throws(APIError) {
    guard let notes else { return }
    let areShort = notes.members.allSatisfy { note in
      note.key.unicodeScalars.count <= 64 && note.value.stringValue.map { $0.unicodeScalars.count <= 512 } ?? false
    }
    guard notes.members.count <= 16, areShort else {
      throw .invalid(
        "metadata", "must be at most 16 texts of at most 512 characters, with names of at most 64 characters")
    }
  }

  private func prepare() throws(APIError) -> (LLM, GenerationPlan) {
    let texts = TextRoutes(state: state, exchange: exchange)
    try texts.checkModel(fields)
    let messages = messages
    guard messages.count <= state.options.maximumMessages else {
      throw .invalid(
        "input", "has \(messages.count) messages; this server takes at most \(state.options.maximumMessages)")
    }
    let llm = try state.engineWithRoom()
    var params = SamplingParams(temperature: 1)
    fields.apply(to: &params)
    var plan = try GenerationPlan(fields, prompts: [try prompt(messages, llm, texts)], params: params)
    if let format = fields["text"]?["format"],
      let guided = try format.grammar(
        field: "text.format", schema: format, members: ["schema", "name", "description", "strict"])
    {
      try plan.follow(guided, llm)
    }
    return (llm, plan)
  }

  private func run(_ plan: GenerationPlan, _ llm: LLM) async throws(APIError) -> Answer {
    let generation = await Generation(exchange, llm: llm, state: state)
    let streams: [CompletionStream]
    do { streams = try generation.submit(plan) } catch { throw generation.refusal(error) }
    if plan.isStreamed {
      return .events { writer in
        try await withTaskExecutorPreference(exchange.executor) { try await stream(streams, generation, &writer) }
      }
    }
    var output = Output()
    do {
      try await withTaskExecutorPreference(exchange.executor) {
        try await generation.read(streams) { _, chunk in output.add(chunk) }
      }
    } catch {
      throw generation.fail(error)
    }
    generation.finish()
    output.usage.note(exchange)
    return .json(response(output))
  }

  /// The conversation as chat templates read it.
  private var messages: [JSONValue] {
    var messages: [JSONValue] = []
    if let text = fields["instructions"] { messages.append(.object([("role", "system"), ("content", text)])) }
    if let text = fields["input"]?.stringValue {
      return messages + [.object([("role", "user"), ("content", .string(text))])]
    }
    for item in fields["input"]?.arrayValue ?? [] {
      let role = item["role"]?.stringValue ?? ""
      let parts = item["content"]?.arrayValue?.map { $0["text"]?.stringValue ?? "" }.joined()
      messages.append(
        .object([
          ("role", .string(role == "developer" ? "system" : role)),
          ("content", .string(item["content"]?.stringValue ?? parts ?? "")),
        ]))
    }
    return messages
  }

  private func prompt(_ messages: [JSONValue], _ llm: LLM, _ texts: TextRoutes) throws(APIError) -> [TokenID] {
    let prompt: String
    do {
      prompt = try llm.prompt(messages: messages, tools: nil, extra: [])
    } catch {
      throw APIError(400, error.description, field: "input", code: "invalid_value")
    }
    try APIError.checkLength(prompt, "input", maximumBytes: texts.maximumBytes(fields, llm))
    return llm.tokenizer.encode(prompt, addSpecialTokens: false)
  }

  /// What was generated so far.
  private struct Output: Sendable {
    var text = ""
    var usage = Usage()
    var summary: RequestSummary?

    mutating func add(_ chunk: CompletionChunk) {
      text += chunk.text
      guard let summary = chunk.summary else { return }
      self.summary = summary
      usage.add(summary)
    }
  }

  private func stream(
    _ streams: [CompletionStream], _ generation: Generation, _ writer: inout EventWriter
  ) async throws {
    var output = Output()
    var number: Int64 = 0
    func event(_ type: String, _ members: [(String, JSONValue)]) -> (String, JSONValue) {
      defer { number += 1 }
      return (type, .object([("type", .string(type)), ("sequence_number", .integer(number))] + members))
    }
    let item: [(String, JSONValue)] = [("item_id", .string(itemID)), ("output_index", 0), ("content_index", 0)]
    do {
      for type in ["response.created", "response.in_progress"] {
        try await writer.add(named: event(type, [("response", response(output))]))
      }
      try await writer.add(
        named: event(
          "response.output_item.added", [("output_index", 0), ("item", message(output, status: "in_progress"))]))
      try await writer.add(named: event("response.content_part.added", item + [("part", part(""))]))
      try await writer.flush()
      try await generation.read(streams) { _, chunk in
        output.add(chunk)
        if !chunk.text.isEmpty {
          try await writer.add(
            named: event(
              "response.output_text.delta", item + [("delta", .string(chunk.text)), ("logprobs", .array([]))]))
        }
      } onPause: {
        try await writer.flush()
      }
    } catch {
      let answer = generation.fail(error)
      if generation.reason == .disconnected { throw error }
      return try await writer.add(
        named: event(
          "error",
          [
            ("code", .string(answer.code ?? "error")), ("message", .string(answer.message)),
            ("param", answer.field.map { .string($0) } ?? .null),
          ]))
    }
    generation.finish()
    output.usage.note(exchange)
    try await writer.add(
      named: event("response.output_text.done", item + [("text", .string(output.text)), ("logprobs", .array([]))]))
    try await writer.add(named: event("response.content_part.done", item + [("part", part(output.text))]))
    try await writer.add(
      named: event(
        "response.output_item.done", [("output_index", 0), ("item", message(output, status: status(output)))]))
    try await writer.add(
      named: event("response.\(status(output))", [("response", response(output))]))
  }

  private func status(_ output: Output) -> String {
    guard let summary = output.summary else { return "in_progress" }
    return summary.reason == .length ? "incomplete" : "completed"
  }

  private func part(_ text: String) -> JSONValue {
    .object([("type", "output_text"), ("text", .string(text)), ("annotations", .array([])), ("logprobs", .array([]))])
  }

  private func message(_ output: Output, status: String) -> JSONValue {
    .object([
      ("type", "message"), ("id", .string(itemID)), ("status", .string(status)), ("role", "assistant"),
      ("content", .array(output.summary == nil ? [] : [part(output.text)])),
    ])
  }

  private func response(_ output: Output) -> JSONValue {
    let status = status(output)
    return .object([
      ("id", .string(id)), ("object", "response"), ("created_at", .integer(created)), ("status", .string(status)),
      ("error", .null),
      ("incomplete_details", status == "incomplete" ? .object([("reason", "max_output_tokens")]) : .null),
      ("instructions", fields["instructions"] ?? .null), ("max_output_tokens", fields["max_output_tokens"] ?? .null),
      ("model", .string(state.options.modelNames.first ?? "")),
      ("output", .array(output.summary == nil ? [] : [message(output, status: status)])),
      ("parallel_tool_calls", true), ("previous_response_id", .null), ("store", false),
      ("temperature", fields["temperature"] ?? 1), ("tool_choice", "auto"), ("tools", .array([])),
      ("top_p", fields["top_p"] ?? 1), ("metadata", fields["metadata"] ?? .object([])),
      ("usage", output.summary == nil ? .null : output.usage.responsesJSON),
    ])
  }
}
