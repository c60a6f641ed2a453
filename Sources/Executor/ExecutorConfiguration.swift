internal import Resources
public import Scheduling

/// The budgets of an executor. What the engine can take is an upper limit to all of them.
public struct ExecutorConfiguration: Sendable, Equatable {
  /// Most requests that run at a time.
  public var maximumBatchSize: Int
  /// Most tokens in one forward pass.
  public var maximumBatchTokens: Int
  /// Most tokens of one prompt in one forward pass, or nil for no limit but that of the batch. A smaller one keeps the
  /// inter-token latency of running requests low while a long prompt enters.
  public var maximumChunkSize: Int?
  /// Most requests that may wait; a submission beyond is refused.
  public var maximumQueuedRequests: Int
  /// Most tokens of prompts in one forward pass while other requests generate, or nil for no limit but that of the batch.
  public var maximumPrefillTokensPerStep: Int?
  /// The inter-token latency to keep while prompts enter: as many of their tokens are processed beside the running
  /// requests as it leaves time for, by what steps have taken so far, and never less than a block. Nil for no target.
  public var targetInterTokenLatency: Duration?
  /// Whether requests share the blocks of prefixes that they have in common.
  public var isReusingPrefixes: Bool
  /// Whether the default cache manager reports what happens to its blocks.
  public var isReportingCacheEvents: Bool
  /// A second place for cache blocks: what the cache has no room for, paused requests included, goes there instead of being
  /// computed again.
  public var secondTier: SecondTier
  /// Where the cache of prefixes is kept from one run to the next; nil for nowhere.
  public var prefixCacheFile: PrefixCacheFile?
  /// Who may hold memory, unless the executor is given a scheduler of one's own.
  public var capacityPolicy: CapacityPolicy
  /// How prompts share a step, unless the executor is given a scheduler of one's own.
  public var chunkingPolicy: ChunkingPolicy
  /// Whether tokens that a constraint leaves no alternative to are appended without a pass of the model for each, which
  /// changes the time it takes and not what is generated.
  public var isJumpingForward: Bool

  /// Creates a configuration.
  public init(
    maximumBatchSize: Int = 256, maximumBatchTokens: Int = 8192, maximumChunkSize: Int? = nil,
    maximumQueuedRequests: Int = 4096, maximumPrefillTokensPerStep: Int? = nil,
    targetInterTokenLatency: Duration? = nil, isReusingPrefixes: Bool = true, secondTier: SecondTier = .none,
    prefixCacheFile: PrefixCacheFile? = nil, capacityPolicy: CapacityPolicy = .guaranteedNoEvict,
    chunkingPolicy: ChunkingPolicy = .firstCome, isReportingCacheEvents: Bool = false, isJumpingForward: Bool = true
  ) {
    self.maximumBatchSize = maximumBatchSize
    self.maximumBatchTokens = maximumBatchTokens
    self.maximumChunkSize = maximumChunkSize
    self.maximumQueuedRequests = maximumQueuedRequests
    self.maximumPrefillTokensPerStep = maximumPrefillTokensPerStep
    self.targetInterTokenLatency = targetInterTokenLatency
    self.isReusingPrefixes = isReusingPrefixes
    self.secondTier = secondTier
    self.prefixCacheFile = prefixCacheFile
    self.isReportingCacheEvents = isReportingCacheEvents
    self.capacityPolicy = capacityPolicy
    self.chunkingPolicy = chunkingPolicy
    self.isJumpingForward = isJumpingForward
  }

  /// Returns the configuration if every number is positive.
  ///
  /// - Throws: ``ExecutorConfigurationError`` for the first that is not.
  package func validated() throws(ExecutorConfigurationError) -> ExecutorConfiguration {
    let values = [
      ("maximumBatchSize", maximumBatchSize), ("maximumBatchTokens", maximumBatchTokens),
      ("maximumChunkSize", maximumChunkSize ?? 1), ("maximumQueuedRequests", maximumQueuedRequests),
      ("maximumPrefillTokensPerStep", maximumPrefillTokensPerStep ?? 1),
    ]
    for (name, value) in values where value < 1 {
      throw ExecutorConfigurationError("\(name) is \(value); it must be at least 1")
    }
    if let targetInterTokenLatency, targetInterTokenLatency <= .zero {
      throw ExecutorConfigurationError(
        "targetInterTokenLatency is \(targetInterTokenLatency); it must be more than nothing")
    }
    return self
  }
}

/// A second place for the blocks of the cache, slower and larger than the engine's own.
public enum SecondTier: Sendable, Equatable {
  /// None: what the cache has no room for is forgotten.
  case none
  /// Ordinary memory.
  case memory(byteCount: Int)
  /// A file without a name in `directory`, which goes with the process.
  case file(directory: String, byteCount: Int)
  /// Ordinary memory, and behind it such a file, to which the oldest blocks go when the memory is full.
  case memoryThenFile(byteCount: Int, directory: String, fileByteCount: Int)

