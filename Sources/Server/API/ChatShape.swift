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
    /// The calls; without their arguments where these are sent as they come.
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
    var logprobs: [JSONValue] = []
    if hasLogprobs, let token = chunk.token { logprobs.append(entry(token)) }
    if !isStreamed { choice.logprobs += logprobs }
    var deltas: [(String, JSONValue)] = []
    for piece in pieces(chunk, &choice) { deltas.append(delta(piece, &choice)) }
    if deltas.isEmpty, !logprobs.isEmpty { deltas.append(("content", "")) }
    // What is known of a token goes with the first that is said of it.
    var events = deltas.enumerated().map { place, delta in
      event(choice.index, [delta], logprobs: place == 0 ? logprobs : [])
    }
    if let reason = chunk.finishReason {
      let isCall = !choice.calls.isEmpty && reason.name == "stop"
      choice.reason = isCall ? "tool_calls" : reason.name
      events.append(event(choice.index, [], reason: choice.reason))
    }
    return events
  }

  /// What is certain of an answer's text with one more chunk.
  private func pieces(_ chunk: CompletionChunk, _ choice: inout Choice) -> [ToolCallParser.Piece] {
    choice.parser?.append(chunk.text, isLast: chunk.finishReason != nil)
      ?? (chunk.text.isEmpty ? [] : [.text(chunk.text)])
  }

  /// Adds a piece to an answer, and says it as events do.
  private func delta(_ piece: ToolCallParser.Piece, _ choice: inout Choice) -> (String, JSONValue) {
    switch piece {
    case .text(let text):
      if !isStreamed { choice.text += text }
      return ("content", .string(text))
    case .call(let call):
      choice.calls.append(call)
      return ("tool_calls", .array([call.opening(at: choice.calls.count - 1)]))
    case .arguments(let text):
      let place = choice.calls.count - 1
      if !isStreamed { choice.calls[place].arguments += text }
      return ("tool_calls", .array([ToolCall.continuation(at: place, text)]))
    }
  }

  func whole(_ choice: Choice, index: Int) -> JSONValue {
    var message: [(String, JSONValue)] = [
      ("role", "assistant"),
      ("content", choice.text.isEmpty && !choice.calls.isEmpty ? .null : .string(choice.text)), ("refusal", .null),
    ]
    if !choice.calls.isEmpty { message.append(("tool_calls", .array(choice.calls.map(\.json)))) }
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
