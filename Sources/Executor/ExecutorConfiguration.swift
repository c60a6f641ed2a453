internal import Scheduling

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
  /// Number of cache blocks for which there is a second place in ordinary memory: what the cache has no room for, paused
  /// requests included, goes there instead of being computed again. 0 for none.
  public var hostBlockCount: Int
  /// Where the cache of prefixes is kept from one run to the next; nil for nowhere.
  public var prefixCacheFile: PrefixCacheFile?

  /// Creates a configuration.
  public init(
    maximumBatchSize: Int = 256, maximumBatchTokens: Int = 8192, maximumChunkSize: Int? = nil,
    maximumQueuedRequests: Int = 4096, maximumPrefillTokensPerStep: Int? = nil,
    targetInterTokenLatency: Duration? = nil, isReusingPrefixes: Bool = true, hostBlockCount: Int = 0,
    prefixCacheFile: PrefixCacheFile? = nil, isReportingCacheEvents: Bool = false
  ) {
    self.maximumBatchSize = maximumBatchSize
    self.maximumBatchTokens = maximumBatchTokens
    self.maximumChunkSize = maximumChunkSize
    self.maximumQueuedRequests = maximumQueuedRequests
    self.maximumPrefillTokensPerStep = maximumPrefillTokensPerStep
    self.targetInterTokenLatency = targetInterTokenLatency
    self.isReusingPrefixes = isReusingPrefixes
    self.hostBlockCount = hostBlockCount
    self.prefixCacheFile = prefixCacheFile
    self.isReportingCacheEvents = isReportingCacheEvents
  }

  /// Returns the configuration if every number is positive.
  ///
  /// - Throws: ``ExecutorConfigurationError`` for the first that is not.
  func validated() throws(ExecutorConfigurationError) -> ExecutorConfiguration {
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
    guard (0...Int(Int32.max)).contains(hostBlockCount) else {
      throw ExecutorConfigurationError("hostBlockCount is \(hostBlockCount); it must be between 0 and \(Int32.max)")
    }
    return self
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
  /// What keeps ``targetInterTokenLatency``, nil without one.
  func prefillBudget(_ limits: BatchLimits) -> AdaptivePrefillBudget? {
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
