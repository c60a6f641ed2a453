internal import Inflight
internal import JSON

/// Answers of `/v1/completions`.
struct CompletionShape: AnswerShape {
  /// Texts of tokens.
  let words: TokenWords
  /// Whether log-probabilities were asked for.
  let hasLogprobs: Bool
  /// Characters of the prompts that answers begin with, by answer; empty if they do not.
  let promptLengths: [Int]
  /// Whether answers are sent as events, so that what was sent need not be kept.
  let isStreamed: Bool

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
    /// Characters before the next token of the prompt.
    var promptOffset = 0
    /// Characters before the next token of the answer.
    var offset = 0
    /// Characters of the text so far.
    var textLength = 0

    var json: JSONValue {
      .object([
        ("tokens", .array(tokens)), ("token_logprobs", .array(values)), ("top_logprobs", .array(top)),
        ("text_offset", .array(offsets)),
      ])
    }
  }

  var objects: (whole: String, event: String) { ("text_completion", "text_completion") }
  var prefix: String { "cmpl-" }

  func makeChoice(_ index: Int) -> Choice {
    var choice = Choice(index: index)
    if !promptLengths.isEmpty { choice.logprobs.offset = promptLengths[index] }
    return choice
  }

  func opening(_ choice: inout Choice) -> [JSONValue] { [] }

  func add(_ chunk: CompletionChunk, to choice: inout Choice) -> [JSONValue] {
    var piece = Choice(index: choice.index, text: chunk.text, reason: chunk.finishReason)
    (piece.logprobs.promptOffset, piece.logprobs.offset) = (choice.logprobs.promptOffset, choice.logprobs.offset)
    if hasLogprobs {
      for token in chunk.promptLogprobs { append(token, to: &piece.logprobs) }
      if let token = chunk.token { append(token, to: &piece.logprobs) }
    }
    if !isStreamed {
      choice.logprobs.tokens += piece.logprobs.tokens
      choice.logprobs.values += piece.logprobs.values
      choice.logprobs.top += piece.logprobs.top
      choice.logprobs.offsets += piece.logprobs.offsets
      choice.text += chunk.text
    }
    choice.logprobs.promptOffset = piece.logprobs.promptOffset
    // The text of the prompt comes with the first token, and is counted already.
    choice.logprobs.textLength += chunk.text.unicodeScalars.count
    choice.logprobs.offset = max(choice.logprobs.offset, choice.logprobs.textLength)
    choice.reason = piece.reason ?? choice.reason
    let isEmpty = chunk.text.isEmpty && piece.logprobs.tokens.isEmpty && piece.reason == nil
    return isEmpty ? [] : [json(piece, index: piece.index, hasLogprobs: !piece.logprobs.tokens.isEmpty)]
  }

  private func append(_ prompt: PromptTokenLogprobs, to logprobs: inout Logprobs) {
    logprobs.tokens.append(.string(words.key(prompt.token)))
    logprobs.values.append(prompt.logprob.map { .float($0) } ?? .null)
    logprobs.offsets.append(.integer(Int64(logprobs.promptOffset)))
    logprobs.top.append(prompt.logprob == nil ? .null : top(prompt.top, prompt.token, prompt.logprob))
    logprobs.promptOffset += words.text(prompt.token).unicodeScalars.count
  }

  private func append(_ output: TokenOutput, to logprobs: inout Logprobs) {
    logprobs.tokens.append(.string(words.key(output.token)))
    logprobs.values.append(output.logprob.map { .float($0) } ?? .null)
    logprobs.offsets.append(.integer(Int64(logprobs.offset)))
    logprobs.top.append(top(output.top, output.token, output.logprob))
  }

  /// The most probable tokens and the one that is there, each under a key of its own: of tokens that are written alike, the
  /// first counts.
  private func top(_ best: [TokenLogprob], _ token: TokenID, _ logprob: Float?) -> JSONValue {
    var members: [(String, JSONValue)] = []
    var entries = best.map { ($0.token, $0.logprob) }
    if let logprob { entries.append((token, logprob)) }
    for (token, logprob) in entries {
      let key = words.key(token)
      if members.contains(where: { $0.0.utf8.elementsEqual(key.utf8) }) { continue }
      members.append((key, .float(logprob)))
    }
    return .object(members)
  }

  func whole(_ choice: Choice, index: Int) -> JSONValue { json(choice, index: index, hasLogprobs: hasLogprobs) }

  private func json(_ choice: Choice, index: Int, hasLogprobs: Bool) -> JSONValue {
    .object([
      ("index", .integer(Int64(index))), ("text", .string(choice.text)),
      ("logprobs", hasLogprobs ? choice.logprobs.json : .null),
      ("finish_reason", choice.reason.map { .string($0.name) } ?? .null),
    ])
  }
}
