internal import Inflight
internal import JSON
internal import Tokenization

/// The routes that read prompts and answer with text.
struct TextRoutes: Sendable {
  /// What the server's routes share.
  let state: ServerState
  /// The request.
  let exchange: Exchange

  /// Refuses a model that is not served here.
  func checkModel(_ fields: FieldValues) throws(APIError) {
    guard let name = fields["model"]?.stringValue else { return }
    guard state.options.modelNames.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
      throw .noModel(String(name.prefix(200)), served: state.options.modelNames)
    }
  }

  /// `POST /v1/completions`
  func completions(_ body: ReceivedBody) async throws(APIError) -> Answer {
    let prepared = try await state.read(body, exchange) { body throws(APIError) in try completion(body) }
    return try await GenerationRoute(prepared.shape, state: state, exchange: exchange).run(prepared)
  }

  private func completion(_ body: JSONObject) throws(APIError) -> PreparedRequest<CompletionShape> {
    let fields = try FieldValues(body, fields: RouteFields.completions)
    try checkModel(fields)
    let llm = try state.engineWithRoom()
    var params = SamplingParams(maxTokens: 16, temperature: 1)
    fields.apply(to: &params)
    if params.echo { params.promptLogprobs = params.logprobs }
    let prompts = try prompts("prompt", fields, llm)
    if let plan = try BeamPlan(fields, prompts: prompts, params: params, llm: llm) {
      let shape = CompletionShape(words: TokenWords(llm), hasLogprobs: false, prompts: [])
      return PreparedRequest(llm: llm, shape: shape, plan: .searched(plan))
    }
    var plan = try GenerationPlan(fields, prompts: prompts, params: params)
    try GenerationPlan.checkPlaces(
      prompts, sampleCount: plan.params.sampleCount, keptCount: params.truncatePrompt ?? .max, llm)
    try plan.checkLogprobs(
      fields, limit: state.options.maximumLogprobs, sequenceLength: llm.engineLimits.maximumSequenceLength)
    if let guided = try GuidedRequest.read(fields) { try plan.follow(guided, llm) }
    let shape = CompletionShape(
      words: TokenWords(llm), hasLogprobs: params.logprobs != nil, prompts: try echoOffsets(plan, llm))
    return PreparedRequest(llm: llm, shape: shape, plan: .drawn(plan))
  }

  /// Where the tokens of the prompts are in the texts that answers begin with; empty if they do not, or nobody asks.
  ///
  /// - Throws: ``APIError`` for a token that is not in the vocabulary.
  private func echoOffsets(_ plan: GenerationPlan, _ llm: LLM) throws(APIError) -> [PromptOffsets] {
    guard plan.params.echo, plan.params.logprobs != nil else { return [] }
    var offsets: [PromptOffsets] = []
    for prompt in plan.prompts {
      let kept = prompt.suffix(plan.params.truncatePrompt ?? .max)
      do {
        offsets.append(try PromptOffsets(kept, skipsSpecialTokens: plan.params.skipSpecialTokens, llm))
      } catch {
        throw .invalid("prompt", "\(error)")
      }
    }
    return offsets
  }

  /// The most bytes of a prompt that is tokenized: what the model's longest sequence can hold, or, if only the end of the
  /// prompt is used, what ``ServerOptions/maximumTextBytes`` says.
  func maximumBytes(_ fields: FieldValues, _ llm: LLM) -> Int {
    fields["truncate_prompt_tokens"] == nil ? llm.maximumPromptBytes : state.options.maximumTextBytes
  }

  /// One or several texts or lists of tokens, which `field` has.
  ///
  /// - Throws: ``APIError`` for one that is empty, and for a text that is too long whatever its tokens are.
  func prompts(_ field: String, _ fields: FieldValues, _ llm: LLM) throws(APIError) -> [[TokenID]] {
    let maximumBytes = maximumBytes(fields, llm)
    guard let value = fields[field] else { throw .invalid(field, "is missing") }
    let list: [JSONValue]
    if let elements = value.arrayValue, elements.first?.wholeNumber == nil { list = elements } else { list = [value] }
    var prompts: [[TokenID]] = []
    for value in list {
      if let text = value.stringValue {
        try APIError.checkLength(text, field, maximumBytes: maximumBytes)
        prompts.append(llm.tokenizer.encode(text))
      } else {
        prompts.append((value.arrayValue ?? []).compactMap { $0.wholeNumber.map(TokenID.init) })
      }
    }
    guard !prompts.contains(where: \.isEmpty) else {
      throw .invalid(field, "is empty; it must have at least one token")
    }
    return prompts
  }

  /// `POST /v1/chat/completions`
  func chat(_ body: ReceivedBody) async throws(APIError) -> Answer {
    let prepared = try await state.read(body, exchange) { body throws(APIError) in try chat(body) }
    return try await GenerationRoute(prepared.shape, state: state, exchange: exchange).run(prepared)
  }

  private func chat(_ body: JSONObject) throws(APIError) -> PreparedRequest<ChatShape> {
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
    let llm = try state.engineWithRoom()
    var params = SamplingParams(temperature: 1)
    fields.apply(to: &params)
    if hasLogprobs { params.logprobs = fields["top_logprobs"]?.wholeNumber ?? 0 }
    let prompt = try tokens(conversation, llm, maximumBytes: maximumBytes(fields, llm))
    if let plan = try BeamPlan(fields, prompts: [prompt], params: params, llm: llm) {
      let shape = ChatShape(words: TokenWords(llm), hasLogprobs: false, toolSyntax: nil, toolNames: [])
      return PreparedRequest(llm: llm, shape: shape, plan: .searched(plan))
    }
    var plan = try GenerationPlan(fields, prompts: [prompt], params: params)
    try plan.checkLogprobs(
      fields, limit: state.options.maximumLogprobs, sequenceLength: llm.engineLimits.maximumSequenceLength)
    var syntax = conversation.tools == nil ? nil : ToolSyntax(template: llm.chatTemplateSource ?? "")
    let guided = try GuidedRequest.read(fields)
    if let forced = try ForcedCall(fields) {
      if let guided { throw .invalid(guided.field, "cannot be there where tool_choice asks for a call") }
      try plan.follow(forced.guided, llm)
      syntax = .bare
    } else {
      try checkToolsAreRead(fields, llm)
      if let guided, syntax != nil {
        throw .invalid(
          guided.field, "cannot be there together with tools, unless tool_choice is none: no call has that form")
      }
      if syntax != nil, fields["parallel_tool_calls"]?.boolValue == false {
        throw .unsupported(
          "parallel_tool_calls", "where the model may call tools, it may call several; tool_choice can ask for one call"
        )
      }
      if let syntax, let strict = try StrictCalls(fields, syntax: syntax) {
        try plan.follow(strict.guided, llm)
      } else if let guided {
        try plan.follow(guided, llm)
      }
    }
    let toolNames = (fields["tools"]?.arrayValue ?? []).compactMap { $0["function"]?["name"]?.stringValue }
    let shape = ChatShape(
      words: TokenWords(llm), hasLogprobs: hasLogprobs, toolSyntax: syntax, toolNames: toolNames)
    return PreparedRequest(llm: llm, shape: shape, plan: .drawn(plan))
  }

  /// Refuses tools that the model would not see.
  func checkToolsAreRead(_ fields: FieldValues, _ llm: LLM) throws(APIError) {
    guard fields["tools"]?.arrayValue?.isEmpty == false, fields["tool_choice"]?.stringValue != "none",
      !llm.templateReadsTools
    else { return }
    throw .unsupported(
      "tools",
      "this model's chat template does not show them to the model; only calls that tool_choice asks for can be made, with "
        + "required or the name of a function")
  }

  /// A conversation as the model's template writes it, in tokens.
  ///
  /// - Throws: ``APIError`` if the template refuses it, and if it is too long whatever its tokens are.
  func tokens(
    _ conversation: ChatConversation, _ llm: LLM, maximumBytes: Int
  ) throws(APIError) -> [TokenID] {
    let prompt: String
    do {
      prompt = try llm.prompt(messages: conversation.messages, tools: conversation.tools, extra: conversation.extra)
    } catch {
      throw APIError(400, error.description, field: "messages", code: "invalid_value")
    }
    try APIError.checkLength(prompt, "messages", maximumBytes: maximumBytes)
    // The template writes the special tokens itself.
    return llm.tokenizer.encode(prompt, addSpecialTokens: false)
  }
}
