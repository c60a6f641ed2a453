internal import CKernels

/// Activations prepared as the left side of a product, in the forms that the weights need that will consume them.
package final class Operand {
  /// Forms of the rows.
  package struct Forms: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Float32.
    package static let floats = Forms(rawValue: 1)
    /// Rounded to bfloat16.
    package static let bfloats = Forms(rawValue: 2)
    /// Integers in groups of 32 with a scale each; there must be a whole number of groups.
    package static let integers = Forms(rawValue: 4)
  }

  /// Most rows.
  package let capacity: Int
  /// Entries of a row.
  package let columns: Int
  /// Rows that are valid now.
  package private(set) var rows = 0
  /// The forms that are kept.
  package let forms: Forms

  /// The float32 rows; they are also the work space from which the other forms are made.
  let floats: AlignedBuffer
  private let bfloats: AlignedBuffer?
  private let groups: AlignedBuffer?
  private let outliers: AlignedBuffer?
  private let outlierCounts: AlignedBuffer?

  /// Bytes of the buffers of an operand.
  private struct Sizes {
    var floats: Int
    var bfloats = 0
    var groups = 0
    var outliers = 0
    var outlierCounts = 0

    init(capacity: Int, columns: Int, forms: Forms) {
      floats = capacity * columns * MemoryLayout<Float>.stride
      if forms.contains(.bfloats) {
        bfloats =
          capacity * Int(ik_bfloat_chunks(Int32(columns))) * Int(IK_BFLOAT_CHUNK) * MemoryLayout<UInt16>.stride
      }
      if forms.contains(.integers) {
        outlierCounts = capacity * Int(ik_chunks(Int32(columns / Int(IK_GROUP))))
        groups = outlierCounts * Int(IK_CHUNK) * MemoryLayout<ik_int8_group>.stride
        outliers = outlierCounts * Int(IK_LIST) * MemoryLayout<ik_outliers>.stride
      }
    }
  }

  /// Bytes of an operand with room for `capacity` rows.
  package static func byteCount(capacity: Int, columns: Int, forms: Forms) -> Int {
    let sizes = Sizes(capacity: capacity, columns: columns, forms: forms)
    return sizes.floats + sizes.bfloats + sizes.groups + sizes.outliers + sizes.outlierCounts
  }

  /// Bytes of the room.
  package var byteCount: Int {
    [floats, bfloats, groups, outliers, outlierCounts].reduce(0) { $0 + ($1?.byteCount ?? 0) }
  }

  /// Makes room for `capacity` rows of `columns` entries. For integers `columns` must be a multiple of 32.
  package init(capacity: Int, columns: Int, forms: Forms) {
    precondition(!forms.contains(.integers) || columns % Int(IK_GROUP) == 0)
    self.capacity = capacity
    self.columns = columns
    self.forms = forms
    let sizes = Sizes(capacity: capacity, columns: columns, forms: forms)
    func buffer(_ byteCount: Int, for form: Forms) -> AlignedBuffer? {
      forms.contains(form) ? AlignedBuffer(byteCount: byteCount) : nil
    }
    floats = AlignedBuffer(byteCount: sizes.floats)
    bfloats = buffer(sizes.bfloats, for: .bfloats)
    groups = buffer(sizes.groups, for: .integers)
    outliers = buffer(sizes.outliers, for: .integers)
    outlierCounts = buffer(sizes.outlierCounts, for: .integers)
  }

  func resize(rows count: Int) {
    precondition(count >= 0 && count <= capacity, "\(count) rows in an operand of \(capacity)")
    rows = count
  }

  /// Calls `body` with the integer and the bfloat16 form for the kernels, nil for one that is not kept.
  func withForms(_ body: (UnsafePointer<ik_int8_rows>?, UnsafePointer<ik_bfloat_rows>?) -> Void) {
    withOptional(integerRows) { integers in withOptional(bfloatRows) { bfloats in body(integers, bfloats) } }
  }

  private var integerRows: ik_int8_rows? {
    guard let groups, let outliers, let outlierCounts else { return nil }
    return ik_int8_rows(
      groups: groups.pointer(), outliers: outliers.pointer(), outlier_counts: outlierCounts.pointer(),
      group_count: Int32(columns / Int(IK_GROUP)), pitch: Int32(rows))
  }

  private var bfloatRows: ik_bfloat_rows? {
    bfloats.map { ik_bfloat_rows(values: $0.pointer(), inputs: Int32(columns), pitch: Int32(rows)) }
  }

  /// Calls `body` with a pointer to `value`, or with nil.
  private func withOptional<Value>(_ value: Value?, _ body: (UnsafePointer<Value>?) -> Void) {
    if let value {
      withUnsafePointer(to: value) { body($0) }
    } else {
      body(nil)
    }
  }
}

extension DType {
  /// The form of the activations that weights of this type are multiplied with.
  package var operandForm: Operand.Forms { isQuantized ? .integers : self == .bf16 ? .bfloats : .floats }
}
