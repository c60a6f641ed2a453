internal import Inflight
internal import JSON
internal import Tokenization

extension RouteFields {
  /// `/tokenize`
  package static let tokenize: [RequestField] = [
    RequestField("model", .string(maximumBytes: nameLimit), "The model's name."),
    RequestField("prompt", .string(maximumBytes: textLimit), "The text; or messages."),
    RequestField(
      "messages", .array(.record(message), count: 1...maximumMessages), "A conversation, put into the chat template."),
    RequestField(
      "add_special_tokens", .boolean, "Whether to put the model's own beginning and end around a text. Default true."),
    RequestField("tools", .array(.record(tool), count: 0...maximumTools), "Tools, for the chat template."),
    RequestField("chat_template_kwargs", .object, "More variables of the chat template."),
  ]

  /// `/detokenize`
  package static let detokenize: [RequestField] = [
    RequestField("model", .string(maximumBytes: nameLimit), "The model's name."),
    RequestField(
      "tokens", .array(.integer(0...Int(Int32.max)), count: 0...maximumPromptTokens), isRequired: true, "The tokens."),
  ]
}

/// The routes that need a model's text side only, and those that read prompts.
struct TextRoutes: Sendable {
  /// What the server's routes share.
  let state: ServerState

  /// Refuses a model that is not served here.
  func checkModel(_ fields: FieldValues) throws(APIError) {
    guard let name = fields["model"]?.stringValue else { return }
    guard state.options.modelNames.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
      throw .noModel(String(name.prefix(200)), served: state.options.modelNames)
    }
  }

  /// `POST /v1/completions`
  func completions(_ body: JSONObject, _ exchange: Exchange) async throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.completions)
    try checkModel(fields)
    let llm = try state.engine()
    var params = SamplingParams(maxTokens: 16, temperature: 1)
    fields.apply(to: &params)
    if params.echo { params.promptLogprobs = params.logprobs }
    var plan = try GenerationPlan(fields, prompts: prompts("prompt", fields["prompt"], llm), params: params)
    if let guided = try GuidedRequest.read(fields) { try plan.follow(guided, llm) }
    let shape = CompletionShape(
      words: TokenWords(llm), hasLogprobs: params.logprobs != nil, promptLengths: try echoLengths(plan, llm),
      isStreamed: plan.isStreamed)
    return try await GenerationRoute(shape, state: state, exchange: exchange).run(plan, llm: llm)
  }

  /// Characters of the prompt that each answer begins with; empty if they do not, or nobody asks.
  ///
  /// - Throws: ``APIError`` for a token that is not in the vocabulary.
  private func echoLengths(_ plan: GenerationPlan, _ llm: LLM) throws(APIError) -> [Int] {
    guard plan.params.echo, plan.params.logprobs != nil else { return [] }
    var lengths: [Int] = []
    for prompt in plan.prompts {
      let kept = prompt.suffix(plan.params.truncatePrompt ?? .max)
      let text: String
      do {
        text = try llm.tokenizer.decode(kept, skipSpecialTokens: plan.params.skipSpecialTokens)
      } catch {
        throw .invalid("prompt", "\(error)")
      }
      lengths += Array(repeating: text.unicodeScalars.count, count: plan.answerCount)
    }
    return lengths
  }

  /// One or several texts or lists of tokens, which `field` has.
  ///
  /// - Throws: ``APIError`` for one that is empty.
  func prompts(_ field: String, _ value: JSONValue?, _ llm: LLM) throws(APIError) -> [[TokenID]] {
    func tokens(_ value: JSONValue) -> [TokenID] {
      if let text = value.stringValue { return llm.tokenizer.encode(text) }
      return (value.arrayValue ?? []).compactMap { $0.wholeNumber.map(TokenID.init) }
    }
    guard let value else { throw .invalid(field, "is missing") }
    let list: [JSONValue]
    if let elements = value.arrayValue, elements.first?.wholeNumber == nil { list = elements } else { list = [value] }
    let prompts = list.map(tokens)
    guard !prompts.contains(where: \.isEmpty) else {
      throw .invalid(field, "is empty; it must have at least one token")
    }
    return prompts
  }

  /// `POST /v1/chat/completions`
  func chat(_ body: JSONObject, _ exchange: Exchange) async throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.chat)
    try checkModel(fields)
    if fields["max_tokens"] != nil, fields["max_completion_tokens"] != nil {
      throw .invalid("max_tokens", "cannot be there together with max_completion_tokens")
    }
    if fields["tool_choice"] != nil, fields["tools"] == nil {
      throw .invalid("tool_choice", "is only allowed when tools are given")
    }
    let conversation = try ChatConversation(fields, maximumMessages: state.options.maximumMessages)
    let hasLogprobs = fields["logprobs"]?.boolValue ?? false
    guard hasLogprobs || fields["top_logprobs"] == nil else {
      throw .invalid("top_logprobs", "is only allowed when logprobs is true")
    }
    let llm = try state.engine()
    var params = SamplingParams(temperature: 1)
    fields.apply(to: &params)
    if hasLogprobs { params.logprobs = fields["top_logprobs"]?.wholeNumber ?? 0 }
    var plan = try GenerationPlan(fields, prompts: [try tokens(conversation, llm)], params: params)
    var syntax = conversation.tools == nil ? nil : ToolSyntax(template: llm.chatTemplateSource ?? "")
    let guided = try GuidedRequest.read(fields)
    if let forced = try ForcedCall(fields) {
      if let guided { throw .invalid(guided.field, "cannot be there where tool_choice asks for a call") }
      try plan.follow(forced.guided, llm)
      syntax = .bare
    } else if let syntax, let strict = try StrictCalls(fields, syntax: syntax) {
      if let guided { throw .invalid(guided.field, "cannot be there where tools are strict") }
      try plan.follow(strict.guided, llm)
    } else if let guided {
      // Its form is the caller's, and no call.
      try plan.follow(guided, llm)
      syntax = nil
    }
    let toolNames = (fields["tools"]?.arrayValue ?? []).compactMap { $0["function"]?["name"]?.stringValue }
    let shape = ChatShape(
      words: TokenWords(llm), hasLogprobs: hasLogprobs, toolSyntax: syntax, toolNames: toolNames,
      isStreamed: plan.isStreamed)
    return try await GenerationRoute(shape, state: state, exchange: exchange).run(plan, llm: llm)
  }

  /// A conversation as the model's template writes it, in tokens.
  func tokens(_ conversation: ChatConversation, _ llm: LLM) throws(APIError) -> [TokenID] {
    do {
      let prompt = try llm.prompt(
        messages: conversation.messages, tools: conversation.tools, extra: conversation.extra)
      // The template writes the special tokens itself.
      return llm.tokenizer.encode(prompt, addSpecialTokens: false)
    } catch {
      throw APIError(400, error.description, field: "messages", code: "invalid_value")
    }
  }

  /// `POST /tokenize`
  func tokenize(_ body: JSONObject) throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.tokenize)
    try checkModel(fields)
    let llm = try state.engine()
    let tokens: [TokenID]
    switch (fields["prompt"]?.stringValue, fields["messages"]) {
    case (let text?, nil):
      tokens = llm.tokenizer.encode(text, addSpecialTokens: fields["add_special_tokens"]?.boolValue ?? true)
    case (nil, _?):
      tokens = try self.tokens(try ChatConversation(fields, maximumMessages: state.options.maximumMessages), llm)
    default: throw .invalid("prompt", "there must be either prompt or messages")
    }
    return .json(
      .object([
        ("count", .integer(Int64(tokens.count))),
        ("max_model_len", .integer(Int64(llm.engineLimits.maximumSequenceLength))),
        ("tokens", .array(tokens.map { .integer(Int64($0)) })),
        ("token_strs", .array(tokens.map { .string(llm.tokenizer.text(of: $0) ?? "") })),
      ]))
  }

  /// `POST /detokenize`
  func detokenize(_ body: JSONObject) throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.detokenize)
    try checkModel(fields)
    let llm = try state.engine()
    let tokens = (fields["tokens"]?.arrayValue ?? []).compactMap { $0.wholeNumber.map(TokenID.init) }
    do {
      return .json(.object([("prompt", .string(try llm.tokenizer.decode(tokens, skipSpecialTokens: false)))]))
    } catch {
      throw .invalid("tokens", "\(error)")
    }
  }
}
