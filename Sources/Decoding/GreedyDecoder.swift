public import Requests
public import Tensors

/// Chooses the most probable token of each row, ties to the lowest identifier. Refuses rows that ask for sampling.
public struct GreedyDecoder: Decoder {
  private var logSoftmax = LogSoftmax()

  /// Creates a decoder.
  public init() {}

  /// Chooses a token for each of `rows`.
  public mutating func decode(
    _ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]
  ) {
    if logits.appendMostProbableTokens(of: rows, to: &results) { return }
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
    guard row.params.temperature == 0 else {
      throw .unsupported("temperature is \(row.params.temperature), but the decoder is greedy: use 0")
    }
    guard row.controls == nil else {
      throw .unsupported("the request restricts its tokens, but the decoder is greedy: use a sampling decoder")
    }
    return try logits.withRow(row.logitsRow) { (values) throws(DecodingError) in
      let scan = try LogitsScan(values)
      return logSoftmax.output(for: scan.argmax, in: values, scan: scan, alternatives: row.params.logprobs)
    }
  }
}

extension LogSoftmax {
  /// The output for the choice of `token` from `row`, with log-probabilities if `alternatives` is not nil.
  package mutating func output(
    for token: Int, in row: Span<Float>, scan: LogitsScan, alternatives: Int?
  ) -> TokenOutput {
    guard let alternatives else { return TokenOutput(token: TokenID(token)) }
    prepare(row, scan: scan)
    return TokenOutput(
      token: TokenID(token), logprob: logprob(ofLogit: row[token]), top: top(alternatives, of: row))
  }
}
