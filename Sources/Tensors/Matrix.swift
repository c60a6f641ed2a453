/// Activations in float32, `[rows, columns]`, row-major, with room for a fixed number of rows.
package final class Matrix {
  /// Most rows.
  package let capacity: Int
  /// Entries of a row.
  package let columns: Int
  /// Rows that are valid now.
  package private(set) var rows = 0

  let storage: AlignedBuffer

  /// Bytes of a matrix with room for `capacity` rows.
  package static func byteCount(capacity: Int, columns: Int) -> Int {
    capacity * columns * MemoryLayout<Float>.stride
  }

  /// Bytes of the room.
  package var byteCount: Int { storage.byteCount }

  /// Makes room for `capacity` rows.
  package init(capacity: Int, columns: Int) {
    self.capacity = capacity
    self.columns = columns
    storage = AlignedBuffer(byteCount: Self.byteCount(capacity: capacity, columns: columns))
  }

  /// Sets the number of valid rows, at most ``capacity``; new rows hold what was there before.
  package func resize(rows count: Int) {
    precondition(count >= 0 && count <= capacity, "\(count) rows in a matrix of \(capacity)")
    rows = count
  }

  /// Keeps the rows `indices` only, which ascend, one after the other.
  package func keepRows(_ indices: [Int]) {
    var previous = -1
    for (row, index) in indices.enumerated() {
      precondition(index > previous && index < rows, "rows ascend and are there")
      previous = index
      if index != row { (pointer + row * columns).update(from: pointer + index * columns, count: columns) }
    }
    rows = indices.count
  }

  var pointer: UnsafeMutablePointer<Float> { storage.pointer() }

  /// Copies row `row`.
  package func row(_ row: Int) -> [Float] {
    precondition(row >= 0 && row < rows)
    return Array(UnsafeBufferPointer(start: pointer + row * columns, count: columns))
  }

  /// Replaces row `row` by `values`, which has ``columns`` entries.
  package func setRow(_ row: Int, _ values: [Float]) {
    precondition(row >= 0 && row < rows && values.count == columns)
    for (index, value) in values.enumerated() { pointer[row * columns + index] = value }
  }
}
