/// Admits requests by what they need now, not by what they may need one day, and pauses some when the cache is full.
///
/// A running request needs blocks for the tokens that it knows. If the free blocks do not cover what all of them need,
/// requests are paused, lowest priority first and within one the youngest first, until they do. The oldest of the highest
/// priority is never paused, so it finishes, then the next: within a priority nobody starves. A request that has not
/// started is admitted if it can catch up and fill one more block beside everything that runs, in the order of priority,
/// then of their places; the first that does not fit ends the pass. No request is admitted in a step that pauses one,
/// which could have its blocks instead.
///
/// TensorRT-LLM's MAX_UTILIZATION, with priorities, and with one more block of room, so that a request is not admitted
/// only to be paused in the next step.
public struct MaximumUtilizationScheduler: CapacityScheduler {
  /// Creates the policy.
  public init() {}

  /// Writes who runs and who is paused.
  public func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    var (needed, free, runningCount) = (0, budget.freeBlockCount, 0)
    for index in requests.indices where requests[index].isRunning {
      needed += requests[index].blocksToCatchUp(in: budget)
      runningCount += 1
    }
    while needed > free, runningCount > 1, let victim = victim(of: requests, paused: decision.paused) {
      decision.paused.append(victim)
      needed -= requests[victim].blocksToCatchUp(in: budget)
      free += requests[victim].releasableBlockCount
      runningCount -= 1
    }
    for index in requests.indices where requests[index].isRunning && !decision.paused.contains(index) {
      decision.fitting.append(index)
    }
    if decision.paused.isEmpty { admit(requests, budget: budget, unreserved: free - needed, into: &decision) }
  }

  /// The running request to pause next: of those with the lowest priority the one that started last.
  private func victim(of requests: [SchedulableRequest], paused: [Int]) -> Int? {
    var victim: Int?
    for index in requests.indices where requests[index].isRunning && !paused.contains(index) {
      if let current = victim, requests[current].priority < requests[index].priority { continue }
      victim = index
    }
    return victim
  }

  private func admit(
    _ requests: [SchedulableRequest], budget: CacheBudget, unreserved: Int, into decision: inout CapacityDecision
  ) {
    var unreserved = unreserved
    let firstAdmitted = decision.fitting.count
    // Level by level, since paused requests come before waiting ones of a higher priority.
    var level = requests.lazy.filter { !$0.isRunning }.map(\.priority).max()
    while let priority = level {
      level = nil
      for index in requests.indices where !requests[index].isRunning {
        if requests[index].priority < priority { level = max(level ?? .min, requests[index].priority) }
        guard requests[index].priority == priority,
          !decision.awaitsPrefix(index, of: requests, firstAdmitted: firstAdmitted)
        else { continue }
        let needed = requests[index].blocksToGoOn(in: budget)
        guard needed <= unreserved else { return }
        decision.fitting.append(index)
        unreserved -= needed
      }
    }
  }

  /// A request that has not started waits for blocks, or behind one that does.
  public func reasonToWait(
    _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
  ) -> SchedulingExplanation.Cause? {
    guard !requests[index].isRunning else { return nil }
    let promised = decision.fitting.reduce(0) { sum, index in
      let request = requests[index]
      return sum + (request.isRunning ? request.blocksToCatchUp(in: budget) : request.blocksToGoOn(in: budget))
    }
    let needed = requests[index].blocksToGoOn(in: budget)
    let left = max(0, budget.freeBlockCount - promised)
    return needed > left || !decision.paused.isEmpty ? .blocksToStart(needed: needed, left: left) : nil
  }
}
