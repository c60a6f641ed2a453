/// What both kinds of policies say about themselves.
public protocol SchedulingPolicy: Sendable {
  /// Whether the policy repeats itself while nothing but generation goes on: if it let all requests run, each of which was one
  /// token behind, and none waits, it lets them run again when each of them is one token further. The executor then does not
  /// ask until a request comes or ends.
  var isSteady: Bool { get }
}

extension SchedulingPolicy {
  /// The policy is asked in every step.
  public var isSteady: Bool { false }
}

/// Who holds memory, then who runs now: the two policies of a step.
public struct Scheduler: Sendable {
  /// Decides which requests may hold memory.
  public var capacity: any CapacityScheduler
  /// Decides how many tokens each of them processes now.
  public var microBatch: any MicroBatchScheduler

  /// Creates a scheduler; the defaults never pause a request and serve first come first.
  public init(
    capacity: any CapacityScheduler = GuaranteedNoEvictScheduler(),
    microBatch: any MicroBatchScheduler = FirstComeFirstServedMicroBatchScheduler()
  ) {
    self.capacity = capacity
    self.microBatch = microBatch
  }

  /// Whether both policies are steady.
  package var isSteady: Bool { capacity.isSteady && microBatch.isSteady }
}

/// What both policies decided for one step, with what they saw; reused from step to step.
package struct SchedulingRound: Sendable {
  /// What the policies were shown.
  package var requests: [SchedulableRequest] = []
  /// The cache as the policies saw it.
  package var budget = CacheBudget(blockSize: 1, totalBlockCount: 0, freeBlockCount: 0)
  /// The budgets of the step.
  package var limits = BatchLimits(
    maximumTokenCount: 1, maximumRequestCount: 1, maximumLogitsRowCount: 1, blockSize: 1)
  /// Who may hold memory.
  package private(set) var decision = CapacityDecision()
  /// Who runs now.
  package private(set) var plan = MicroBatchPlan()

  /// Creates an empty round.
  package init() {}

  /// Asks both policies about ``requests``.
  package mutating func run(_ scheduler: Scheduler) {
    decision.removeAll()
    plan.removeAll()
    scheduler.capacity.schedule(requests, budget: budget, into: &decision)
    // A policy is replaceable, so its answer is not trusted: an index that means no request is dropped here.
    decision.fitting.removeAll { !requests.indices.contains($0) }
    decision.paused.removeAll { !requests.indices.contains($0) || !requests[$0].isRunning }
    scheduler.microBatch.schedule(requests, fitting: decision.fitting, limits: limits, into: &plan)
    plan.entries.removeAll { !requests.indices.contains($0.requestIndex) }
  }
}
