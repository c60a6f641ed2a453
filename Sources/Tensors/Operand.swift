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
  /// Whether somebody reads the float32 rows when the integers are there.
  package let keepsFloats: Bool

  /// The float32 rows; they are also the work space from which integers are made.
  let floats: AlignedBuffer
  private let groups: AlignedBuffer?
  private let outliers: AlignedBuffer?
  private let outlierCounts: AlignedBuffer?

  /// Bytes of an operand with room for `capacity` rows.
  package static func byteCount(capacity: Int, columns: Int, integers: Bool) -> Int {
    let floats = capacity * columns * MemoryLayout<Float>.stride
    guard integers else { return floats }
    let places = capacity * Int(ik_chunks(Int32(columns / Int(IK_GROUP))))
    let perPlace =
      Int(IK_CHUNK) * MemoryLayout<ik_int8_group>.stride + Int(IK_LIST) * MemoryLayout<ik_outliers>.stride + 1
    return floats + places * perPlace
  }

  /// Bytes of the room.
  package var byteCount: Int {
    [floats, groups, outliers, outlierCounts].reduce(0) { $0 + ($1?.byteCount ?? 0) }
  }

  /// Makes room for `capacity` rows of `columns` entries.
  ///
  /// - Parameters:
  ///   - integers: keep the integer form; `columns` must then be a multiple of 32.
  ///   - floats: keep the float32 rows beside the integer form.
  package init(capacity: Int, columns: Int, integers: Bool, floats keepsFloats: Bool = true) {
    precondition(!integers || columns % Int(IK_GROUP) == 0)
    self.capacity = capacity
    self.columns = columns
    hasIntegers = integers
    self.keepsFloats = keepsFloats || !integers
    floats = AlignedBuffer(byteCount: capacity * columns * 4)
    let chunks = Int(ik_chunks(Int32(columns / Int(IK_GROUP))))
    let places = capacity * chunks
    groups = integers ? AlignedBuffer(byteCount: places * Int(IK_CHUNK) * MemoryLayout<ik_int8_group>.stride) : nil
    outliers = integers ? AlignedBuffer(byteCount: places * Int(IK_LIST) * MemoryLayout<ik_outliers>.stride) : nil
    outlierCounts = integers ? AlignedBuffer(byteCount: places) : nil
  }

  func resize(rows count: Int) {
    precondition(count >= 0 && count <= capacity, "\(count) rows in an operand of \(capacity)")
    rows = count
  }

  /// The integer form for the kernels, or nil if it is not kept.
  var integers: ik_int8_rows? {
    guard let groups, let outliers, let outlierCounts else { return nil }
    return ik_int8_rows(
      groups: groups.pointer(), outliers: outliers.pointer(), outlier_counts: outlierCounts.pointer(),
      group_count: Int32(columns / Int(IK_GROUP)), pitch: Int32(rows))
  }
}
