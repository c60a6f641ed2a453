public import Requests
public import Tensors

/// One row of logits that a token is to be chosen from.
public struct DecodingRow: Sendable {
  /// Index of the row in the logits of the pass.
  public var logitsRow: Int
  /// Absolute position in its sequence of the token that is to be chosen.
  public var position: Int
  /// Whether only the most probable token is asked for. Kept, so that nothing behind it is looked at for such a row.
  private(set) var isPlainGreedy: Bool
  /// The seed of the request's random numbers.
  public var seed: UInt64
  /// Which of the samples of one request the token is for, counted from 0.
  public var sampleIndex: Int
  /// What of the parameters depends on the sample's tokens so far: a decoder that does what they say applies it to a copy
  /// of the row before it does anything else. Nil if there is nothing.
  public var controls: SequenceControls? {
    didSet { isPlainGreedy = Self.isPlainGreedy(params, controls) }
  }
  /// How to choose.
  public var params: SamplingParams {
    didSet { isPlainGreedy = Self.isPlainGreedy(params, controls) }
  }

  /// Creates a row.
  public init(
    logitsRow: Int, params: SamplingParams, seed: UInt64, position: Int, sampleIndex: Int = 0,
    controls: SequenceControls? = nil
  ) {
    self.logitsRow = logitsRow
    self.params = params
    self.seed = seed
    self.position = position
    self.sampleIndex = sampleIndex
    self.controls = controls
    isPlainGreedy = Self.isPlainGreedy(params, controls)
  }

  private static func isPlainGreedy(_ params: borrowing SamplingParams, _ controls: SequenceControls?) -> Bool {
    params.temperature == 0 && params.logprobs == nil && controls == nil
  }
}

/// Chooses tokens: a batch of rows of logits in, for each a token with the log-probabilities that were asked for out.
///
/// The answer for a row must be a function of that row alone, bit for bit, whatever else is in the batch. A decoder is
/// used by one thread at a time and may keep scratch memory.
public protocol Decoder {
  /// Chooses a token for each of `rows`.
  ///
  /// - Parameters:
  ///   - logits: the rows of the pass, `[rows, vocabulary]`.
  ///   - rows: which rows to decode, and how.
  ///   - results: empty on entry; one entry per row in order on return. A row from which no token can be chosen gets an
  ///     error, which fails its request only.
  mutating func decode(
    _ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>])
}
