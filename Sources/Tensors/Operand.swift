internal import CKernels

/// Activations prepared as the left side of a product: float32 rows, integers in groups of 32 with a scale each, or both,
/// as the weights that will consume them need.
package final class Operand {
  /// Most rows.
  package let capacity: Int
  /// Entries of a row.
  package let columns: Int
  /// Rows that are valid now.
  package private(set) var rows = 0
  /// Whether the integer form is kept.
  package let hasIntegers: Bool

  /// The float32 rows; they are also the work space from which integers are made.
  let floats: AlignedBuffer
  private let values: AlignedBuffer?
  private let low: AlignedBuffer?
  private let wide: AlignedBuffer?
  private let scales: AlignedBuffer?
  private let scaledSums: AlignedBuffer?
  private let halfSums: AlignedBuffer?

  /// Makes room for `capacity` rows of `columns` entries.
  ///
  /// - Parameter integers: keep the integer form; `columns` must then be a multiple of 32.
  package init(capacity: Int, columns: Int, integers: Bool) {
    precondition(!integers || columns % Int(IK_GROUP) == 0)
    self.capacity = capacity
    self.columns = columns
    hasIntegers = integers
    floats = AlignedBuffer(byteCount: capacity * columns * 4)
    let groups = columns / Int(IK_GROUP)
    values = integers ? AlignedBuffer(byteCount: capacity * columns) : nil
    low = integers ? AlignedBuffer(byteCount: capacity * columns) : nil
    wide = integers ? AlignedBuffer(byteCount: capacity * groups) : nil
    scales = integers ? AlignedBuffer(byteCount: capacity * groups * 4) : nil
    scaledSums = integers ? AlignedBuffer(byteCount: capacity * groups * 4) : nil
    halfSums = integers ? AlignedBuffer(byteCount: capacity * groups * 8) : nil
  }

  func resize(rows count: Int) {
    precondition(count >= 0 && count <= capacity, "\(count) rows in an operand of \(capacity)")
    rows = count
  }

  /// The integer form for the kernels, or nil if it is not kept.
  var integers: ik_int8_rows? {
    guard let values, let low, let wide, let scales, let scaledSums, let halfSums else { return nil }
    return ik_int8_rows(
      values: values.pointer(), low: low.pointer(), wide: wide.pointer(), scales: scales.pointer(),
      scaled_sums: scaledSums.pointer(),
      half_sums: halfSums.pointer(), groups: Int32(columns / Int(IK_GROUP)))
  }
}
