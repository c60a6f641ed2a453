package import Tensors

/// The order in which a file stores the rows of a projection.
package enum RowOrder: Sendable, Equatable {
  /// As Hugging Face does.
  case natural
  /// Llama-architecture GGUF files: within each of `headCount` heads the two halves are interleaved, so that the two
  /// elements of a rotary pair are neighbours.
  case interleavedRotary(headCount: Int)
}

/// One stored tensor: where its bytes are and how to read them.
package struct TensorDescriptor: Sendable {
  /// The canonical name, Hugging Face spelling, for example "model.layers.3.self_attn.q_proj.weight".
  package let name: String
  /// The name in the file.
  package let storedName: String
  /// The type of the elements.
  package let type: DType
  /// Outermost first: `[rows (outputs), columns (inputs)]` for projections, one extent for norms and biases.
  package let shape: [Int]
  /// The file that holds the bytes.
  package let file: MappedFile
  /// Offset in ``file`` of the first byte.
  package let offset: Int
  /// Number of bytes; `offset + byteCount` lies within the file.
  package let byteCount: Int
  /// The order of the stored rows.
  package let rowOrder: RowOrder

  package init(
    name: String, storedName: String, type: DType, shape: [Int], file: MappedFile, offset: Int, byteCount: Int,
    rowOrder: RowOrder = .natural
  ) {
    self.name = name
    self.storedName = storedName
    self.type = type
    self.shape = shape
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
    self.rowOrder = rowOrder
  }

  /// Number of elements of one row: the innermost extent. The elements of a bias whose rows are permuted are rows of
  /// one element.
  package var columnCount: Int {
    if shape.count == 1, rowOrder != .natural { return 1 }
    return shape.last ?? 1
  }

  /// Number of rows: the product of all extents but the innermost.
  package var rowCount: Int {
    if shape.count == 1, rowOrder != .natural { return shape[0] }
    return shape.dropLast().reduce(1, *)
  }

  /// Number of elements.
  package var elementCount: Int { shape.reduce(1, *) }

  /// Number of bytes of one stored row.
  package var rowByteCount: Int { rowCount == 0 ? 0 : byteCount / rowCount }

  /// The row of the file that holds logical row `row` (half-split rotary order).
  package func storedRow(_ row: Int) -> Int {
    switch rowOrder {
    case .natural:
      return row
    case .interleavedRotary(let headCount):
      let headRows = rowCount / headCount
      let (head, inHead) = row.quotientAndRemainder(dividingBy: headRows)
      let (half, pair) = inHead.quotientAndRemainder(dividingBy: headRows / 2)
      return head * headRows + 2 * pair + half
    }
  }
}
