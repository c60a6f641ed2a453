/// Admits a request only if everything that is running can still run to its limit: nothing is ever paused.
///
/// Running requests come first, and what they need to their completion is set aside. Waiting requests follow in order,
/// each admitted if the rest covers its own completion; the first that does not fit ends the pass, so that a large
/// request is not overtaken forever by small ones (strict head of line). Only a request whose prefix is being computed by
/// another lets others pass. This is TensorRT-LLM's GUARANTEED_NO_EVICT, except that a request whose prompt is half
/// processed counts as running here: it holds blocks, so it must be able to finish even if a request of a higher priority
/// arrives.
public struct GuaranteedNoEvictScheduler: CapacityScheduler {
  /// Running requests always run.
  public let isSteady = true

  /// Creates the policy.
  public init() {}

  /// Writes the running requests and those waiting ones that are certain to be able to finish.
  public func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    let reserved = decision.keepRunning(requests, budget: budget)
    decision.admit(requests, budget: budget, unreserved: budget.freeBlockCount - reserved)
  }
}

/// Admits a batch of requests, as ``GuaranteedNoEvictScheduler`` would, and lets nobody in until all of them have ended.
///
/// For measurements and for comparisons with systems without in-flight batching. TensorRT-LLM's STATIC_BATCH.
public struct StaticBatchScheduler: CapacityScheduler {
  /// Running requests always run.
  public let isSteady = true

  /// Creates the policy.
  public init() {}

  /// Writes the running requests, or a new batch if there are none.
  public func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    _ = decision.keepRunning(requests, budget: budget)
    guard decision.fitting.isEmpty else { return }
    decision.admit(requests, budget: budget, unreserved: budget.freeBlockCount)
  }

  /// Waiting requests wait for the end of the batch, if there is one.
  public func reasonToWait(
    _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
  ) -> SchedulingExplanation.Cause? {
    let runningCount = decision.fitting.count { requests[$0].isRunning }
    return runningCount > 0 ? .runningBatch(requestCount: runningCount) : nil
  }
}

/// Admits a fixed number of requests and does not look at memory: for engines without a paged cache.
public struct MaximumRequestsScheduler: CapacityScheduler {
  /// Most requests that may run at a time.
  public let maximumRequestCount: Int
  /// Running requests always run.
  public let isSteady = true

  /// Creates the policy; at least one request must be allowed.
  public init(maximumRequestCount: Int) {
    precondition(maximumRequestCount > 0, "at least one request must be able to run")
    self.maximumRequestCount = maximumRequestCount
  }

  /// Writes the running requests, then waiting ones up to the limit.
  public func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    for index in requests.indices where requests[index].isRunning { decision.fitting.append(index) }
    for index in requests.indices where !requests[index].isRunning {
      guard decision.fitting.count < maximumRequestCount else { break }
      decision.fitting.append(index)
    }
  }

  /// Waiting requests wait for a place.
  public func reasonToWait(
    _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
  ) -> SchedulingExplanation.Cause? { .batchSize(limit: maximumRequestCount) }
}

extension CapacityDecision {
  /// Adds every running request and returns the number of blocks that they need to their completion.
  fileprivate mutating func keepRunning(_ requests: [SchedulableRequest], budget: CacheBudget) -> Int {
    var reserved = 0
    for index in requests.indices where requests[index].isRunning {
      fitting.append(index)
      reserved += requests[index].blocksToCompletion(in: budget)
    }
    return reserved
  }

  /// Adds those requests that have not started, in order, whose completion `unreserved` blocks cover together.
  fileprivate mutating func admit(_ requests: [SchedulableRequest], budget: CacheBudget, unreserved: Int) {
    var unreserved = unreserved
    let firstAdmitted = fitting.count
    for index in requests.indices where !requests[index].isRunning {
      if awaitsPrefix(index, of: requests, firstAdmitted: firstAdmitted) { continue }
      let needed = requests[index].blocksToCompletion(in: budget)
      guard needed <= unreserved else { break }
      fitting.append(index)
      unreserved -= needed
    }
  }
}
