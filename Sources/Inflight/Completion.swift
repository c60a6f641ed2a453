public import Requests

/// What a model generated for one prompt.
public struct Completion: Sendable, Equatable {
  /// The text, without special tokens.
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
}

/// A piece of a completion as it is generated.
public struct CompletionChunk: Sendable, Equatable {
  /// New text; empty while a character is incomplete.
  public var text: String
  /// The token, unless this is the last chunk.
  public var token: TokenOutput?
  /// Log-probabilities of the prompt, as they are computed.
  public var promptLogprobs: [PromptTokenLogprobs]
  /// How the request ended, in the last chunk.
  public var summary: RequestSummary?
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
