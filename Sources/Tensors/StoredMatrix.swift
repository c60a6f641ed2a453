/// A matrix of weights as it lies in a file: where its rows are and how they are encoded.
package struct StoredMatrix: Sendable {
  /// Element type.
  package var type: DType
  /// Number of rows (outputs of the layer).
  package var rows: Int
  /// Weights of a row (inputs of the layer); a whole number of the type's blocks.
  package var columns: Int
  /// The file.
  package var file: MappedFile
  /// Byte at which the first stored row begins.
  package var offset: Int
  /// Maps a logical row to its place among the stored rows.
  package var storedRow: @Sendable (Int) -> Int

  /// Describes a matrix. The bytes of all rows must lie within the file: a reader of checkpoints has checked that.
  package init(
    type: DType, rows: Int, columns: Int, file: MappedFile, offset: Int,
    storedRow: @escaping @Sendable (Int) -> Int = { $0 }
  ) {
    self.type = type
    self.rows = rows
    self.columns = columns
    self.file = file
    self.offset = offset
    self.storedRow = storedRow
  }

  /// Bytes of one stored row.
  package var rowBytes: Int {
    guard let bytes = type.rowBytes(elements: columns) else { preconditionFailure("rows are whole blocks") }
    return bytes
  }

  /// Where in the file the matrix lies.
  package var byteRange: Range<Int> { byteRange(ofRows: 0..<rows) }

  /// Where in the file the stored rows `rows` lie.
  func byteRange(ofRows rows: Range<Int>) -> Range<Int> {
    offset + rows.lowerBound * rowBytes..<offset + rows.upperBound * rowBytes
  }

  /// The stored bytes of logical row `row`; checked against the file.
  func bytes(ofRow row: Int) -> UnsafeRawBufferPointer {
    precondition(row >= 0 && row < rows)
    let stored = storedRow(row)
    precondition(stored >= 0 && stored < rows)
    let start = offset + stored * rowBytes
    return file.unsafeBytes(in: start..<start + rowBytes)
  }
}
