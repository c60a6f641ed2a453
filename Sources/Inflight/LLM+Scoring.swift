public import Requests
internal import Tokenization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How probable a text is to a model, token by token.
public struct Score: Sendable, Equatable {
  /// The tokens of the text.
  public var tokens: [TokenID]
  /// `ln p(token i | tokens before it)`; nil for the first.
  public var logprobs: [Float?]
  /// The most probable tokens at each place, best first; nil for the first.
  public var top: [[TokenLogprob]?]

  /// `exp` of the mean negative log-probability; nil for a text of one token.
  public var perplexity: Double? {
    let known = logprobs.compactMap { $0 }
    guard !known.isEmpty else { return nil }
    return exp(-known.reduce(0.0) { $0 + Double($1) } / Double(known.count))
  }
}

extension LLM {
  /// Scores a text: the probability of each of its tokens given those before.
  ///
  /// - Parameters:
  ///   - text: what to score; at least one token, and at most one fewer than the longest sequence.
  ///   - top: how many of the most probable tokens to report at each place, 0 to 256.
  /// - Throws: ``InflightError``.
  public func score(_ text: String, top: Int = 0) async throws -> Score {
    guard !text.isEmpty else { throw InflightError(.request, "the text is empty; it must have at least one token") }
    let tokens = tokenizer.encode(text)
    let completion = try await stream(tokens: tokens, SamplingParams(maxTokens: 1, promptLogprobs: top)).completion()
    return Score(
      tokens: tokens, logprobs: completion.promptLogprobs.map(\.logprob),
      top: completion.promptLogprobs.map { $0.logprob == nil ? nil : $0.top })
  }
}
