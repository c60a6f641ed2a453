package import Tensors

/// How much of a checkpoint is stored in one type.
package struct TensorTypeSummary: Sendable, Equatable {
  /// The type.
  package let type: DType
  /// Number of tensors of the type.
  package let tensorCount: Int
  /// Number of their elements.
  package let elementCount: Int
  /// Number of their bytes.
  package let byteCount: Int
}

extension Checkpoint {
  /// The types that occur, the one with the most bytes first.
  package var typeSummaries: [TensorTypeSummary] {
    DType.allCases.compactMap { type in
      let tensors = tensors.filter { $0.type == type }
      guard !tensors.isEmpty else { return nil }
      return TensorTypeSummary(
        type: type, tensorCount: tensors.count, elementCount: tensors.reduce(0) { $0 + $1.elementCount },
        byteCount: tensors.reduce(0) { $0 + $1.byteCount })
    }.sorted { $0.byteCount > $1.byteCount }
  }

  /// Number of weights of all tensors.
  package var parameterCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }
}
