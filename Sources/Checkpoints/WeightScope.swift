internal import Tensors

/// A path into a checkpoint's tensors, which records what was read.
///
/// `scope["model"]["layers"][3]["self_attn"].tensor("q_proj.weight", shape: [576, 576])` finds
/// `model.layers.3.self_attn.q_proj.weight`. All scopes made from one root share one record, so that a tensor that
/// nobody read is an error in the end. Used by one thread.
package final class WeightScope {
  private final class Record {
    let checkpoint: Checkpoint
    var read: [Bool]

    init(checkpoint: Checkpoint) {
      self.checkpoint = checkpoint
      // Tied weights are stored once or twice; the second copy is the embedding table again.
      read = checkpoint.tensors.map { tensor in
        checkpoint.configuration.tiedEmbeddings && tensor.name.utf8.elementsEqual("lm_head.weight".utf8)
      }
    }
  }

  private let record: Record
  private let prefix: String

  /// The root: names are the canonical names.
  package init(checkpoint: Checkpoint) {
    record = Record(checkpoint: checkpoint)
    prefix = ""
  }

  private init(record: Record, prefix: String) {
    self.record = record
    self.prefix = prefix
  }

  /// The scope of the names that begin with this scope's path and `component`.
  package subscript(_ component: String) -> WeightScope {
    WeightScope(record: record, prefix: "\(prefix)\(component).")
  }

  /// The scope of a numbered component, a layer for example.
  package subscript(_ index: Int) -> WeightScope { self[String(index)] }

  /// The tensor of this scope that is called `name`, and a note that it was read.
  ///
  /// - Throws: ``CheckpointError/missingTensor(name:file:)`` or
  ///   ``CheckpointError/misshapenTensor(name:file:expected:found:)``.
  package func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> TensorDescriptor {
    let checkpoint = record.checkpoint
    guard let index = checkpoint.tensorIndex(prefix + name) else {
      throw .missingTensor(name: prefix + name, file: checkpoint.path)
    }
    let tensor = checkpoint.tensors[index]
    guard tensor.shape == shape else {
      throw .misshapenTensor(name: tensor.name, file: tensor.file.path, expected: shape, found: tensor.shape)
    }
    record.read[index] = true
    return tensor
  }

  /// Whether this scope has a tensor called `name`.
  package func contains(_ name: String) -> Bool { record.checkpoint.tensorIndex(prefix + name) != nil }

  /// Checks that every tensor of the checkpoint was read through some scope of this root.
  ///
  /// - Throws: ``CheckpointError/unusedTensors(names:file:)``.
  package func requireEverythingRead() throws(CheckpointError) {
    let tensors = record.checkpoint.tensors
    let unused = tensors.indices.filter { !record.read[$0] }.map { tensors[$0].name }
    guard unused.isEmpty else { throw .unusedTensors(names: unused, file: record.checkpoint.path) }
  }
}
