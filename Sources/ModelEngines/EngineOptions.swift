public import Tensors

/// How an engine that runs a checkpoint is set up. Every value has a default that suits most machines.
public struct EngineOptions: Sendable, Equatable {
  /// Number of threads; nil for as many as the process may use.
  public var threadCount: Int?
  /// Most tokens in one pass. More make long prompts faster and the work space larger.
  public var maximumBatchTokens: Int
  /// Most rows of logits in one pass.
  public var maximumLogitsRows: Int
  /// Longest sequence; nil for what the model was made for. Never more than that.
  public var maximumSequenceLength: Int?
  /// Tokens that the cache of keys and values holds, over all sequences; nil for a quarter of the memory that is
  /// available, but no more than 64 sequences of full length need.
  public var cacheTokens: Int?
  /// How keys and values are kept.
  public var cacheType: KVCacheType
  /// Tokens in a block of the cache: 16, 32 or 64. Larger blocks are found again less often and take less bookkeeping.
  public var blockSize: Int
  /// How much memory the engine may take, a second tier of its cache included; nil for ``MemoryLimit/standard``.
  public var memory: MemoryLimit?
  /// Name of the kernels to use, for tests and comparisons; nil for the best that the processor has.
  public var kernelTier: String?

  /// Creates options.
  public init(
    threadCount: Int? = nil, maximumBatchTokens: Int = 512, maximumLogitsRows: Int = 256,
    maximumSequenceLength: Int? = nil, cacheTokens: Int? = nil, cacheType: KVCacheType = .int16,
    blockSize: Int = 32, memory: MemoryLimit? = nil, kernelTier: String? = nil
  ) {
    self.threadCount = threadCount
    self.maximumBatchTokens = maximumBatchTokens
    self.maximumLogitsRows = maximumLogitsRows
    self.maximumSequenceLength = maximumSequenceLength
    self.cacheTokens = cacheTokens
    self.cacheType = cacheType
    self.blockSize = blockSize
    self.memory = memory
    self.kernelTier = kernelTier
  }
}

/// An engine that could not be set up.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
  /// An option is out of its range.
  case invalidOption(name: String, value: String, allowed: String)
  /// The model has something that the engine cannot compute.
  case unsupported(feature: String)
  /// The engine's memory does not fit.
  case outOfMemory(needed: Int, available: Int, what: String)

  /// All that the engine needs together is more than it may have.
  case doesNotFit(MemoryLedger, advice: String)

  /// One line: what happened, and what to do.
  public var description: String {
    switch self {
    case .invalidOption(let name, let value, let allowed):
      "\(name) is \(value); allowed is \(allowed)"
    case .unsupported(let feature):
      "the engine does not support \(feature)"
    case .outOfMemory(let needed, let available, let what):
      "\(what) needs \(needed >> 20) MiB but \(available >> 20) MiB of memory are available; "
        + "use a smaller model or a smaller cache"
    case .doesNotFit(let ledger, let advice):
      "the engine does not fit: \(ledger.summary); \(advice)"
    }
  }
}
