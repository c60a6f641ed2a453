extension SamplingParams {
  /// Returns the parameters if every one of them is in its range and none contradicts another.
  ///
  /// - Throws: ``SamplingParamsError`` for the first parameter that is not.
  public func validated() throws(SamplingParamsError) -> SamplingParams {
    try checkCounts()
    try checkDistribution()
    try checkPenalties()
    try checkWords(badWords, name: "bad_words")
    try checkWords(stop, name: "stop")
    try Self.checkLogprobs(logprobs, name: "logprobs")
    try Self.checkLogprobs(promptLogprobs, name: "prompt_logprobs")
    guard stopTokenIDs.count <= Self.maximumStopTokens else {
      throw SamplingParamsError(
        "stop_token_ids", "\(stopTokenIDs.count) tokens", "at most \(Self.maximumStopTokens) tokens")
    }
    if let negative = stopTokenIDs.first(where: { $0 < 0 }) {
      throw SamplingParamsError("stop_token_ids", "\(negative)", "token identifiers, 0 or more")
    }
    if includesStop, stop.isEmpty {
      throw SamplingParamsError("include_stop_str_in_output", "true", "false where there are no stop strings")
    }
    return self
  }

  private func checkCounts() throws(SamplingParamsError) {
    if let maxTokens, maxTokens < 1 { throw SamplingParamsError("max_tokens", "\(maxTokens)", "at least 1") }
    guard minTokens >= 0, minTokens <= maxTokens ?? .max else {
      throw SamplingParamsError("min_tokens", "\(minTokens)", "between 0 and max_tokens")
    }
    guard (1...Self.maximumSamples).contains(n) else {
      throw SamplingParamsError("n", "\(n)", "between 1 and \(Self.maximumSamples)")
    }
    if let bestOf, !(n...Self.maximumSamples).contains(bestOf) {
      throw SamplingParamsError("best_of", "\(bestOf)", "between n, which is \(n), and \(Self.maximumSamples)")
    }
    if sampleCount > 1, temperature == 0 {
      throw SamplingParamsError(
        bestOf == nil ? "n" : "best_of", "\(sampleCount)", "1 if temperature is 0: all samples would be the same")
    }
    if let truncatePrompt, truncatePrompt < 1 {
      throw SamplingParamsError("truncate_prompt_tokens", "\(truncatePrompt)", "at least 1")
    }
  }

  private func checkDistribution() throws(SamplingParamsError) {
    guard temperature.isFinite, temperature >= 0 else {
      throw SamplingParamsError("temperature", "\(temperature)", "a finite number, 0 or more")
    }
    guard topK >= 0 else { throw SamplingParamsError("top_k", "\(topK)", "0 (no limit) or more") }
    guard topP > 0, topP <= 1 else { throw SamplingParamsError("top_p", "\(topP)", "more than 0 and at most 1") }
    guard minP >= 0, minP <= 1 else { throw SamplingParamsError("min_p", "\(minP)", "between 0 and 1") }
    guard typicalP > 0, typicalP <= 1 else {
      throw SamplingParamsError("typical_p", "\(typicalP)", "more than 0 and at most 1")
    }
  }

  private func checkPenalties() throws(SamplingParamsError) {
    guard repetitionPenalty >= 0.01, repetitionPenalty <= 100 else {
      throw SamplingParamsError("repetition_penalty", "\(repetitionPenalty)", "between 0.01 and 100")
    }
    for (name, value) in [("presence_penalty", presencePenalty), ("frequency_penalty", frequencyPenalty)] {
      guard value >= -2, value <= 2 else { throw SamplingParamsError(name, "\(value)", "between -2 and 2") }
    }
    guard (0...Self.maximumNGramSize).contains(noRepeatNGramSize) else {
      throw SamplingParamsError(
        "no_repeat_ngram_size", "\(noRepeatNGramSize)", "between 0 (no limit) and \(Self.maximumNGramSize)")
    }
    guard logitBias.count <= Self.maximumLogitBiases else {
      throw SamplingParamsError(
        "logit_bias", "\(logitBias.count) tokens", "at most \(Self.maximumLogitBiases) tokens")
    }
    // The lowest token first, so that the error does not depend on the order of a dictionary.
    for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
      guard token >= 0 else { throw SamplingParamsError("logit_bias", "for token \(token)", "for tokens 0 or more") }
      guard bias >= -100, bias <= 100 else {
        throw SamplingParamsError("logit_bias", "\(bias) for token \(token)", "between -100 and 100")
      }
    }
  }

  private func checkWords(_ words: [String], name: String) throws(SamplingParamsError) {
    guard words.count <= Self.maximumWords else {
      throw SamplingParamsError(name, "\(words.count) texts", "at most \(Self.maximumWords) texts")
    }
    for word in words {
      guard !word.isEmpty, word.utf8.count <= Self.maximumWordBytes else {
        throw SamplingParamsError(
          name, "a text of \(word.utf8.count) bytes", "texts of 1 to \(Self.maximumWordBytes) bytes")
      }
    }
    let byteCount = words.reduce(0) { $0 + $1.utf8.count }
    guard byteCount <= Self.maximumBytesOfWords else {
      throw SamplingParamsError(
        name, "texts of \(byteCount) bytes together", "at most \(Self.maximumBytesOfWords) bytes together")
    }
  }

  private static func checkLogprobs(_ count: Int?, name: String) throws(SamplingParamsError) {
    guard let count else { return }
    guard (0...maximumLogprobs).contains(count) else {
      throw SamplingParamsError(name, "\(count)", "between 0 and \(maximumLogprobs)")
    }
  }
}

/// A sampling parameter that is out of its range, or that contradicts another.
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
