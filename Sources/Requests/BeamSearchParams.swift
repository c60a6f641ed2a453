/// How a beam search goes: the most probable sequences are followed, not one that is drawn.
///
/// A finished sequence of `L` generated tokens scores `(sum of ln p) / L^lengthPenalty`; the best scores are returned.
public struct BeamSearchParams: Sendable, Equatable {
  /// When to stop looking for better sequences, once as many have ended as there are beams.
  public enum EarlyStopping: String, Sendable, Equatable {
    /// At once.
    case whenEnoughHaveEnded
    /// When the best that is under way would score less than the worst that has ended, if it ended now.
    case whenUnlikely
    /// When nothing that is under way can get a better score, at any length.
    case never
  }

  /// Number of sequences that are followed.
  public var width: Int
  /// Most tokens to generate.
  public var maxTokens: Int
  /// Number of sequences to return, at most ``width``.
  public var n: Int
  /// The exponent of the length: above 0 prefers longer sequences, below 0 shorter ones, 0 does not look at the length; between
  /// -16 and 16.
  public var lengthPenalty: Double
  /// When to stop.
  public var earlyStopping: EarlyStopping
  /// Tokens that end a sequence besides the model's own end-of-sequence tokens.
  public var stopTokenIDs: [TokenID]

  /// Creates parameters.
  public init(
    width: Int, maxTokens: Int, n: Int = 1, lengthPenalty: Double = 1, earlyStopping: EarlyStopping = .whenUnlikely,
    stopTokenIDs: [TokenID] = []
  ) {
    self.width = width
    self.maxTokens = maxTokens
    self.n = n
    self.lengthPenalty = lengthPenalty
    self.earlyStopping = earlyStopping
    self.stopTokenIDs = stopTokenIDs
  }

  /// Number of best continuations to look at in all if `endTokenCount` tokens end a sequence: enough that as many as there
  /// are beams go on.
  package func continuationCount(endTokenCount: Int) -> Int {
    let (count, overflow) = max(2, 1 + endTokenCount).multipliedReportingOverflow(by: width)
    return overflow ? .max : count
  }

  /// Returns the parameters if every one of them is in its range for a model with `endTokenCount` tokens that end a
  /// sequence.
  ///
  /// - Throws: ``SamplingParamsError`` for the first that is not.
  public func validated(endTokenCount: Int) throws(SamplingParamsError) -> BeamSearchParams {
    let widest = max(1, SamplingParams.maximumLogprobs / max(2, 1 + endTokenCount))
    guard (1...widest).contains(width) else {
      throw SamplingParamsError("beam_width", "\(width)", "between 1 and \(widest)")
    }
    guard maxTokens >= 1 else { throw SamplingParamsError("max_tokens", "\(maxTokens)", "at least 1") }
    guard (1...width).contains(n) else {
      throw SamplingParamsError("n", "\(n)", "between 1 and the beam width, which is \(width)")
    }
    // To the power of 17 the longest length that there can be is no number any more, and all scores would be the same.
    guard abs(lengthPenalty) <= 16 else {
      throw SamplingParamsError("length_penalty", "\(lengthPenalty)", "between -16 and 16")
    }
    return self
  }
}
