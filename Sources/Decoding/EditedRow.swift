internal import Requests
package import Tensors

/// What a sample's controls make of a row of logits, of which only those blocks are written that somebody must look into.
///
/// A block is *settled* once it is written. Of one that is not, the maximum in ``maxima`` is a bound: what a mask leaves of a
/// block is at most as large as the block's largest logit. So the best tokens are found without a look at the others, and the
/// answer is the one that writing all of the row would give. The row's own logits are handed to every function again.
package struct EditedRow: Sendable {
  /// The largest key of every settled block; of the others one that none of its logits exceeds.
  package private(set) var maxima = BlockMaxima()
  /// The logits of the settled blocks.
  package private(set) var logits: [Float] = []
  /// The tokens that are left of the blocks that are not settled.
  private var mask: [UInt64] = []
  private var isSettled: [Bool] = []
  private var settled: [Int] = []

  /// How often blocks are settled for the best few before all are: masks that forbid the best of most blocks are rare.
  private static let maximumRounds = 4

  /// Creates a row of nothing.
  package init() {}

  /// Finds the maxima of row `row` of `logits`.
  ///
  /// - Throws: ``DecodingError`` as ``BlockMaxima/fill(_:row:)`` does.
  package mutating func fill(_ logits: Logits, row: Int) throws(DecodingError) { try maxima.fill(logits, row: row) }

  /// Begins with `count` logits, of which ``maxima`` are the maxima.
  package mutating func begin(count: Int) {
    if logits.count != count { logits = Array(repeating: 0, count: count) }
    let wordCount = (count + 63) / 64
    if mask.count != wordCount { mask = Array(repeating: .max, count: wordCount) }
    for place in mask.indices { mask[place] = .max }
    for block in settled { isSettled[block] = false }
    settled.removeAll(keepingCapacity: true)
    if isSettled.count != maxima.keys.count { isSettled = Array(repeating: false, count: maxima.keys.count) }
  }

  /// Forbids the tokens whose bits in `allowed` are 0: bit `i % 64` of word `i / 64`.
  package mutating func keep(_ allowed: [UInt64]) {
    for place in mask.indices { mask[place] &= allowed[place] }
    maxima.clear(whereZero: mask)
    for block in settled { forbid(block) }
  }

  private mutating func forbid(_ block: Int) {
    for index in BlockMaxima.range(ofBlock: block, count: logits.count)
    where mask[index >> 6] >> UInt64(index & 63) & 1 == 0 {
      logits[index] = -.infinity
    }
    maxima.refresh(block, in: logits)
  }

  /// Lets `body` change the logits of `tokens`, each of them less than the number of logits.
  ///
  /// - Throws: ``DecodingError`` as ``BlockMaxima/refresh(_:in:)`` does, or if nothing is left.
  mutating func edit(
    _ tokens: [TokenID], of values: Span<Float>, _ body: (inout MutableSpan<Float>) -> Void
  ) throws(DecodingError) {
    guard !tokens.isEmpty else { return }
    for token in tokens where !isSettled[Int(token) / BlockMaxima.blockCount] {
      settle(Int(token) / BlockMaxima.blockCount, values)
    }
    Self.change(&logits, body)
    try maxima.refresh(tokens, in: logits)
  }

  /// Lets `body` change any of the logits, of which none is forbidden yet.
  ///
  /// - Throws: ``DecodingError`` of `body`, or if no token can be chosen from what it leaves.
  mutating func rewrite(
    _ values: Span<Float>, _ body: (inout MutableSpan<Float>) throws(DecodingError) -> Void
  ) throws(DecodingError) {
    for block in isSettled.indices { settle(block, values) }
    try Self.change(&logits, body)
    let written = logits
    try maxima.fill(written.span)
  }

  private static func change<Failure: Error>(
    _ logits: inout [Float], _ body: (inout MutableSpan<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    var span = logits.mutableSpan
    try body(&span)
  }

  private mutating func settle(_ block: Int, _ values: Span<Float>) {
    isSettled[block] = true
    settled.append(block)
    maxima.apply(mask, to: values, block: block, into: &logits)
  }

  /// Settles the block of the largest logit.
  ///
  /// - Throws: ``DecodingError`` if nothing is left.
  package mutating func settleBest(_ values: Span<Float>) throws(DecodingError) {
    try maxima.findLargest()
    guard let first = maxima.keys.firstIndex(of: maxima.largestKey), !isSettled[first] else { return }
    settle(first, values)
    var largest = maxima.keys[first]
    // Those with the same bound too: the first of equal logits is chosen.
    for block in maxima.keys.indices where maxima.keys[block] >= largest && !isSettled[block] {
      settle(block, values)
      largest = max(largest, maxima.keys[block])
    }
    try maxima.findLargest()
  }

  /// Whether anything is left.
  mutating func isAnyLeft(of values: Span<Float>) -> Bool { (try? settleBest(values)) != nil }

  /// Settles the blocks of all logits with a key of `threshold` or more that are not forbidden; returns how many those are.
  @discardableResult
  package mutating func settle(atLeast threshold: Int32, of values: Span<Float>) -> Int {
    let lowest = max(threshold, orderedKey(-.infinity) + 1)
    var count = 0
    for block in maxima.keys.indices where maxima.keys[block] >= lowest {
      if !isSettled[block] { settle(block, values) }
      let values = logits.span.extracting(BlockMaxima.range(ofBlock: block, count: logits.count))
      count += BlockMaxima.bits(of: values, atLeast: floatValue(ofOrderedKey: lowest)).nonzeroBitCount
    }
    return count
  }

  /// Settles the blocks of the `count` largest logits, and returns a key that those reach.
  ///
  /// - Throws: ``DecodingError`` if nothing is left.
  package mutating func settle(
    forBest count: Int, of values: Span<Float>, _ candidates: inout Candidates
  ) throws(DecodingError) -> Int32 {
    for _ in 0..<Self.maximumRounds {
      // That of a bound, which so many logits need not reach.
      let threshold = candidates.threshold(forBest: count, maxima)
      if settle(atLeast: threshold, of: values) >= count || threshold <= orderedKey(-.infinity) {
        try maxima.findLargest()
        return threshold
      }
    }
    try settleAll(values)
    return candidates.threshold(forBest: count, maxima)
  }

  /// Settles all blocks.
  ///
  /// - Throws: ``DecodingError`` if nothing is left.
  package mutating func settleAll(_ values: Span<Float>) throws(DecodingError) {
    for block in isSettled.indices where !isSettled[block] { settle(block, values) }
    try maxima.findLargest()
  }
}
