internal import Inflight
internal import JSON

/// Answers of `/v1/completions`.
struct CompletionShape: AnswerShape {
  /// Texts of tokens.
  let words: TokenWords
  /// Whether log-probabilities were asked for.
  let hasLogprobs: Bool

  /// One answer.
  struct Choice: Sendable {
    var index: Int
    var text = ""
    var logprobs = Logprobs()
    var reason: FinishReason?
  }

  /// Log-probabilities as this route writes them: lists of the same length.
  struct Logprobs: Sendable {
    var tokens: [JSONValue] = []
    var values: [JSONValue] = []
    var top: [JSONValue] = []
    var offsets: [JSONValue] = []
    /// Characters before the next token.
    var offset = 0

    var json: JSONValue {
      .object([
        ("tokens", .array(tokens)), ("token_logprobs", .array(values)), ("top_logprobs", .array(top)),
        ("text_offset", .array(offsets)),
      ])
    }
  }

  var objects: (whole: String, event: String) { ("text_completion", "text_completion") }
  var prefix: String { "cmpl-" }

  func makeChoice(_ index: Int) -> Choice { Choice(index: index) }

  func opening(_ choice: inout Choice) -> [JSONValue] { [] }

  func add(_ chunk: CompletionChunk, to choice: inout Choice) -> [JSONValue] {
    var piece = Choice(index: choice.index, text: chunk.text, reason: chunk.summary?.reason)
    piece.logprobs.offset = choice.logprobs.offset
    if hasLogprobs, let token = chunk.token { append(token, to: &piece.logprobs) }
    choice.logprobs.tokens += piece.logprobs.tokens
    choice.logprobs.values += piece.logprobs.values
    choice.logprobs.top += piece.logprobs.top
    choice.logprobs.offsets += piece.logprobs.offsets
    choice.logprobs.offset += chunk.text.unicodeScalars.count
    choice.text += chunk.text
    choice.reason = piece.reason ?? choice.reason
    let isEmpty = chunk.text.isEmpty && piece.logprobs.tokens.isEmpty && piece.reason == nil
    return isEmpty ? [] : [json(piece, hasLogprobs: !piece.logprobs.tokens.isEmpty)]
  }

  private func append(_ output: TokenOutput, to logprobs: inout Logprobs) {
    logprobs.tokens.append(.string(words.text(output.token)))
    logprobs.values.append(output.logprob.map { .float($0) } ?? .null)
    logprobs.offsets.append(.integer(Int64(logprobs.offset)))
    logprobs.top.append(.object(output.top.map { (words.text($0.token), .float($0.logprob)) }))
  }

  func whole(_ choice: Choice) -> JSONValue { json(choice, hasLogprobs: hasLogprobs) }

  private func json(_ choice: Choice, hasLogprobs: Bool) -> JSONValue {
    .object([
      ("index", .integer(Int64(choice.index))), ("text", .string(choice.text)),
      ("logprobs", hasLogprobs ? choice.logprobs.json : .null),
      ("finish_reason", choice.reason.map { .string($0.apiName) } ?? .null),
    ])
  }
}
