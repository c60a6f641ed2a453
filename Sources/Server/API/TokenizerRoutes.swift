internal import Inflight
internal import JSON
internal import NIOCore
internal import Tokenization

extension RouteFields {
  /// `/tokenize`
  package static let tokenize: [RequestField] = [
    RequestField("model", .string(0...nameLimit), "The model's name."),
    RequestField("prompt", .string(0...textLimit), "The text; or messages."),
    RequestField(
      "messages", .array(.record(message), count: 1...maximumMessages), "A conversation, put into the chat template."),
    RequestField(
      "add_special_tokens", .boolean,
      "Whether to put the model's own beginning and end around a prompt, not messages. Default true."),
    RequestField("tools", .array(.record(tool), count: 0...maximumTools), "Tools, for the chat template."),
    RequestField("chat_template_kwargs", .object, "More variables of the chat template."),
    RequestField(
      "return_token_strs", .boolean, "Whether to tell how the vocabulary spells every token, too. Default false."),
  ]

  /// `/detokenize`
  package static let detokenize: [RequestField] = [
    RequestField("model", .string(0...nameLimit), "The model's name."),
    RequestField(
      "tokens", .array(.integer(0...Int(Int32.max)), count: 0...maximumPromptTokens), isRequired: true, "The tokens."),
  ]
}

/// The routes that need a model's tokenizer only.
struct TokenizerRoutes: Sendable {
  /// What the server's routes share.
  let state: ServerState
  /// The request.
  let exchange: Exchange

  /// `POST /tokenize`
  func tokenize(_ body: ReceivedBody) async throws(APIError) -> Answer {
    try await state.read(body, exchange) { body throws(APIError) in try tokens(body) }
  }

  private func tokens(_ body: JSONObject) throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.tokenize)
    let texts = TextRoutes(state: state, exchange: exchange)
    try texts.checkModel(fields)
    let llm = try state.engine()
    let maximumBytes = state.options.maximumTextBytes
    let tokens: [TokenID]
    switch (fields["prompt"]?.stringValue, fields["messages"]) {
    case (let text?, nil):
      for name in ["tools", "chat_template_kwargs"] where fields[name] != nil {
        throw .invalid(name, "is only allowed where messages are, which the chat template makes a prompt of")
      }
      try APIError.checkLength(text, "prompt", maximumBytes: maximumBytes)
      tokens = llm.tokenizer.encode(text, addSpecialTokens: fields["add_special_tokens"]?.boolValue ?? true)
    case (nil, _?):
      guard fields["add_special_tokens"]?.boolValue != true else {
        throw .invalid(
          "add_special_tokens", "is only allowed with prompt: the chat template writes special tokens itself")
      }
      try texts.checkToolsAreRead(fields, llm)
      let conversation = try ChatConversation(fields, maximumMessages: state.options.maximumMessages)
      tokens = try texts.tokens(conversation, llm, maximumBytes: maximumBytes)
    default: throw .invalid("prompt", "there must be either prompt or messages")
    }
    var members: [(String, JSONValue)] = [
      ("count", .integer(Int64(tokens.count))),
      ("max_model_len", .integer(Int64(llm.engineLimits.maximumSequenceLength))),
      ("tokens", .array(tokens.map { .integer(Int64($0)) })),
    ]
    if fields["return_token_strs"]?.boolValue ?? false {
      members.append(("token_strs", .array(tokens.map { .string(llm.tokenizer.text(of: $0) ?? "") })))
    }
    return .written(ByteBuffer(bytes: JSONValue.object(members).serializedBytes()))
  }

  /// `POST /detokenize`
  func detokenize(_ body: ReceivedBody) async throws(APIError) -> Answer {
    try await state.read(body, exchange) { body throws(APIError) in try text(body) }
  }

  private func text(_ body: JSONObject) throws(APIError) -> Answer {
    let fields = try FieldValues(body, fields: RouteFields.detokenize)
    try TextRoutes(state: state, exchange: exchange).checkModel(fields)
    let llm = try state.engine()
    let tokens = (fields["tokens"]?.arrayValue ?? []).compactMap { $0.wholeNumber.map(TokenID.init) }
    let limit = state.options.maximumTextBytes / 4
    guard tokens.count <= limit else { throw .invalid("tokens", "has \(tokens.count) tokens, more than \(limit)") }
    do {
      let text = try llm.tokenizer.decode(tokens, skipSpecialTokens: false)
      return .written(ByteBuffer(bytes: JSONValue.object([("prompt", .string(text))]).serializedBytes()))
    } catch {
      throw .invalid("tokens", "\(error)")
    }
  }
}

extension APIError {
  /// Refuses a text that is not worth tokenizing.
  ///
  /// - Throws: ``APIError`` for more than `maximumBytes`.
  static func checkLength(_ text: String, _ field: String, maximumBytes: Int) throws(APIError) {
    guard text.utf8.count > maximumBytes else { return }
    throw .invalid(
      field, "has \(text.utf8.count) bytes of text, more than the \(maximumBytes) that can fit; shorten it",
      code: "context_length_exceeded")
  }
}
