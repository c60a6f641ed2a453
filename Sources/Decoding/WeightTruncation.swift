/// Keeps the largest of a row of weights and sets the others to 0, without sorting: top-k and top-p (nucleus) sampling.
///
/// The bits of a float that is not negative are ordered as the floats are, so the weight at the cut is found digit by
/// digit from the highest, in three passes over a histogram of 2048, 1024 and 1024 buckets. Equal weights at the cut are
/// kept by lower index.
package struct WeightTruncation: Sendable {
  private var counts = [Int](repeating: 0, count: 2048)
  private var masses = [Double](repeating: 0, count: 2048)

  /// Where to cut: keep what is above the weight with these bits, and the first `tieCount` of those equal to it.
  private struct Cut {
    var bits: UInt32
    var tieCount: Int
  }

  /// Creates a truncation with its histogram.
  package init() {}

  /// Keeps the `count` largest of `weights`, which are finite and not negative.
  package mutating func keepLargest(_ count: Int, of weights: inout [Float]) {
    if let cut = cut(weights.span, count: count, mass: .infinity) { Self.apply(cut, to: &weights) }
  }

  /// Keeps the smallest number of largest `weights` whose sum is at least `mass`; the weights are as above.
  package mutating func keepMass(_ mass: Double, of weights: inout [Float]) {
    if let cut = cut(weights.span, count: .max, mass: mass) { Self.apply(cut, to: &weights) }
  }

  /// The cut at which, from the largest weight down, `count` weights or the sum `mass` are first reached; nil if all
  /// weights together do not reach them.
  private mutating func cut(_ weights: Span<Float>, count: Int, mass: Double) -> Cut? {
    var prefix: UInt32 = 0
    var countAbove = 0
    var massAbove = 0.0
    for (shift, bucketCount) in [(20, 2048), (10, 1024), (0, 1024)] {
      fillHistogram(weights, prefix: prefix, shift: UInt32(shift), bucketCount: bucketCount)
      var bucket = bucketCount - 1
      while bucket >= 0, countAbove + counts[bucket] < count, massAbove + masses[bucket] < mass {
        countAbove += counts[bucket]
        massAbove += masses[bucket]
        bucket -= 1
      }
      // Only at the first digit can the goal be out of reach. At a later one, a sum that falls short by rounding
      // means the smallest weight of the bucket that reached it before.
      if bucket < 0 {
        if shift == 20 { return nil }
        bucket = counts[..<bucketCount].firstIndex { $0 > 0 } ?? 0
        countAbove -= counts[bucket]
        massAbove -= masses[bucket]
      }
      prefix |= UInt32(bucket) << UInt32(shift)
    }
    let weight = Double(Float(bitPattern: prefix))
    let available = counts[Int(prefix & 1023)]
    let tiesByCount = count == .max ? available : count - countAbove
    let tiesByMass = mass == .infinity ? Double(available) : ((mass - massAbove) / weight).rounded(.up)
    let tieCount = min(tiesByCount, Int(max(1, min(Double(available), tiesByMass))))
    return Cut(bits: prefix, tieCount: tieCount)
  }

  /// Counts and sums the weights above 0 whose bits above the digit at `shift` are those of `prefix`, per digit.
  private mutating func fillHistogram(_ weights: Span<Float>, prefix: UInt32, shift: UInt32, bucketCount: Int) {
    for bucket in 0..<bucketCount {
      counts[bucket] = 0
      masses[bucket] = 0
    }
    let mask = UInt32(bucketCount - 1)
    let digitBits = UInt32(bucketCount.trailingZeroBitCount)
    for index in weights.indices where weights[index] > 0 {
      let bits = weights[index].bitPattern
      guard bits >> (shift + digitBits) == prefix >> (shift + digitBits) else { continue }
      let bucket = Int((bits >> shift) & mask)
      counts[bucket] += 1
      masses[bucket] += Double(weights[index])
    }
  }

  private static func apply(_ cut: Cut, to weights: inout [Float]) {
    var tiesLeft = cut.tieCount
    for index in weights.indices {
      let bits = weights[index].bitPattern
      if bits > cut.bits { continue }
      if bits == cut.bits, tiesLeft > 0 {
        tiesLeft -= 1
      } else {
        weights[index] = 0
      }
    }
  }
}
