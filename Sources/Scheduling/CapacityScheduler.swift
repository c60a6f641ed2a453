/// Decides which requests may hold memory: the first half of scheduling.
///
/// A policy is a pure function of what it is given: no clock, no randomness, no state. It is asked once per step, unless it is
/// steady (``SchedulingPolicy/isSteady``).
public protocol CapacityScheduler: SchedulingPolicy {
  /// Writes to `decision` which of `requests` may hold memory from now on.
  ///
  /// - Parameters:
  ///   - requests: the running requests in the order in which they started, then the paused and the waiting ones in the
  ///     order in which they are to enter (priority, then arrival). There may be more waiting requests than are shown;
  ///     at least as many are shown as could run in one batch.
  ///   - budget: the cache as it is now.
  ///   - decision: empty on entry; its storage is reused from step to step.
  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision)

  /// Why the policy left request `index` out, or nil for the reason that the executor finds by itself. Asked only when
  /// somebody wants to know; `decision` is the policy's own answer to the same requests.
  func reasonToWait(
    _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
  ) -> SchedulingExplanation.Cause?
}

extension CapacityScheduler {
  /// Leaves the explanation to the executor.
  public func reasonToWait(
    _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
  ) -> SchedulingExplanation.Cause? { nil }
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

  /// Whether request `index`, which has not started, should wait since the block that it would compute first is being
  /// computed: by a running request, or by one of those that `fitting` admits now, from `firstAdmitted` on. It then finds
  /// the block in the cache a few steps later, and the prefix is computed once. Whoever computes it runs, so nobody
  /// waits for a request that waits.
  public func awaitsPrefix(_ index: Int, of requests: [SchedulableRequest], firstAdmitted: Int) -> Bool {
    guard let key = requests[index].nextBlockKey else { return false }
    if requests[index].isNextBlockBeingComputed { return true }
    return fitting[firstAdmitted...].contains { requests[$0].nextBlockKey == key }
  }
}
