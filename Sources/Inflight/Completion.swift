public import Requests

/// What a model generated for one prompt.
public struct Completion: Sendable, Equatable {
  /// Which of the request's samples this is.
  public var sampleIndex: Int
  /// The text, without special tokens unless they were asked for, and cut where a stop string begins.
  public var text: String
  /// The tokens, with the one that ended the text if there is one.
  public var tokens: [TokenID]
  /// The log-probabilities of ``tokens`` and their alternatives; empty unless asked for.
  public var logprobs: [TokenOutput]
  /// Those of the prompt; empty unless asked for. The first token has none.
  public var promptLogprobs: [PromptTokenLogprobs]
  /// Why the text ends.
  public var finishReason: FinishReason
  /// Number of tokens of the prompt.
  public var promptTokenCount: Int
  /// The seed of the random numbers: the same seed gives the same text again.
  public var seed: UInt64

  /// The mean log-probability of the tokens, by which the best of several samples are chosen; nil unless log-probabilities
  /// were asked for.
  public var meanLogprob: Double? {
    guard !logprobs.isEmpty else { return nil }
    return logprobs.reduce(0.0) { $0 + Double($1.logprob ?? 0) } / Double(logprobs.count)
  }
}

/// A piece of a completion as it is generated.
public struct CompletionChunk: Sendable, Equatable {
  /// Which of the request's samples the chunk belongs to.
  public var sampleIndex = 0
  /// New text; empty while a character is incomplete or what may be a stop string is.
  public var text: String
  /// The token, if the chunk is about one.
  public var token: TokenOutput?
  /// Log-probabilities of the prompt, as they are computed.
  public var promptLogprobs: [PromptTokenLogprobs]
  /// Why the sample ended, in its last chunk.
  public var finishReason: FinishReason?
  /// How the request ended, in the last chunk.
  public var summary: RequestSummary?
  /// Characters that come behind ``text`` and are not shown yet, since a stop string may begin with them.
  package var heldCharacterCount = 0
}

extension CompletionChunk {
  /// A whole sample in one piece.
  package init(whole text: String, finishReason: FinishReason) {
    self.init(text: text, promptLogprobs: [], finishReason: finishReason)
  }
}

/// One message of a conversation.
public struct ChatMessage: Sendable, Equatable {
  /// Who speaks: "system", "user", "assistant" or what else the model's template knows.
  public var role: String
  /// What is said.
  public var content: String

  /// Creates a message.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }

  /// A message of the user.
  public static func user(_ content: String) -> ChatMessage { ChatMessage(role: "user", content: content) }
  /// A message of the model.
  public static func assistant(_ content: String) -> ChatMessage { ChatMessage(role: "assistant", content: content) }
  /// Instructions to the model.
  public static func system(_ content: String) -> ChatMessage { ChatMessage(role: "system", content: content) }
}
