internal import Requests
internal import Tensors

extension Logits {
  /// Appends the most probable token of each of `rows` to `results`, if each of them asks for that and for nothing else.
  ///
  /// - Returns: false, and nothing is done, if a row asks for anything else.
  func appendMostProbableTokens(
    of rows: [DecodingRow], to results: inout [Result<TokenOutput, DecodingError>]
  ) -> Bool {
    // By index, since iterating would copy each row, and count its references up and down.
    for index in rows.indices where !rows[index].isPlainGreedy { return false }
    for index in rows.indices { results.append(mostProbableToken(of: self, row: rows[index].logitsRow)) }
    return true
  }
}

/// The most probable token of row `row`, ties to the lowest identifier: all that greedy decoding is.
func mostProbableToken(of logits: Logits, row: Int) -> Result<TokenOutput, DecodingError> {
  // What the engine has not noted is looked for, and what is wrong with the row is found.
  if let index = logits.indexOfMaximum(ofRow: row) { return .success(TokenOutput(token: TokenID(index))) }
  do throws(DecodingError) {
    return .success(TokenOutput(token: TokenID(try LogitsScan(logits, row: row).argmax)))
  } catch {
    return .failure(error)
  }
}
