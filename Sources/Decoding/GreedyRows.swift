internal import Requests
internal import Tensors

/// Decodes batches of which every row asks for its most probable token and nothing else: all rows at once.
struct GreedyRows: Sendable {
  private var rows: [Int32] = []
  private var places: [Int32] = []

  /// Appends the most probable token of each of `rows` to `results`; they are divided among the threads of `pool`.
  ///
  /// - Returns: false, and nothing is done, if a row asks for anything else.
  mutating func decode(
    _ logits: Logits, _ rows: [DecodingRow], on pool: WorkerPool? = nil,
    into results: inout [Result<TokenOutput, DecodingError>]
  ) -> Bool {
    self.rows.removeAll(keepingCapacity: true)
    for index in rows.indices {
      guard rows[index].isPlainGreedy else { return false }
      self.rows.append(Int32(rows[index].logitsRow))
    }
    logits.findMaxima(ofRows: self.rows, into: &places, on: pool)
    for index in places.indices {
      let place = places[index]
      // What the engine has not noted is looked for, and what is wrong with the row is found.
      results.append(
        place < 0
          ? mostProbableToken(of: logits, row: rows[index].logitsRow) : .success(TokenOutput(token: TokenID(place))))
    }
    return true
  }
}

/// The most probable token of row `row`, ties to the lowest identifier: all that greedy decoding is.
func mostProbableToken(of logits: Logits, row: Int) -> Result<TokenOutput, DecodingError> {
  do throws(DecodingError) {
    return .success(TokenOutput(token: TokenID(try LogitsScan(logits, row: row).argmax)))
  } catch {
    return .failure(error)
  }
}
