public import Requests
public import Tensors

/// Chooses tokens by temperature, top-k and top-p; a row of temperature 0 gets its most probable token.
///
/// The draw for a token is a function of its logits and of (seed, sample index, position) only. Reported
/// log-probabilities are those of the raw logits.
public struct SamplingDecoder: Decoder {
  private var logSoftmax = LogSoftmax()
  private var sampler = TokenSampler()

  /// Creates a decoder.
  public init() {}

  /// Chooses a token for each of `rows`.
  public mutating func decode(
    _ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]
  ) {
    // By index, since iterating would copy each row, and count its references up and down.
    for index in rows.indices {
      if rows[index].isPlainGreedy {
        results.append(mostProbableToken(of: logits, row: rows[index].logitsRow))
      } else {
        results.append(Result { () throws(DecodingError) in try decode(logits, rows[index]) })
      }
    }
  }

  private mutating func decode(_ logits: Logits, _ row: DecodingRow) throws(DecodingError) -> TokenOutput {
    try logits.withRow(row.logitsRow) { (values) throws(DecodingError) in
      let scan = try LogitsScan(values)
      var token = scan.argmax
      if row.params.temperature > 0 {
        token = sampler.sample(
          values, scan: scan, temperature: row.params.temperature, topK: row.params.topK, topP: row.params.topP,
          uniform: Philox.uniform(seed: row.seed, sampleIndex: row.sampleIndex, position: row.position))
      }
      return logSoftmax.output(for: token, in: values, scan: scan, alternatives: row.params.logprobs)
    }
  }
}
