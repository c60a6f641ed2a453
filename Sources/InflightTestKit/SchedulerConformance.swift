public import Scheduling
internal import Requests

/// Checks what every ``CapacityScheduler`` must keep, and on request what a good one promises.
public struct CapacitySchedulerConformance: Sendable {
  /// Promises that not every policy makes.
  public struct Promises: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int
    /// Creates promises from bits.
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// No running request is ever paused, and whoever is admitted can run to its limit.
    public static let noPause = Promises(rawValue: 1)
    /// Nobody of the highest priority waits for ever, whatever comes after.
    public static let noStarvation = Promises(rawValue: 2)
  }

  /// The policy.
  public let policy: any CapacityScheduler
  /// What it promises.
  public let promises: Promises

  /// Creates a check.
  public init(_ policy: any CapacityScheduler, promises: Promises = []) {
    self.policy = policy
    self.promises = promises
  }

  /// Runs all checks with random numbers from `seeds`, the simulations included.
  ///
  /// - Throws: ``ConformanceViolation`` for the first promise that is broken.
  public func check(seeds: Range<UInt64> = 0..<200) async throws(ConformanceViolation) {
    for seed in seeds { try checkDecision(seed) }
    if policy.isSteady {
      for seed in seeds { try checkSteadiness(seed) }
    }
    let policy = policy
    try await ExecutorSimulation(neverPauses: promises.contains(.noPause)) { _ in Scheduler(capacity: policy) }.check(
      seeds: seeds)
    if promises.contains(.noStarvation) { try checkStarvation() }
  }

  /// One decision about random numbers, as an executor whose policies keep their promises may show them.
  private func checkDecision(_ seed: UInt64) throws(ConformanceViolation) {
    var generator = SeededGenerator(seed: seed)
    let blockSize = 16
    let runningCount = generator.number(0...8)
    var reserved = 0
    var requests = (0..<runningCount + generator.number(0...8)).map { index in
      let known = generator.number(1...100)
      let maximum = known + generator.number(1...100)
      let isRunning = index < runningCount
      let blocks = isRunning ? (generator.number(1...known) + blockSize - 1) / blockSize : 0
      if isRunning { reserved += (maximum + blockSize - 1) / blockSize - blocks }
      return SchedulableRequest(
        id: RequestID(UInt64(index)), isRunning: isRunning, priority: generator.number(0...2), knownTokenCount: known,
        processedTokenCount: isRunning ? min(known - 1, blocks * blockSize) : 0, maximumTokenCount: maximum,
        allocatedBlockCount: blocks, needsEveryLogitsRow: generator.number(0...5) == 0)
    }
    // Waiting requests are shown in the order of their priority.
    requests[runningCount...].sort { ($1.priority, $0.id) < ($0.priority, $1.id) }
    let held = requests.reduce(0) { $0 + $1.allocatedBlockCount }
    // Nobody is accepted who needs more than all blocks, so whoever is alone fits.
    let least = runningCount == 0 ? 13 : 0
    let free = (promises.contains(.noPause) ? reserved : 0) + generator.number(least...least + 40)
    let budget = CacheBudget(blockSize: blockSize, totalBlockCount: held + free, freeBlockCount: free)
    var decision = CapacityDecision()
    policy.schedule(requests, budget: budget, into: &decision)
    var again = CapacityDecision()
    policy.schedule(requests, budget: budget, into: &again)
    func require(_ condition: Bool, _ reason: String) throws(ConformanceViolation) {
      if !condition {
        throw ConformanceViolation("seed \(seed): \(reason): \(decision) for \(requests) with \(budget)")
      }
    }
    try require(decision == again, "the same question has two answers")
    let named = decision.fitting + decision.paused
    try require(named.allSatisfy(requests.indices.contains), "an index means no request")
    try require(Set(named).count == named.count, "a request is named twice")
    try require(decision.paused.allSatisfy { requests[$0].isRunning }, "a request that does not run is paused")
    try require(requests.isEmpty || !decision.fitting.isEmpty, "nobody may run although everybody could")
    guard promises.contains(.noPause) else { return }
    try require(decision.paused.isEmpty, "a request is paused")
    let needed = requests.indices.reduce(0) {
      $0 + (requests[$1].isRunning || decision.fitting.contains($1) ? requests[$1].blocksToCompletion(in: budget) : 0)
    }
    try require(needed <= free, "\(needed) blocks are promised and \(free) are free")
  }

  /// A large request waits while small ones keep coming; it must start nevertheless.
  private func checkStarvation() throws(ConformanceViolation) {
    let blockSize = 16
    let total = 20
    struct Job {
      var view: SchedulableRequest
      var left: Int
    }
    var running: [Job] = []
    var waiting: [Job] = []
    var free = total
    var next: UInt64 = 0
    func job(_ blocks: Int, steps: Int) -> Job {
      defer { next += 1 }
      return Job(
        view: SchedulableRequest(
          id: RequestID(next), isRunning: false, knownTokenCount: blocks * blockSize - steps, processedTokenCount: 0,
          maximumTokenCount: blocks * blockSize, allocatedBlockCount: 0, needsEveryLogitsRow: false), left: steps)
    }
    for step in 0..<2000 {
      if step == 3 { waiting.append(job(18, steps: 5)) }
      while waiting.count < 10 { waiting.append(job(3, steps: 4 + Int(next % 7))) }
      let views = running.map(\.view) + waiting.map(\.view)
      let budget = CacheBudget(blockSize: blockSize, totalBlockCount: total, freeBlockCount: free)
      var decision = CapacityDecision()
      policy.schedule(views, budget: budget, into: &decision)
      let started = Set(decision.fitting.filter { $0 >= running.count }.map { views[$0].id })
      if started.contains(where: { id in views.contains { $0.id == id && $0.maximumTokenCount == 18 * blockSize } }) {
        return
      }
      let paused = Set(decision.paused.map { views[$0].id })
      for index in running.indices.reversed() where paused.contains(running[index].view.id) {
        var job = running.remove(at: index)
        free += job.view.allocatedBlockCount
        (job.view.isRunning, job.view.allocatedBlockCount) = (false, 0)
        waiting.insert(job, at: 0)
      }
      for index in waiting.indices.reversed() where started.contains(waiting[index].view.id) {
        var job = waiting.remove(at: index)
        (job.view.isRunning, job.view.allocatedBlockCount) = (true, job.view.blocksToCompletion(in: budget))
        free -= job.view.allocatedBlockCount
        running.append(job)
      }
      for index in running.indices.reversed() {
        running[index].left -= 1
        running[index].view.knownTokenCount += 1
        running[index].view.processedTokenCount = running[index].view.knownTokenCount - 1
        if running[index].left <= 0 { free += running.remove(at: index).view.allocatedBlockCount }
      }
    }
    throw ConformanceViolation("a large request waited for 2000 steps while small ones kept coming and going")
  }
}

