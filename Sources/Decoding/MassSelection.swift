/// Keeps the weights with the smallest keys until they hold a mass, and sets the others to 0, without sorting: top-p
/// (nucleus) and locally typical sampling.
///
/// The key at the cut is found digit by digit from the highest, with a histogram of the weights in 2048 buckets. The first
/// digit begins at the highest bit that any key has, so that two or three passes are enough, all but the first of which
/// look at the weights of one bucket only. Of equal keys at the cut those of lower index are kept.
package struct MassSelection: Sendable {
  private static let digitBits = 11
  private var masses = [Double](repeating: 0, count: 1 << digitBits)

  /// Creates a selection with its histogram.
  package init() {}

  /// Keeps the fewest of the first `count` weights, by ascending keys, whose sum is `mass` or more; all if all together
  /// do not reach it.
  ///
  /// - Parameters:
  ///   - weights: finite numbers of 0 or more.
  ///   - keys: one for each weight, 0 or more.
  package mutating func keep(_ mass: Double, of weights: inout [Float], keys: [Int32], count: Int) {
    // With a count that is no larger than either, loops need no checks and do several at a time.
    let count = min(count, weights.count, keys.count)
    guard let (cut, below) = cut(weights.span, keys.span, count: count, mass: mass) else { return }
    let keys = keys.span
    var weights = weights.mutableSpan
    for index in 0..<count {
      // All bits are 1 where the key is not above the cut: no branch, which would be guessed wrongly half of the time.
      let mask = UInt32(bitPattern: (keys[index] &- cut &- 1) >> 31)
      weights[index] = Float(bitPattern: weights[index].bitPattern & mask)
    }
    var sum = below
    for index in 0..<count where keys[index] == cut {
      if sum >= mass { weights[index] = 0 } else { sum += Double(weights[index]) }
    }
  }

  /// The key at which the sum of the weights first reaches `mass`, and the sum of those with smaller keys; nil if it never
  /// does.
  private mutating func cut(
    _ weights: Span<Float>, _ keys: Span<Int32>, count: Int, mass: Double
  ) -> (key: Int32, below: Double)? {
    var bits: Int32 = 0
    for index in 0..<count { bits |= keys[index] }
    var end = Int32.bitWidth - bits.leadingZeroBitCount
    var prefix: Int32 = 0
    var below = 0.0
    var isFirst = true
    while true {
      // The digit is bits `shift ..< end`.
      let shift = max(0, end - Self.digitBits)
      fillHistogram(weights, keys, count: count, prefix: prefix, shift: shift, end: end)
      var bucket = 0
      while bucket < masses.count, below + masses[bucket] < mass {
        below += masses[bucket]
        bucket += 1
      }
      // Only at the first digit can the mass be out of reach. At a later one, a sum that falls short by rounding means
      // the last weight of the bucket that reached it before.
      if bucket == masses.count {
        guard !isFirst else { return nil }
        bucket = masses.lastIndex { $0 > 0 } ?? 0
        below -= masses[bucket]
      }
      prefix |= Int32(bucket) << Int32(shift)
      if shift == 0 { return (prefix, below) }
      end = shift
      isFirst = false
    }
  }

  /// Sums the weights whose keys have the bits of `prefix` from bit `end` on, by the digit at `shift`.
  private mutating func fillHistogram(
    _ weights: Span<Float>, _ keys: Span<Int32>, count: Int, prefix: Int32, shift: Int, end: Int
  ) {
    var masses = masses.mutableSpan
    for bucket in masses.indices { masses[bucket] = 0 }
    let mask = Int32(masses.count - 1)
    // A shift by all bits gives 0, as it should.
    for index in 0..<count where keys[index] >> Int32(end) == prefix >> Int32(end) {
      masses[Int((keys[index] >> Int32(shift)) & mask)] += Double(weights[index])
    }
  }
}
