/// One event of a request's stream.
///
/// A stream is any number of ``promptLogprobs(_:)`` (only if asked for), then any number of ``token(_:)``, then exactly
/// one ``finished(_:)``, after which the stream ends.
public enum RequestOutput: Sendable, Equatable {
  /// Log-probabilities of the next stretch of the prompt, as soon as they are computed; all events together cover the
  /// prompt once, in order.
  case promptLogprobs([PromptTokenLogprobs])
  /// A generated token.
  case token(TokenOutput)
  /// The request has ended.
  case finished(RequestSummary)
}

/// A token and its natural-logarithm probability under the model's raw distribution (before temperature and truncation).
public struct TokenLogprob: Sendable, Equatable {
  /// The token.
  public var token: TokenID
  /// ln p(token | tokens before it).
  public var logprob: Float

  /// Creates a pair.
  public init(token: TokenID, logprob: Float) {
    self.token = token
    self.logprob = logprob
  }
}

/// The log-probability of one token of the prompt.
public struct PromptTokenLogprobs: Sendable, Equatable {
  /// The token.
  public var token: TokenID
  /// ln p(token | tokens before it); nil for the first token of the prompt, which has nothing before it.
  public var logprob: Float?
  /// The best alternatives at this position, best first, ties by lower identifier; empty for the first token.
  public var top: [TokenLogprob]

  /// Creates an entry.
  public init(token: TokenID, logprob: Float?, top: [TokenLogprob]) {
    self.token = token
    self.logprob = logprob
    self.top = top
  }
}

/// A generated token. A token that ends the request (end of sequence, stop token) is reported like every other.
public struct TokenOutput: Sendable, Equatable {
  /// The token.
  public var token: TokenID
  /// ln p(token | tokens before it), if log-probabilities were asked for.
  public var logprob: Float?
  /// The best alternatives at this position, best first, ties by lower identifier, as many as asked for.
  public var top: [TokenLogprob]

  /// Creates a token output.
  public init(token: TokenID, logprob: Float? = nil, top: [TokenLogprob] = []) {
    self.token = token
    self.logprob = logprob
    self.top = top
  }
}

/// What is known about a request when it has ended.
public struct RequestSummary: Sendable, Equatable {
  /// Why it ended.
  public var reason: FinishReason
  /// Number of tokens of the prompt.
  public var promptTokenCount: Int
  /// Number of tokens generated, a final stop token included.
  public var completionTokenCount: Int
  /// Number of tokens of the prompt that were found in the cache and not computed.
  public var cachedTokenCount: Int
  /// The seed of the request's random numbers, drawn at submission if none was given.
  public var seed: UInt64

  /// Creates a summary.
  public init(
    reason: FinishReason, promptTokenCount: Int, completionTokenCount: Int, cachedTokenCount: Int, seed: UInt64
  ) {
    self.reason = reason
    self.promptTokenCount = promptTokenCount
    self.completionTokenCount = completionTokenCount
    self.cachedTokenCount = cachedTokenCount
    self.seed = seed
  }
}