/// Checks what every ``MicroBatchScheduler`` must keep.
public struct MicroBatchSchedulerConformance: Sendable {
  /// The policy.
  public let policy: any MicroBatchScheduler

  /// Creates a check.
  public init(_ policy: any MicroBatchScheduler) { self.policy = policy }

  /// Runs all checks with random numbers from `seeds`, the simulations included.
  ///
  /// - Throws: ``ConformanceViolation`` for the first promise that is broken.
  public func check(seeds: Range<UInt64> = 0..<200) async throws(ConformanceViolation) {
    for seed in seeds { try checkPlan(seed) }
    if policy.isSteady {
      for seed in seeds { try checkSteadiness(seed) }
    }
    let policy = policy
    try await ExecutorSimulation(neverPauses: true) { _ in Scheduler(microBatch: policy) }.check(seeds: seeds)
    try await ExecutorSimulation { _ in Scheduler(capacity: MaximumUtilizationScheduler(), microBatch: policy) }.check(
      seeds: seeds)
  }

  private func checkPlan(_ seed: UInt64) throws(ConformanceViolation) {
    var generator = SeededGenerator(seed: seed)
    let requests = (0..<generator.number(1...12)).map { index in
      let known = generator.number(1...150)
      return SchedulableRequest(
        id: RequestID(UInt64(index)), isRunning: generator.number(0...1) == 0, knownTokenCount: known,
        processedTokenCount: generator.number(0...1) == 0 ? known - 1 : generator.number(0...known - 1),
        maximumTokenCount: known + 10, allocatedBlockCount: 0, needsEveryLogitsRow: generator.number(0...3) == 0)
    }
    let fitting = requests.indices.filter { _ in generator.number(0...5) > 0 }
    let limits = BatchLimits(
      maximumTokenCount: generator.number(1...80), maximumRequestCount: generator.number(1...10),
      maximumLogitsRowCount: generator.number(1...40), blockSize: generator.number(1...16),
      maximumPrefillTokenCount: generator.number(0...2) == 0 ? generator.number(1...40) : nil)
    var plan = MicroBatchPlan()
    policy.schedule(requests, fitting: fitting, limits: limits, into: &plan)
    var again = MicroBatchPlan()
    policy.schedule(requests, fitting: fitting, limits: limits, into: &again)
    func require(_ condition: Bool, _ reason: String) throws(ConformanceViolation) {
      if !condition { throw ConformanceViolation("seed \(seed): \(reason): \(plan) for \(requests) within \(limits)") }
    }
    try require(plan == again, "the same question has two answers")
    let indices = plan.entries.map(\.requestIndex)
    try require(Set(indices).count == indices.count, "a request is named twice")
    try require(Set(indices).isSubset(of: fitting), "a request runs that does not fit")
    try require(fitting.isEmpty || !indices.isEmpty, "nobody runs although somebody could")
    try require(
      plan.entries.allSatisfy { (1...requests[$0.requestIndex].pendingTokenCount).contains($0.tokenCount) },
      "a request processes tokens that are not pending")
    let tokens = plan.entries.reduce(0) { $0 + $1.tokenCount }
    let rows = plan.entries.reduce(0) { $0 + requests[$1.requestIndex].logitsRowCount(forNext: $1.tokenCount) }
    let prefill = plan.entries.filter { requests[$0.requestIndex].pendingTokenCount > 1 }.reduce(0) {
      $0 + $1.tokenCount
    }
    try require(tokens <= limits.maximumTokenCount, "\(tokens) tokens")
    try require(plan.entries.count <= limits.maximumRequestCount, "\(plan.entries.count) requests")
    try require(rows <= limits.maximumLogitsRowCount, "\(rows) rows of logits")
    let isGenerating = fitting.contains { requests[$0].pendingTokenCount == 1 }
    try require(!isGenerating || prefill <= limits.maximumPrefillTokenCount ?? .max, "\(prefill) tokens of prompts")
  }
}
