/// The capacity policies that come with the package, by name.
public enum CapacityPolicy: String, Sendable, CaseIterable {
  /// ``GuaranteedNoEvictScheduler``: whoever starts can run to its end; nobody is ever paused.
  case guaranteedNoEvict = "guaranteed-no-evict"
  /// ``MaximumUtilizationScheduler``: as many as fit now; the youngest are paused when the cache is full.
  case maximumUtilization = "max-utilization"
  /// ``StaticBatchScheduler``: a batch runs to its end before the next begins.
  case staticBatch = "static-batch"
  /// ``MaximumRequestsScheduler``: a fixed number at a time, whatever the cache says.
  case maximumRequests = "max-requests"

  /// The policy. Only ``maximumRequests`` has a use for `maximumRequestCount`, which must be positive.
  public func scheduler(maximumRequestCount: Int) -> any CapacityScheduler {
    switch self {
    case .guaranteedNoEvict: GuaranteedNoEvictScheduler()
    case .maximumUtilization: MaximumUtilizationScheduler()
    case .staticBatch: StaticBatchScheduler()
    case .maximumRequests: MaximumRequestsScheduler(maximumRequestCount: maximumRequestCount)
    }
  }
}

/// The micro-batch policies that come with the package, by name.
public enum ChunkingPolicy: String, Sendable, CaseIterable {
  /// ``FirstComeFirstServedMicroBatchScheduler``: the oldest prompt takes what a step leaves for prompts.
  case firstCome = "first-come"
  /// ``EqualProgressMicroBatchScheduler``: all prompts move on block by block, in turns.
  case equalProgress = "equal-progress"

  /// The policy, with at most `maximumChunkSize` tokens of one prompt in a step; nil is no limit.
  public func scheduler(maximumChunkSize: Int? = nil) -> any MicroBatchScheduler {
    switch self {
    case .firstCome: FirstComeFirstServedMicroBatchScheduler(maximumChunkSize: maximumChunkSize)
    case .equalProgress: EqualProgressMicroBatchScheduler(maximumChunkSize: maximumChunkSize)
    }
  }
}

extension Scheduler {
  /// Creates a scheduler of policies that come with the package.
  ///
  /// - Parameters:
  ///   - capacity: who may hold memory.
  ///   - chunking: how prompts share a step.
  ///   - maximumRequestCount: what ``CapacityPolicy/maximumRequests`` allows at a time; positive.
  ///   - maximumChunkSize: most tokens of one prompt in a step; nil is no limit.
  public init(
    _ capacity: CapacityPolicy, _ chunking: ChunkingPolicy, maximumRequestCount: Int, maximumChunkSize: Int? = nil
  ) {
    self.init(
      capacity: capacity.scheduler(maximumRequestCount: maximumRequestCount),
      microBatch: chunking.scheduler(maximumChunkSize: maximumChunkSize))
  }
}
