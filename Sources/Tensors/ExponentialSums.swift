internal import CKernels

/// Sums of the exponentials of rows: what a softmax divides by.
///
/// Exponentials are float32 with a relative error below 2e-7; sums are Double in an order that is a function of the length
/// of the row only, so that they are the same bits in every batch, on any thread and on every tier of kernels.
package struct ExponentialSums: Sendable {
  private let tier: KernelTier

  /// Number of values whose exponentials are one sum.
  package static let blockSize = Int(IK_SUM_BLOCK)

  /// Creates a summer on the fastest kernels of this processor, or on others for comparison.
  package init(tier: KernelTier = .best) { self.tier = tier }

  /// Replaces `sums` by the sum of `e^((row[i] - maximum) / temperature)` for every block of ``blockSize`` values of `row`,
  /// the last of which may be shorter.
  ///
  /// - Parameters:
  ///   - row: numbers, of which negative infinity counts nothing.
  ///   - maximum: the largest of them, finite.
  ///   - temperature: a divisor of more than 0; 1 costs no division.
  package func fill(_ sums: inout [Double], _ row: Span<Float>, maximum: Float, temperature: Float = 1) {
    let blockCount = (row.count + Self.blockSize - 1) / Self.blockSize
    if sums.count != blockCount { sums = Array(repeating: 0, count: blockCount) }
    row.withUnsafeBufferPointer { values in
      sums.withUnsafeMutableBufferPointer { sums in
        var task = ik_exponential_sums(
          x: values.baseAddress, count: Int32(values.count), maximum: maximum, temperature: temperature,
          sums: sums.baseAddress)
        tier.kernels.pointee.exponential_sums(&task, 0, Int32(blockCount))
      }
    }
  }

  /// The sum of `sums`, in order.
  package static func total(_ sums: [Double]) -> Double {
    var total = 0.0
    for sum in sums { total += sum }
    return total
  }
}
