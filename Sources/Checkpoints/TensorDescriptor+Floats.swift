internal import Tensors

extension TensorDescriptor {
  /// The whole tensor in float32, logical row order.
  ///
  /// - Throws: ``CheckpointError/invalidTensor(name:file:problem:)`` if the extents contradict each other or the file.
  package func floats() throws(CheckpointError) -> [Float] {
    try checkExtents()
    var values = [Float](repeating: 0, count: elementCount)
    file.withBytes(in: offset..<offset + byteCount) { bytes in
      var output = values.mutableSpan
      if rowOrder == .natural {
        type.decode(bytes, into: &output)
      } else {
        for row in 0..<rowCount {
          let start = storedRow(row) * rowByteCount
          type.decode(bytes.extracting(start..<start + rowByteCount), into: &output, at: row * columnCount)
        }
      }
    }
    return values
  }

  /// Replaces the contents of `row` by logical row `index`, in float32; the storage is reused.
  ///
  /// - Throws: ``CheckpointError/invalidTensor(name:file:problem:)`` if there is no such row, or if the extents
  ///   contradict each other or the file.
  package func rowFloats(_ index: Int, into row: inout [Float]) throws(CheckpointError) {
    try checkExtents()
    guard index >= 0, index < rowCount else {
      throw .invalidTensor(name: name, file: file.path, problem: "has \(rowCount) rows, and row \(index) is not one")
    }
    if row.count != columnCount { row = [Float](repeating: 0, count: columnCount) }
    let start = offset + storedRow(index) * rowByteCount
    file.withBytes(in: start..<start + rowByteCount) { bytes in
      var output = row.mutableSpan
      type.decode(bytes, into: &output)
    }
  }

  /// Checks that type, shape, bytes and row order fit each other and the file.
  func checkExtents() throws(CheckpointError) {
    guard offset >= 0, byteCount >= 0, offset <= file.count, byteCount <= file.count - offset else {
      throw .invalidTensor(name: name, file: file.path, problem: "does not lie within its file")
    }
    guard let bytes = Self.byteCount(type: type, shape: shape), bytes == byteCount else {
      throw .invalidTensor(
        name: name, file: file.path,
        problem: "of shape \(shape) and type \(type.rawValue) cannot have \(byteCount) bytes")
    }
    if case .interleavedRotary(let headCount) = rowOrder {
      guard headCount > 0, rowCount % (2 * headCount) == 0, type.rowBytes(elements: columnCount) == rowByteCount else {
        throw .invalidTensor(name: name, file: file.path, problem: "has \(rowCount) rows for \(headCount) rotary heads")
      }
    }
  }

  /// The number of bytes of a tensor, or nil if an extent is negative, a row is not a whole number of blocks, or a
  /// product of extents, in order, overflows.
  static func byteCount(type: DType, shape: [Int]) -> Int? {
    guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
    guard let rowBytes = type.rowBytes(elements: shape.last ?? 1) else { return nil }
    var elements = 1
    var rows = 1
    for (index, extent) in shape.enumerated() {
      if index == shape.count - 1 { rows = elements }
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      elements = product
    }
    let (bytes, overflow) = rows.multipliedReportingOverflow(by: rowBytes)
    return overflow ? nil : bytes
  }
}
