public import Resources
public import Tensors

/// The shape of an engine's paged cache of keys and values.
public struct KVCacheGeometry: Sendable, Equatable {
  /// Number of tokens in one block.
  public var blockSize: Int
  /// Number of blocks that the engine has memory for; block identifiers are `0 ..< blockCount`.
  public var blockCount: Int
  /// Bytes of one block over all layers.
  public var bytesPerBlock: Int
  /// Number of positions that a token attends to, itself included, if that is the same in every layer; nil for all.
  public var slidingWindow: Int?

  /// Creates a geometry.
  public init(blockSize: Int, blockCount: Int, bytesPerBlock: Int, slidingWindow: Int? = nil) {
    self.slidingWindow = slidingWindow
    self.blockSize = blockSize
    self.blockCount = blockCount
    self.bytesPerBlock = bytesPerBlock
  }
}

/// What an engine can take in one pass and in one sequence.
public struct ModelEngineLimits: Sendable, Equatable {
  /// Number of logits per row.
  public var vocabularySize: Int
  /// Longest sequence, prompt and generated tokens together.
  public var maximumSequenceLength: Int
  /// Most tokens in one batch.
  public var maximumBatchTokens: Int
  /// Most rows of logits in one batch.
  public var maximumLogitsRows: Int

  /// Creates limits.
  public init(vocabularySize: Int, maximumSequenceLength: Int, maximumBatchTokens: Int, maximumLogitsRows: Int) {
    self.vocabularySize = vocabularySize
    self.maximumSequenceLength = maximumSequenceLength
    self.maximumBatchTokens = maximumBatchTokens
    self.maximumLogitsRows = maximumLogitsRows
  }
}

/// One forward pass for one scheduled batch: tokens and block tables in, logits out.
///
/// The contract that everything above relies on: a row of logits depends on its own sequence only, bit for bit. It is
/// the same whatever other runs are in the batch, in how many runs the sequence was computed, and with how many threads.
///
/// An engine is used by one thread at a time and need not be `Sendable`; it is handed to the executor for good.
public protocol ModelEngine: AnyObject {
  /// What the engine can take.
  var limits: ModelEngineLimits { get }

  /// The engine's paged cache.
  var cacheGeometry: KVCacheGeometry { get }

  /// The contents of the cache's blocks, for copies of them, a second tier and files; nil if they cannot be had.
  var blockStore: (any KVBlockStore)? { get }

  /// Width of the hidden states that the engine hands out; nil if it hands out none.
  var hiddenSize: Int? { get }

  /// The hidden states that the last batch asked for, after the final norm, one after the other: run by run, tokens in
  /// order. As logits, each depends on its own sequence only, bit for bit.
  var hiddenStates: [Float] { get }

  /// Computes the batch and writes the keys and values of its tokens to the cache.
  ///
  /// - Parameter batch: at least one run, within ``limits``; every block that a run names is below `blockCount`.
  /// - Returns: the requested rows of logits, run by run, tokens in order; valid until the next call.
  /// - Throws: ``RunFailure`` if it is one run that cannot be computed: the others are then tried again without it. With
  ///   any other error all runs of the batch have failed.
  func forward(_ batch: ForwardBatch) throws -> Logits
}

extension ModelEngine {
  /// No access.
  public var blockStore: (any KVBlockStore)? { nil }

  /// None are handed out.
  public var hiddenSize: Int? { nil }

  /// None.
  public var hiddenStates: [Float] { [] }
}

/// One run of a batch cannot be computed; the others may be.
public struct RunFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The run's place in the batch.
  public var runIndex: Int
  /// Why, in words.
  public var reason: String

  /// Creates a failure.
  public init(runIndex: Int, reason: String) {
    self.runIndex = runIndex
    self.reason = reason
  }

  /// The reason.
  public var description: String { reason }
}
