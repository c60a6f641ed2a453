package import Requests

/// The best few tokens of a row, by a heap of the best seen so far with the worst of them on top: one comparison per
/// logit for nearly all of them, and never more than a logarithm of the few.
package struct TopAlternatives: Sendable {
  /// A token and its logit.
  package struct Entry: Sendable {
    /// The token.
    package var token: TokenID
    /// Its logit.
    package var logit: Float

    /// Whether this entry comes after `other`: smaller logit, or the same and higher identifier.
    fileprivate func isWorse(than other: Entry) -> Bool {
      logit != other.logit ? logit < other.logit : token > other.token
    }
  }

  /// The entries of the last selection, best first.
  package private(set) var bestFirst: [Entry] = []

  /// Creates an empty selection.
  package init() {}

  /// Selects the `count` largest logits of `row`, or all if there are fewer.
  package mutating func select(_ count: Int, from row: Span<Float>) {
    bestFirst.removeAll(keepingCapacity: true)
    let filled = min(count, row.count)
    for index in 0..<filled {
      bestFirst.append(Entry(token: TokenID(index), logit: row[index]))
      siftUp()
    }
    guard filled > 0 else { return }
    for index in filled..<row.count where row[index] > bestFirst[0].logit {
      bestFirst[0] = Entry(token: TokenID(index), logit: row[index])
      siftDown()
    }
    bestFirst.sort { $1.isWorse(than: $0) }
  }

  private mutating func siftUp() {
    var child = bestFirst.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard bestFirst[child].isWorse(than: bestFirst[parent]) else { return }
      bestFirst.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var worst = parent
      for child in 2 * parent + 1...2 * parent + 2 where child < bestFirst.count {
        if bestFirst[child].isWorse(than: bestFirst[worst]) { worst = child }
      }
      guard worst != parent else { return }
      bestFirst.swapAt(parent, worst)
      parent = worst
    }
  }
}
