internal import Tensors

/// An opened checkpoint: what the model is, where its tensors are, and what comes with it.
///
/// Nothing of the weights is read by opening; the files are mapped.
package struct Checkpoint: Sendable {
  /// How the checkpoint is stored.
  package enum Format: Sendable, Equatable {
    /// One GGUF file of the given version.
    case gguf(version: Int)
    /// A directory with `config.json` and safetensors files.
    case huggingFace
  }

  /// The path as it was given.
  package let path: String
  /// How the checkpoint is stored.
  package let format: Format
  /// What the model is made of.
  package let configuration: ModelConfiguration
  /// Every tensor, sorted by the bytes of its canonical name.
  package let tensors: [TensorDescriptor]
  /// Where the tokenizer is.
  package let tokenizer: TokenizerSource
  /// The Jinja source of the chat template, if there is one.
  package let chatTemplate: String?
  /// What the checkpoint says about generating text.
  package let generation: GenerationDefaults

  /// Bytes of all tensors.
  package var tensorByteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// The tensor with exactly these bytes as its canonical name.
  package func tensor(named name: String) -> TensorDescriptor? { tensorIndex(name).map { tensors[$0] } }

  /// The index in ``tensors`` of the tensor called `name`; a binary search.
  func tensorIndex(_ name: String) -> Int? {
    var low = 0
    var high = tensors.count
    while low < high {
      let middle = (low + high) / 2
      if tensors[middle].name.utf8.lexicographicallyPrecedes(name.utf8) { low = middle + 1 } else { high = middle }
    }
    guard low < tensors.count, tensors[low].name.utf8.elementsEqual(name.utf8) else { return nil }
    return low
  }
}

extension Checkpoint {
  /// Opens a `.gguf` file or a Hugging Face directory and checks everything but the weights' values.
  ///
  /// - Throws: a ``CheckpointError`` that names the file and the key or tensor.
  package static func open(path: String) throws(CheckpointError) -> Checkpoint {
    // A directory cannot be mapped, and no file has a file inside.
    if try MappedFile.checkpointFile(ifPresent: "\(path)/config.json") != nil { return try open(directory: path) }
    do {
      return try open(gguf: try MappedFile.checkpointFile(path: path))
    } catch .unreadable(let path, let reason) {
      throw .unreadable(path: path, reason: "\(reason), and has no config.json in it")
    }
  }

  /// The tensors sorted by the bytes of their names, which must differ.
  static func sorted(_ tensors: [TensorDescriptor], file: String) throws(CheckpointError) -> [TensorDescriptor] {
    let sorted = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (left, right) in zip(sorted, sorted.dropFirst()) where left.name.utf8.elementsEqual(right.name.utf8) {
      let stored = left.storedName.utf8.elementsEqual(right.storedName.utf8) ? "" : " under two names"
      throw .invalidTensor(name: right.storedName, file: file, problem: "is stored twice\(stored)")
    }
    return sorted
  }
}

extension MappedFile {
  /// Maps a file that must be there.
  static func checkpointFile(path: String) throws(CheckpointError) -> MappedFile {
    do { return try MappedFile(path: path) } catch { throw .unreadable(path: path, reason: error.reason) }
  }

  /// Maps a file, or returns nil if there is none.
  static func checkpointFile(ifPresent path: String) throws(CheckpointError) -> MappedFile? {
    do {
      return try MappedFile(path: path)
    } catch {
      if error.isMissing { return nil }
      throw .unreadable(path: path, reason: error.reason)
    }
  }
}
