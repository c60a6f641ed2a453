internal import Inflight
internal import JSON

/// Answers of `/v1/chat/completions`.
struct ChatShape: AnswerShape {
  /// Texts of tokens.
  let words: TokenWords
  /// Whether log-probabilities were asked for.
  let hasLogprobs: Bool
  /// How the model writes calls of tools; nil if it may not call any.
  let toolSyntax: ToolSyntax?
  /// Names of the tools that may be called.
  let toolNames: [String]
  /// Whether answers are sent as events, so that what was sent need not be kept.
  let isStreamed: Bool

  /// One answer.
  struct Choice: Sendable {
    var index: Int
    var text = ""
    var calls: [ToolCall] = []
    var logprobs: [JSONValue] = []
    var reason: String?
    var parser: ToolCallParser?
  }

  var objects: (whole: String, event: String) { ("chat.completion", "chat.completion.chunk") }
  var prefix: String { "chatcmpl-" }

  func makeChoice(_ index: Int) -> Choice {
    Choice(index: index, parser: toolSyntax.map { ToolCallParser($0, tools: toolNames) })
  }

  func opening(_ choice: inout Choice) -> [JSONValue] {
    [event(choice.index, [("role", "assistant"), ("content", "")])]
  }

  func add(_ chunk: CompletionChunk, to choice: inout Choice) -> [JSONValue] {
    var text = chunk.text
    var calls: [ToolCall] = []
    if choice.parser != nil {
      let isLast = chunk.finishReason != nil
      (text, calls) = choice.parser?.append(chunk.text, isLast: isLast) ?? ("", [])
    }
    var logprobs: [JSONValue] = []
    if hasLogprobs, let token = chunk.token { logprobs.append(entry(token)) }
    var events: [JSONValue] = []
    if !text.isEmpty || !logprobs.isEmpty {
      events.append(event(choice.index, [("content", .string(text))], logprobs: logprobs))
    }
    for call in calls {
      let place = choice.calls.count
      choice.calls.append(call)
      events.append(event(choice.index, [("tool_calls", .array([call.json(index: place)]))]))
    }
    if !isStreamed {
      choice.text += text
      choice.logprobs += logprobs
    }
    if let reason = chunk.finishReason {
      let isCall = !choice.calls.isEmpty && reason.apiName == "stop"
      choice.reason = isCall ? "tool_calls" : reason.apiName
      events.append(event(choice.index, [], reason: choice.reason))
    }
    return events
  }

  func whole(_ choice: Choice, index: Int) -> JSONValue {
    var message: [(String, JSONValue)] = [
      ("role", "assistant"),
      ("content", choice.text.isEmpty && !choice.calls.isEmpty ? .null : .string(choice.text)), ("refusal", .null),
    ]
    if !choice.calls.isEmpty { message.append(("tool_calls", .array(choice.calls.map { $0.json(index: nil) }))) }
    return .object([
      ("index", .integer(Int64(index))), ("message", .object(message)),
      ("logprobs", hasLogprobs ? Self.logprobs(choice.logprobs) : .null),
      ("finish_reason", choice.reason.map { .string($0) } ?? .null),
    ])
  }

  private func event(
    _ index: Int, _ delta: [(String, JSONValue)], logprobs: [JSONValue] = [], reason: String? = nil
  ) -> JSONValue {
    .object([
      ("index", .integer(Int64(index))), ("delta", .object(delta)),
      ("logprobs", logprobs.isEmpty ? .null : Self.logprobs(logprobs)),
      ("finish_reason", reason.map { .string($0) } ?? .null),
    ])
  }

  private static func logprobs(_ entries: [JSONValue]) -> JSONValue {
    .object([("content", .array(entries)), ("refusal", .null)])
  }

  private func entry(_ output: TokenOutput) -> JSONValue {
    .object(
      pair(output.token, output.logprob) + [
        ("top_logprobs", .array(output.top.map { .object(pair($0.token, $0.logprob)) }))
      ])
  }

  private func pair(_ token: TokenID, _ logprob: Float?) -> [(String, JSONValue)] {
    [
      ("token", .string(words.text(token))), ("logprob", logprob.map { .float($0) } ?? .null),
      ("bytes", words.bytes(token)),
    ]
  }
}