  /// Bytes of memory that the tier takes.
  public var memoryByteCount: Int {
    switch self {
    case .none, .file: 0
    case .memory(let byteCount), .memoryThenFile(let byteCount, _, _): byteCount
    }
  }

  /// Bytes of all blocks of `bytesPerBlock` that the tier holds, wherever they are.
  package func byteCount(inBlocksOf bytesPerBlock: Int) -> Int {
    let parts: [Int]
    switch self {
    case .none: parts = []
    case .memory(let byteCount), .file(_, let byteCount): parts = [byteCount]
    case .memoryThenFile(let byteCount, _, let fileByteCount): parts = [byteCount, fileByteCount]
    }
    return parts.reduce(0) { sum, part in
      let (total, overflow) = sum.addingReportingOverflow(part - part % max(1, bytesPerBlock))
      return overflow ? .max : total
    }
  }

  /// The tier, for blocks of `bytesPerBlock`; nil for none.
  ///
  /// - Throws: ``ExecutorConfigurationError`` if not one block fits, or if there cannot be such a file.
  func tier(bytesPerBlock: Int) throws(ExecutorConfigurationError) -> (any CacheTier)? {
    switch self {
    case .none: nil
    case .memory(let byteCount): HostCacheTier(blockCount: try Self.blockCount(byteCount, bytesPerBlock))
    case .file(let directory, let byteCount): try Self.file(directory, byteCount, bytesPerBlock)
    case .memoryThenFile(let byteCount, let directory, let fileByteCount):
      SpillingCacheTier(
        HostCacheTier(blockCount: try Self.blockCount(byteCount, bytesPerBlock)),
        before: try Self.file(directory, fileByteCount, bytesPerBlock))
    }
  }

  private static func file(
    _ directory: String, _ byteCount: Int, _ bytesPerBlock: Int
  ) throws(ExecutorConfigurationError) -> FileCacheTier {
    let blockCount = try blockCount(byteCount, bytesPerBlock)
    do {
      return try FileCacheTier(directory: directory, blockCount: blockCount)
    } catch {
      throw ExecutorConfigurationError("the second tier of the cache cannot be made: \(error)")
    }
  }

  /// Most blocks of a part of a tier. The books of the cache take some tens of bytes for each, from the beginning.
  private static let maximumBlockCount = 1 << 22

  private static func blockCount(
    _ byteCount: Int, _ bytesPerBlock: Int
  ) throws(ExecutorConfigurationError) -> Int {
    guard bytesPerBlock > 0, byteCount >= bytesPerBlock else {
      throw ExecutorConfigurationError(
        "the second tier of the cache has \(byteCount) bytes, but one block takes \(bytesPerBlock)")
    }
    guard byteCount / bytesPerBlock <= maximumBlockCount else {
      throw ExecutorConfigurationError(
        "the second tier of the cache has \(byteCount) bytes, more than \(maximumBlockCount) blocks of \(bytesPerBlock)"
      )
    }
    return byteCount / bytesPerBlock
  }
}

/// A file in which the cache of prefixes survives the process.
public struct PrefixCacheFile: Sendable, Equatable {
  /// The file. It is read when an executor starts, and written when its thread ends.
  public var path: String
  /// What the blocks are computed with: a hash of the model's weights and of how the engine stores keys and values. A file
  /// with another one is refused.
  public var modelHash: [UInt8]

  /// Creates a description.
  public init(path: String, modelHash: [UInt8]) {
    self.path = path
    self.modelHash = modelHash
  }
}

extension ExecutorConfiguration {
  /// The policies that the configuration names.
  package func scheduler(_ limits: BatchLimits) -> Scheduler {
    Scheduler(
      capacityPolicy, chunkingPolicy, maximumRequestCount: limits.maximumRequestCount,
      maximumChunkSize: maximumChunkSize)
  }

  /// What keeps ``targetInterTokenLatency``, nil without one.
  package func prefillBudget(_ limits: BatchLimits) -> AdaptivePrefillBudget? {
    guard let targetInterTokenLatency else { return nil }
    let most = min(limits.maximumTokenCount, maximumPrefillTokensPerStep ?? .max)
    let nanoseconds = targetInterTokenLatency / .nanoseconds(1)
    return AdaptivePrefillBudget(
      targetNanoseconds: UInt64(min(nanoseconds, 1e18)), range: min(limits.blockSize, most)...most)
  }
}

/// An executor cannot be made of the parts and numbers that it was given.
public struct ExecutorConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String

  /// Creates an error.
  public init(_ description: String) { self.description = description }
}
