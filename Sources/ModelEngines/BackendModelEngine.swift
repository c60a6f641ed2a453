package import Checkpoints
package import Models
package import Resources
package import Tensors

/// A backend that can be given a batch: what ``BackendModelEngine`` needs beside the operations of a model.
package protocol BatchBackend: Backend {
  /// Sets the batch of the next `forward`.
  func begin(_ batch: ForwardBatch)
  /// The logits of the last `forward`.
  var logits: Logits { get }
  /// The cache; valid once the model has allocated it.
  var cacheGeometry: KVCacheGeometry { get }
  /// The hidden states that the last `forward` kept.
  var hiddenStates: [Float] { get }
  /// The contents of the cache's blocks; nil if they cannot be had.
  var blockStore: (any KVBlockStore)? { get }
  /// Bytes of weights and work space, the cache not counted, that the checkpoint's model takes. An upper estimate.
  static func memoryNeeded(_ checkpoint: Checkpoint, options: EngineOptions) -> Int
}

extension BatchBackend {
  /// No access.
  package var blockStore: (any KVBlockStore)? { nil }
}

/// A ``ModelEngine`` that runs a checkpoint's model on a backend.
package final class BackendModelEngine<B: BatchBackend>: ModelEngine {
  package let limits: ModelEngineLimits
  package let hiddenSize: Int?
  package let backend: B
  private let model: any Model<B>

  /// Builds the checkpoint's model on `backend`.
  ///
  /// - Throws: `CheckpointError`, `UnsupportedArchitecture` or ``EngineError``.
  package init(checkpoint: Checkpoint, options: EngineOptions, backend: B) throws {
    self.backend = backend
    let configuration = checkpoint.configuration
    try options.validateSequenceLength(for: configuration)
    let (needed, available) = (B.memoryNeeded(checkpoint, options: options), availableMemory())
    guard needed <= available else {
      throw EngineError.outOfMemory(needed: needed, available: available, what: "\(checkpoint.path)")
    }
    model = try ModelRegistry.build(checkpoint, on: backend)
    hiddenSize = configuration.hiddenSize
    limits = ModelEngineLimits(
      vocabularySize: configuration.vocabularySize,
      maximumSequenceLength: options.maximumSequenceLength ?? configuration.maximumPositions,
      maximumBatchTokens: options.maximumBatchTokens, maximumLogitsRows: options.maximumLogitsRows)
  }

  package var cacheGeometry: KVCacheGeometry { backend.cacheGeometry }

  package var blockStore: (any KVBlockStore)? { backend.blockStore }

  package var hiddenStates: [Float] { backend.hiddenStates }

  package func forward(_ batch: ForwardBatch) throws -> Logits {
    precondition(!batch.runs.isEmpty && batch.tokens.count <= limits.maximumBatchTokens)
    precondition(batch.logitsRowCount <= limits.maximumLogitsRows)
    backend.begin(batch)
    model.forward()
    return backend.logits
  }
}

extension EngineOptions {
  /// Blocks of the cache for a model whose blocks take `bytesPerBlock`.
  ///
  /// - Throws: ``EngineError`` if not even one block fits.
  func blockCount(bytesPerBlock: Int, sequenceLength: Int) throws(EngineError) -> Int {
    let available = availableMemory()
    let perSequence = (sequenceLength + blockSize - 1) / blockSize
    let blocks: Int
    if let cacheTokens {
      guard cacheTokens > 0 else {
        throw .invalidOption(name: "cacheTokens", value: "\(cacheTokens)", allowed: "at least 1")
      }
      blocks = (cacheTokens - 1) / blockSize + 1
    } else {
      blocks = min(max(1, available / 4 / bytesPerBlock), perSequence.multipliedReportingOverflow(by: 64).partialValue)
    }
    let (bytes, overflow) = blocks.multipliedReportingOverflow(by: bytesPerBlock)
    guard !overflow, bytes <= available else {
      throw .outOfMemory(
        needed: overflow ? .max : bytes, available: available, what: "the cache of keys and values")
    }
    return blocks
  }

  /// Checks the longest sequence against what the model was made for.
  func validateSequenceLength(for configuration: ModelConfiguration) throws(EngineError) {
    guard let length = maximumSequenceLength, !(1...configuration.maximumPositions).contains(length) else { return }
    throw .invalidOption(
      name: "maximumSequenceLength", value: "\(length)", allowed: "1 to \(configuration.maximumPositions)")
  }

  /// The kernels that the options name, or the best.
  ///
  /// - Throws: ``EngineError`` for a name that no kernels of this processor have.
  func tier() throws(EngineError) -> KernelTier {
    guard let kernelTier else { return .best }
    guard let found = KernelTier.available.first(where: { $0.name == kernelTier }) else {
      throw .invalidOption(
        name: "kernelTier", value: kernelTier, allowed: KernelTier.available.map(\.name).joined(separator: ", "))
    }
    return found
  }

  /// Checks the options that do not depend on a model.
  ///
  /// - Throws: ``EngineError/invalidOption(name:value:allowed:)`` for the first that is out of its range.
  package func validate() throws(EngineError) {
    _ = try tier()
    if let threadCount, threadCount < 1 || threadCount > 1024 {
      throw .invalidOption(name: "threadCount", value: "\(threadCount)", allowed: "1 to 1024")
    }
    guard (1...65_536).contains(maximumBatchTokens) else {
      throw .invalidOption(name: "maximumBatchTokens", value: "\(maximumBatchTokens)", allowed: "1 to 65536")
    }
    guard (1...65_536).contains(maximumLogitsRows) else {
      throw .invalidOption(name: "maximumLogitsRows", value: "\(maximumLogitsRows)", allowed: "1 to 65536")
    }
    guard [16, 32, 64].contains(blockSize) else {
      throw .invalidOption(name: "blockSize", value: "\(blockSize)", allowed: "16, 32 or 64")
    }
  }
}
