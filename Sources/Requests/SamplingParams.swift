/// How a request's tokens are chosen and when it ends.
///
/// The defaults are greedy decoding until the end of the sequence or the model's limit, without log-probabilities.
/// Values are checked by ``validated()`` at the door; nothing out of range is clamped or ignored.
public struct SamplingParams: Sendable, Equatable {
  /// Most tokens to generate, at least 1; nil means until the longest sequence that the engine can hold.
  public var maxTokens: Int?
  /// Divisor of the logits; 0 (the default) is greedy decoding: the most probable token, ties to the lowest identifier.
  public var temperature: Float
  /// Sample from the `topK` most probable tokens only; 0 (the default) is no limit.
  public var topK: Int
  /// Sample from the smallest set of most probable tokens that holds this much probability; 1 (the default) is all.
  public var topP: Float
  /// The seed of the request's random numbers; nil draws one, which the output reports.
  public var seed: UInt64?
  /// Tokens that end the request when they are generated, besides the model's own end-of-sequence tokens.
  public var stopTokenIDs: [TokenID]
  /// Whether to go on past the model's end-of-sequence tokens; ``stopTokenIDs`` still end the request.
  public var ignoreEndOfSequence: Bool
  /// Report the log-probability of each generated token and of this many best alternatives; 0 reports only the chosen
  /// token's, nil (the default) none.
  public var logprobs: Int?
  /// The same for the tokens of the prompt.
  public var promptLogprobs: Int?

  /// The most alternatives that ``logprobs`` and ``promptLogprobs`` may ask for.
  public static let maximumLogprobs = 256
  /// The most entries of ``stopTokenIDs``.
  public static let maximumStopTokens = 256

  /// Creates parameters; every default is stated at its property.
  public init(
    maxTokens: Int? = nil, temperature: Float = 0, topK: Int = 0, topP: Float = 1, seed: UInt64? = nil,
    stopTokenIDs: [TokenID] = [], ignoreEndOfSequence: Bool = false, logprobs: Int? = nil, promptLogprobs: Int? = nil
  ) {
    self.maxTokens = maxTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.stopTokenIDs = stopTokenIDs
    self.ignoreEndOfSequence = ignoreEndOfSequence
    self.logprobs = logprobs
    self.promptLogprobs = promptLogprobs
  }

  /// Returns the parameters if every one of them is in its range.
  ///
  /// - Throws: ``SamplingParamsError`` for the first parameter that is not.
  public func validated() throws(SamplingParamsError) -> SamplingParams {
    if let maxTokens, maxTokens < 1 { throw SamplingParamsError("max_tokens", "\(maxTokens)", "at least 1") }
    guard temperature.isFinite, temperature >= 0 else {
      throw SamplingParamsError("temperature", "\(temperature)", "a finite number, 0 or more")
    }
    guard topK >= 0 else { throw SamplingParamsError("top_k", "\(topK)", "0 (no limit) or more") }
    guard topP > 0, topP <= 1 else { throw SamplingParamsError("top_p", "\(topP)", "more than 0 and at most 1") }
    try Self.checkLogprobs(logprobs, name: "logprobs")
    try Self.checkLogprobs(promptLogprobs, name: "prompt_logprobs")
    guard stopTokenIDs.count <= Self.maximumStopTokens else {
      throw SamplingParamsError(
        "stop_token_ids", "\(stopTokenIDs.count) tokens", "at most \(Self.maximumStopTokens) tokens")
    }
    if let negative = stopTokenIDs.first(where: { $0 < 0 }) {
      throw SamplingParamsError("stop_token_ids", "\(negative)", "token identifiers, 0 or more")
    }
    return self
  }

  private static func checkLogprobs(_ count: Int?, name: String) throws(SamplingParamsError) {
    guard let count else { return }
    guard (0...maximumLogprobs).contains(count) else {
      throw SamplingParamsError(name, "\(count)", "between 0 and \(maximumLogprobs)")
    }
  }
}

/// A sampling parameter that is out of its range.
public struct SamplingParamsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The parameter's name, as it is on the wire.
  public let parameter: String
  /// The value that was given.
  public let value: String
  /// What is allowed, in words.
  public let allowed: String

  /// Creates an error.
  public init(_ parameter: String, _ value: String, _ allowed: String) {
    self.parameter = parameter
    self.value = value
    self.allowed = allowed
  }

  /// One line that names the parameter, its value and the allowed range.
  public var description: String { "\(parameter) is \(value); it must be \(allowed)" }
}
