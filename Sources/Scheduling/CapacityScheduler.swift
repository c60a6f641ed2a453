/// Decides which requests may hold memory: the first half of scheduling.
///
/// A policy is a pure function of what it is given: no clock, no randomness, no state. It is asked once per step.
public protocol CapacityScheduler: Sendable {
  /// Writes to `decision` which of `requests` may hold memory from now on.
  ///
  /// - Parameters:
  ///   - requests: the running requests in the order in which they started, then the paused and the waiting ones in the
  ///     order in which they are to enter (priority, then arrival). There may be more waiting requests than are shown;
  ///     at least as many are shown as could run in one batch.
  ///   - budget: the cache as it is now.
  ///   - decision: empty on entry; its storage is reused from step to step.
  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision)
}

/// The answer of a ``CapacityScheduler``: indices into the requests that it was shown.
///
/// A running request that is in neither list keeps its blocks and sits the step out.
public struct CapacityDecision: Sendable, Equatable {
  /// Requests that may run, in the order in which the micro-batch scheduler is to consider them.
  public var fitting: [Int] = []
  /// Running requests that must give all their blocks back now and start again later with what they have generated.
  public var paused: [Int] = []

  /// Creates an empty decision.
  public init() {}

  /// Empties both lists and keeps their storage.
  public mutating func removeAll() {
    fitting.removeAll(keepingCapacity: true)
    paused.removeAll(keepingCapacity: true)
  }
}

/// Admits a request only if everything that is running can still run to its limit: nothing is ever paused.
///
/// Running requests come first, and what they need to their completion is set aside. Waiting requests follow in order,
/// each admitted if the rest covers its own completion; the first that does not fit ends the pass, so that a large
/// request is not overtaken forever by small ones (strict head of line). This is TensorRT-LLM's GUARANTEED_NO_EVICT,
/// except that a request whose prompt is half processed counts as running here: it holds blocks, so it must be able to
/// finish even if a request of a higher priority arrives.
public struct GuaranteedNoEvictScheduler: CapacityScheduler {
  /// Creates the policy.
  public init() {}

  /// Writes the running requests and those waiting ones that are certain to be able to finish.
  public func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    var unreserved = budget.freeBlockCount
    for index in requests.indices where requests[index].isRunning {
      decision.fitting.append(index)
      unreserved -= requests[index].blocksToCompletion(in: budget)
    }
    for index in requests.indices where !requests[index].isRunning {
      let needed = requests[index].blocksToCompletion(in: budget)
      guard needed <= unreserved else { break }
      decision.fitting.append(index)
      unreserved -= needed
    }
  }
}

/// Admits a fixed number of requests and does not look at memory: for engines without a paged cache.
public struct MaximumRequestsScheduler: CapacityScheduler {
  /// Most requests that may run at a time.
  public let maximumRequestCount: Int

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
}
