package import Requests

/// A token that may be drawn.
package struct Candidate: Sendable, Equatable {
  /// The token.
  package var token: TokenID
  /// Its logit.
  package var logit: Float
  /// A number proportional to its probability.
  package var weight: Float = 0

  /// Whether this candidate comes before `other`: larger logit, or the same and lower identifier.
  @inline(__always)
  fileprivate func isBetter(than other: Candidate) -> Bool {
    logit != other.logit ? logit > other.logit : token < other.token
  }
}

/// The few tokens of a row that come into question, found through the maxima of its blocks; nothing is sorted but them.
package struct Candidates: Sendable {
  /// The candidates.
  package private(set) var list: [Candidate] = []
  private var keyHeap: [Int32] = []

  /// Creates an empty list.
  package init() {}

  /// A key that the `count` largest logits of a row reach, given its maxima: that of the `count`-th largest block, since
  /// each of these blocks has one at least as large. The least key if there are fewer blocks.
  package mutating func threshold(forBest count: Int, _ maxima: BlockMaxima) -> Int32 {
    guard count <= maxima.keys.count else { return .min }
    keyHeap.removeAll(keepingCapacity: true)
    for index in 0..<count {
      keyHeap.append(maxima.keys[index])
      siftKeyUp()
    }
    for index in count..<maxima.keys.count where maxima.keys[index] > keyHeap[0] {
      keyHeap[0] = maxima.keys[index]
      siftKeyDown()
    }
    return keyHeap[0]
  }

  /// Lists the tokens of `row` that are not masked and whose logits have keys of `threshold` or more, by identifier.
  package mutating func gather(_ row: Span<Float>, _ maxima: BlockMaxima, threshold: Int32) {
    list.removeAll(keepingCapacity: true)
    let lowest = max(threshold, orderedKey(-.infinity) + 1)
    let limit = floatValue(ofOrderedKey: lowest)
    for block in maxima.keys.indices where maxima.keys[block] >= lowest {
      let range = BlockMaxima.range(ofBlock: block, count: row.count)
      var found = BlockMaxima.bits(of: row.extracting(range), atLeast: limit)
      while found != 0 {
        let index = range.lowerBound + found.trailingZeroBitCount
        found &= found - 1
        list.append(Candidate(token: TokenID(index), logit: row[index]))
      }
    }
  }

  /// Keeps the best `count`, or all if there are fewer, best first.
  package mutating func keepBest(_ count: Int) {
    let kept = min(count, list.count)
    // A heap of the best so far with the worst of them on top.
    for place in stride(from: kept / 2 - 1, through: 0, by: -1) { siftDown(place, count: kept) }
    for place in kept..<list.count where list[place].isBetter(than: list[0]) {
      list[0] = list[place]
      siftDown(0, count: kept)
    }
    list.removeLast(list.count - kept)
    // The worst goes to the end, again and again.
    for last in stride(from: kept - 1, to: 0, by: -1) {
      list.swapAt(0, last)
      siftDown(0, count: last)
    }
  }

  /// Weighs every candidate: `e^((logit - largest) / temperature)`.
  package mutating func weigh(largest: Float, temperature: Float) {
    for place in list.indices {
      list[place].weight = exponentialOfNonPositive((list[place].logit - largest) / temperature)
    }
  }

  /// The sum of all weights in the order of the list.
  package var mass: Double {
    var sum = 0.0
    for place in list.indices { sum += Double(list[place].weight) }
    return sum
  }

  /// Removes the candidates with a weight below `weight`; keeps the order.
  package mutating func dropBelow(_ weight: Float) {
    var kept = 0
    for place in list.indices where list[place].weight >= weight {
      list[kept] = list[place]
      kept += 1
    }
    list.removeLast(list.count - kept)
  }

  /// Keeps the first candidates whose weights sum to `mass` or more; all if they do not reach it.
  package mutating func keepFirst(mass: Double) {
    var sum = 0.0
    for place in list.indices {
      sum += Double(list[place].weight)
      if sum >= mass { return list.removeLast(list.count - place - 1) }
    }
  }

  /// The token at which the running sum of weights exceeds `target`, or the last that has any weight.
  package func draw(_ target: Double) -> Int? {
    var sum = 0.0
    var last: Int?
    for place in list.indices where list[place].weight > 0 {
      sum += Double(list[place].weight)
      last = Int(list[place].token)
      if sum > target { break }
    }
    return last
  }

  /// Puts the candidates into the order of `keys`, smallest first, equal ones as they are, until `mass` is reached, and
  /// removes the others. `keys` has a number for each candidate and is used up.
  package mutating func keepSmallest(_ keys: inout [Float], mass: Double) {
    var remaining = list.count
    for place in stride(from: remaining / 2 - 1, through: 0, by: -1) { siftSmallest(place, &keys, count: remaining) }
    var sum = 0.0
    // The smallest goes to the end, again and again; what has gone there is kept.
    while remaining > 0, sum < mass {
      sum += Double(list[0].weight)
      remaining -= 1
      list.swapAt(0, remaining)
      keys.swapAt(0, remaining)
      siftSmallest(0, &keys, count: remaining)
    }
    list.removeFirst(remaining)
  }

  private mutating func siftSmallest(_ start: Int, _ keys: inout [Float], count: Int) {
    func precedes(_ left: Int, _ right: Int) -> Bool {
      keys[left] != keys[right] ? keys[left] < keys[right] : list[left].token < list[right].token
    }
    var parent = start
    while true {
      var first = parent
      for child in 2 * parent + 1...2 * parent + 2 where child < count {
        if precedes(child, first) { first = child }
      }
      guard first != parent else { return }
      list.swapAt(parent, first)
      keys.swapAt(parent, first)
      parent = first
    }
  }

  private mutating func siftDown(_ start: Int, count: Int) {
    var parent = start
    while true {
      var worst = parent
      for child in 2 * parent + 1...2 * parent + 2 where child < count {
        if list[worst].isBetter(than: list[child]) { worst = child }
      }
      guard worst != parent else { return }
      list.swapAt(parent, worst)
      parent = worst
    }
  }

  private mutating func siftKeyUp() {
    var child = keyHeap.count - 1
    while child > 0, keyHeap[child] < keyHeap[(child - 1) / 2] {
      keyHeap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func siftKeyDown() {
    var parent = 0
    while true {
      var least = parent
      for child in 2 * parent + 1...2 * parent + 2 where child < keyHeap.count && keyHeap[child] < keyHeap[least] {
        least = child
      }
      guard least != parent else { return }
      keyHeap.swapAt(parent, least)
      parent = least
    }
  }
}
