internal import ModelEngines
internal import Requests
internal import Resources

/// Requests for hidden states instead of an answer: they end with their prompt.
extension StepLoop {
  /// Asks for the hidden states that the request needs of these tokens, and for no logits.
  func requestHidden(_ item: inout StepBatch.Item) {
    item.logits = .none
    switch active[item.index].input.pooling {
    case .mean?: item.hidden = .all
    case .last?: item.hidden = item.isCaughtUp ? .last : .none
    case nil: item.hidden = .none
    }
  }

  /// Takes what the pass has of hidden states. A request whose prompt is processed ends with them.
  mutating func pool() {
    let rowCount = batch.forward.hiddenRowCount
    guard rowCount > 0 else { return }
    let (states, size) = (engine.hiddenStates, engine.hiddenSize ?? 0)
    var row = 0
    for (item, run) in zip(batch.items, batch.forward.runs) where run.hiddenRowCount > 0 {
      guard size > 0, states.count == rowCount * size else {
        let reason = "the engine returned \(states.count) numbers for \(rowCount) hidden states of \(size)"
        active[item.index].finish(.failed(.engine(reason)))
        continue
      }
      let first = item.resources.processedTokenCount + item.tokenCount - run.hiddenRowCount
      active[item.index].pooled.add(states[row * size..<(row + run.hiddenRowCount) * size], size: size, from: first)
      row += run.hiddenRowCount
      guard item.isCaughtUp, !active[item.index].isFinished else { continue }
      send(.embedding(active[item.index].pooled.mean), of: item.index)
      active[item.index].finish(.length)
    }
  }
}

/// The sum of hidden states, in the order of their positions and in double precision, so that it does not depend on how many
/// passes they come from.
struct PooledStates: Sendable {
  private var sums: [Double] = []
  private var count = 0
  /// The position after the last one that was added.
  private var nextPosition = 0

  /// Adds the states of `size` numbers each of positions from `first` on. Those that were added already, before the request
  /// was paused, do not count again.
  mutating func add(_ states: ArraySlice<Float>, size: Int, from first: Int) {
    if sums.isEmpty { sums = Array(repeating: 0, count: size) }
    for offset in 0..<states.count / size where first + offset >= nextPosition {
      let start = states.startIndex + offset * size
      for column in 0..<size { sums[column] += Double(states[start + column]) }
      count += 1
      nextPosition = first + offset + 1
    }
  }

  /// The mean of what was added; a single state is itself.
  var mean: [Float] { sums.map { Float($0 / Double(max(1, count))) } }
}
