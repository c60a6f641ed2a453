public import Requests
public import Tensors

/// Chooses tokens as their requests' ``SamplingParams`` say; a row of temperature 0 gets its most probable token.
///
/// The draw for a token is a function of its logits and of (seed, sample index, position) only, and of what its sample has
/// generated where a control looks at that. Reported log-probabilities are those of the model's own logits. Rows are shared
/// among the threads of the engine, if it has any to lend.
public struct SamplingDecoder: Decoder {
  private var decoder = RowDecoder()
  private var lanes: DecodingLanes?

  /// Creates a decoder.
  public init() {}

  /// Lends the decoder the threads of `pool`, which is nobody else's while it decodes.
  package mutating func use(_ pool: WorkerPool) {
    lanes = pool.threadCount > 1 ? DecodingLanes(pool) : nil
  }

  /// Chooses a token for each of `rows`.
  public mutating func decode(
    _ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]
  ) {
    if logits.appendMostProbableTokens(of: rows, to: &results) { return }
    var workCount = 0
    for index in rows.indices where !rows[index].isPlainGreedy { workCount += 1 }
    if let lanes, workCount > 1 { return lanes.decode(logits, rows: rows, into: &results) }
    // By index, since iterating would copy each row, and count its references up and down.
    for index in rows.indices {
      if rows[index].isPlainGreedy {
        results.append(mostProbableToken(of: logits, row: rows[index].logitsRow))
      } else {
        results.append(Result { () throws(DecodingError) in try decoder.decode(logits, rows[index]) })
      }
    }
  }
}

/// Decodes the rows of a batch on several threads: each takes a range of them.
///
/// Unchecked sendability: while the pool works, the batch is only read, and each lane is used by one thread.
private final class DecodingLanes: WorkerTask, @unchecked Sendable {
  private final class Lane {
    var decoder = RowDecoder()
    var results: [Result<TokenOutput, DecodingError>] = []
  }

  private let pool: WorkerPool
  private let lanes: [Lane]
  private var logits: Logits?
  private var rows: [DecodingRow] = []

  init(_ pool: WorkerPool) {
    self.pool = pool
    lanes = (0..<pool.threadCount).map { _ in Lane() }
  }

  func decode(_ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]) {
    (self.logits, self.rows) = (logits, rows)
    pool.perform(self, count: lanes.count)
    // The batch is its owner's again, to be changed in place.
    (self.logits, self.rows) = (nil, [])
    for lane in lanes {
      for place in lane.results.indices { results.append(lane.results[place]) }
      lane.results.removeAll(keepingCapacity: true)
    }
  }

  func run(_ item: Int) {
    guard let logits else { return }
    let lane = lanes[item]
    for index in rows.count * item / lanes.count..<rows.count * (item + 1) / lanes.count {
      lane.results.append(Result { () throws(DecodingError) in try lane.decoder.decode(logits, rows[index]) })
    }
  }
}
