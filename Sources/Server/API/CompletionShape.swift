internal import Inflight
internal import JSON
internal import Tokenization

/// Answers of `/v1/completions`.
struct CompletionShape: AnswerShape {
  /// Texts of tokens.
  let words: TokenWords
  /// Whether log-probabilities were asked for.
  let hasLogprobs: Bool
  /// Of the prompts that answers begin with, where their tokens begin; empty if they do not, or nobody asks.
  let prompts: [PromptOffsets]

  /// One sample. Of one whose events are sent, only what later events depend on is kept.
  struct Choice: Sendable {
    let prompt: Int
    var text = ""
    var tokens: [Token] = []
    var reason: FinishReason?
    /// Tokens of the prompt so far.
    var promptTokenCount = 0
    /// Characters before the next token of the answer.
    var offset = 0
    /// Characters of the text so far.
    var textLength = 0
  }

  /// A token and what is known of it.
  struct Token: Sendable {
    var token: TokenID
    /// Nil for the first token of a prompt.
    var logprob: Float?
    var top: [TokenLogprob]
    /// Characters before it.
    var offset: Int
  }

  var objects: (whole: String, event: String) { ("text_completion", "text_completion") }
  var prefix: String { "cmpl-" }

  func makeChoice(prompt: Int) -> Choice {
    Choice(prompt: prompt, offset: prompts.isEmpty ? 0 : prompts[prompt].characterCount)
  }

  func opening() -> [ChoiceText] { [] }

  func events(_ chunk: CompletionChunk, _ choice: inout Choice) -> [ChoiceText] {
    let tokens = tokens(chunk, &choice)
    if chunk.text.isEmpty, tokens.isEmpty, chunk.finishReason == nil { return [] }
    return [text(chunk.text, tokens, hasLogprobs: !tokens.isEmpty, chunk.finishReason)]
  }

  func add(_ chunk: CompletionChunk, to choice: inout Choice) {
    choice.tokens += tokens(chunk, &choice)
    choice.text += chunk.text
    choice.reason = chunk.finishReason ?? choice.reason
  }

  func whole(_ choice: Choice) -> ChoiceText {
    text(choice.text, choice.tokens, hasLogprobs: hasLogprobs, choice.reason)
  }

  /// The tokens of a chunk, if log-probabilities are asked for.
  private func tokens(_ chunk: CompletionChunk, _ choice: inout Choice) -> [Token] {
    var tokens: [Token] = []
    if hasLogprobs {
      for entry in chunk.promptLogprobs {
        let offset = prompts.isEmpty ? 0 : prompts[choice.prompt].offset(choice.promptTokenCount)
        tokens.append(Token(token: entry.token, logprob: entry.logprob, top: entry.top, offset: offset))
        choice.promptTokenCount += 1
      }
      if let output = chunk.token {
        tokens.append(Token(token: output.token, logprob: output.logprob, top: output.top, offset: choice.offset))
      }
    }
    // The text of the prompt comes with the first token, and is counted already.
    choice.textLength += chunk.text.unicodeScalars.count
    choice.offset = max(choice.offset, choice.textLength + chunk.heldCharacterCount)
    return tokens
  }

  private func text(_ text: String, _ tokens: [Token], hasLogprobs: Bool, _ reason: FinishReason?) -> ChoiceText {
    var choice = ChoiceText()
    choice.add("text", .string(text))
    if hasLogprobs {
      // Lists of the same length.
      choice.add("logprobs") { choice in
        choice.add(text: "{\"tokens\":")
        choice.add(list: tokens.lazy.map { JSONValue.string(words.key($0.token)) })
        choice.add(text: ",\"token_logprobs\":")
        choice.add(list: tokens.lazy.map { $0.logprob.map { JSONValue.float($0) } ?? .null })
        choice.add(text: ",\"top_logprobs\":")
        choice.add(list: tokens.lazy.map { $0.logprob == nil ? JSONValue.null : top($0) })
        choice.add(text: ",\"text_offset\":")
        choice.add(list: tokens.lazy.map { JSONValue.integer(Int64($0.offset)) })
        choice.add(text: "}")
      }
    } else {
      choice.add("logprobs", .null)
    }
    choice.add("finish_reason", reason.map { .string($0.name) } ?? .null)
    choice.end()
    return choice
  }

  /// The most probable tokens and the one that is there, each under a key of its own: of tokens that are written alike, the
  /// first counts.
  private func top(_ token: Token) -> JSONValue {
    var members: [(String, JSONValue)] = []
    var entries = token.top.map { ($0.token, $0.logprob) }
    if let logprob = token.logprob { entries.append((token.token, logprob)) }
    for (token, logprob) in entries {
      let key = words.key(token)
      if members.contains(where: { $0.0.utf8.elementsEqual(key.utf8) }) { continue }
      members.append((key, .float(logprob)))
    }
    return .object(members)
  }
}

/// How many characters of a prompt's text are before each of its tokens. One that is within a character begins where that does.
struct PromptOffsets: Sendable {
  private var offsets: [Int] = []
  /// Characters of the text.
  let characterCount: Int

  /// Counts the characters of a prompt.
  ///
  /// - Throws: for a token that is not in the vocabulary.
  init(_ tokens: some Collection<TokenID>, skipsSpecialTokens: Bool, _ llm: LLM) throws {
    var detokenizer = llm.tokenizer.makeDetokenizer(skipSpecialTokens: skipsSpecialTokens)
    var count = 0
    offsets.reserveCapacity(tokens.count)
    for token in tokens {
      offsets.append(count)
      count += try detokenizer.append(token).unicodeScalars.count
    }
    characterCount = count + detokenizer.finish().unicodeScalars.count
  }

  /// The characters before token `index`.
  func offset(_ index: Int) -> Int { index < offsets.count ? offsets[index] : characterCount }
}
