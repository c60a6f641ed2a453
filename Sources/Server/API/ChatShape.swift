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

  /// One sample. Of one whose events are sent, only what later events depend on is kept.
  struct Choice: Sendable {
    var text = ""
    /// The calls; without their arguments where these are sent as they come.
    var calls: [ToolCall] = []
    var tokens: [TokenOutput] = []
    var reason: String?
    var parser: ToolCallParser?
  }

  var objects: (whole: String, event: String) { ("chat.completion", "chat.completion.chunk") }
  var prefix: String { "chatcmpl-" }

  func makeChoice(prompt: Int) -> Choice {
    Choice(parser: toolSyntax.map { ToolCallParser($0, tools: toolNames) })
  }

  func opening() -> [ChoiceText] { [event([("role", "assistant"), ("content", "")])] }

  func events(_ chunk: CompletionChunk, _ choice: inout Choice) -> [ChoiceText] {
    let token = hasLogprobs ? chunk.token : nil
    var deltas: [(String, JSONValue)] = []
    for piece in pieces(chunk, &choice) {
      if case .call(let call) = piece { choice.calls.append(call) }
      deltas.append(delta(piece, place: choice.calls.count - 1))
    }
    if deltas.isEmpty, token != nil { deltas.append(("content", "")) }
    // What is known of a token goes with the first that is said of it.
    var events = deltas.enumerated().map { place, delta in event([delta], token: place == 0 ? token : nil) }
    if let reason = reason(chunk, choice) { events.append(event([], reason: reason)) }
    return events
  }

  func add(_ chunk: CompletionChunk, to choice: inout Choice) {
    if hasLogprobs, let token = chunk.token { choice.tokens.append(token) }
    for piece in pieces(chunk, &choice) {
      switch piece {
      case .text(let text): choice.text += text
      case .call(let call): choice.calls.append(call)
      case .arguments(let text): choice.calls[choice.calls.count - 1].arguments += text
      }
    }
    choice.reason = reason(chunk, choice) ?? choice.reason
  }

  /// What is certain of an answer's text with one more chunk.
  private func pieces(_ chunk: CompletionChunk, _ choice: inout Choice) -> [ToolCallParser.Piece] {
    choice.parser?.append(chunk.text, isLast: chunk.finishReason != nil)
      ?? (chunk.text.isEmpty ? [] : [.text(chunk.text)])
  }

  /// Why an answer ends with a chunk, if it does.
  private func reason(_ chunk: CompletionChunk, _ choice: Choice) -> String? {
    guard let name = chunk.finishReason?.name else { return nil }
    return !choice.calls.isEmpty && name == "stop" ? "tool_calls" : name
  }

  /// A piece as events say it; the newest call is at `place`.
  private func delta(_ piece: ToolCallParser.Piece, place: Int) -> (String, JSONValue) {
    switch piece {
    case .text(let text): ("content", .string(text))
    case .call(let call): ("tool_calls", .array([call.opening(at: place)]))
    case .arguments(let text): ("tool_calls", .array([ToolCall.continuation(at: place, text)]))
    }
  }

  func whole(_ choice: Choice) -> ChoiceText {
    var message: [(String, JSONValue)] = [
      ("role", "assistant"),
      ("content", choice.text.isEmpty && !choice.calls.isEmpty ? .null : .string(choice.text)), ("refusal", .null),
    ]
    if !choice.calls.isEmpty { message.append(("tool_calls", .array(choice.calls.map(\.json)))) }
    var text = ChoiceText()
    text.add("message", .object(message))
    if hasLogprobs {
      text.add("logprobs") { text in
        text.add(text: "{\"content\":")
        text.add(list: choice.tokens.lazy.map(entry))
        text.add(text: ",\"refusal\":null}")
      }
    } else {
      text.add("logprobs", .null)
    }
    text.add("finish_reason", choice.reason.map { .string($0) } ?? .null)
    text.end()
    return text
  }

  private func event(_ delta: [(String, JSONValue)], token: TokenOutput? = nil, reason: String? = nil) -> ChoiceText {
    ChoiceText([
      ("delta", .object(delta)),
      ("logprobs", token.map { .object([("content", .array([entry($0)])), ("refusal", .null)]) } ?? .null),
      ("finish_reason", reason.map { .string($0) } ?? .null),
    ])
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
