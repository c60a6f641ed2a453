internal import Tensors

extension TensorDescriptor {
  /// The whole tensor in float32, logical row order.
  ///
  /// - Throws: ``CheckpointError/invalidTensor(name:file:problem:)`` if the tensor does not lie within its file.
  package func floats() throws(CheckpointError) -> [Float] {
    throw .unsupported(file: file.path, feature: "reading \(type.rawValue)")
  }

  /// Replaces the contents of `row` by logical row `index`, in float32.
  ///
  /// - Throws: ``CheckpointError/invalidTensor(name:file:problem:)`` if there is no such row.
  package func rowFloats(_ index: Int, into row: inout [Float]) throws(CheckpointError) {
    throw .unsupported(file: file.path, feature: "reading \(type.rawValue)")
  }
}
