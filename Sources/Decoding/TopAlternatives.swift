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
    fill(count, from: row)
    guard !bestFirst.isEmpty else { return }
    for index in bestFirst.count..<row.count { consider(index, row) }
    bestFirst.sort { $1.isWorse(than: $0) }
  }

  /// The same, of a row whose maxima are known: a block without a logit that is large enough is not looked into.
  package mutating func select(_ count: Int, from row: Span<Float>, _ maxima: BlockMaxima) {
    fill(count, from: row)
    guard !bestFirst.isEmpty else { return }
    for block in bestFirst.count / BlockMaxima.blockCount..<maxima.keys.count
    where maxima.keys[block] > orderedKey(bestFirst[0].logit) {
      for index in BlockMaxima.range(ofBlock: block, count: row.count) where index >= bestFirst.count {
        consider(index, row)
      }
    }
    bestFirst.sort { $1.isWorse(than: $0) }
  }

  /// Begins with the first `count`.
  private mutating func fill(_ count: Int, from row: Span<Float>) {
    bestFirst.removeAll(keepingCapacity: true)
    for index in 0..<min(count, row.count) {
      bestFirst.append(Entry(token: TokenID(index), logit: row[index]))
      siftUp()
    }
  }

  @inline(__always)
  private mutating func consider(_ index: Int, _ row: Span<Float>) {
    guard row[index] > bestFirst[0].logit else { return }
    bestFirst[0] = Entry(token: TokenID(index), logit: row[index])
    siftDown()
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
