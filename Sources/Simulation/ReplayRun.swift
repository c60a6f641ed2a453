internal import Requests
internal import Scheduling

/// The state of a replay.
struct ReplayRun {
  private struct Job {
    /// The request as the policies see it.
    var view: SchedulableRequest
    /// Its place in the trace.
    var entry: Int
    var lastTokenTime = -1.0
    /// Whether it holds its beginning in the cache.
    var holdsPrefix = false
    var outputCount = 0
  }

  private let scheduler: Scheduler
  private let machine: SimulatedMachine
  private let trace: RequestTrace
  private var prefixes: SharedPrefixes
  private var prefillBudget: AdaptivePrefillBudget?
  private var round = SchedulingRound()
  private var active: [Job] = []
  private var waiting = ArrivalQueue()
  private var nextArrival = 0
  private var time = 0.0
  /// Blocks that jobs hold and share with nobody.
  private var ownBlockCount = 0
  /// The active jobs that the step processes tokens of.
  private var batch: [Int] = []
  private(set) var report = ReplayReport()

  init(scheduler: Scheduler, machine: SimulatedMachine, trace: RequestTrace) {
    self.scheduler = scheduler
    self.machine = machine
    self.trace = trace
    prefixes = SharedPrefixes(blockSize: machine.blockSize)
    round.limits = machine.limits
    if let target = machine.targetInterTokenLatency {
      let most = machine.limits.maximumPrefillTokenCount ?? machine.limits.maximumTokenCount
      prefillBudget = AdaptivePrefillBudget(
        targetNanoseconds: UInt64(min(max(target, 0), 1e6) * 1e9), range: min(machine.blockSize, most)...most)
    }
  }

  mutating func run() throws(ReplayStall) {
    time = trace.entries.first?.arrival ?? 0
    let start = time
    while nextArrival < trace.entries.count || !waiting.isEmpty || !active.isEmpty {
      if waiting.isEmpty, active.isEmpty, nextArrival < trace.entries.count {
        time = max(time, trace.entries[nextArrival].arrival)
      }
      arrive()
      if !step(), nextArrival < trace.entries.count {
        time = max(time, trace.entries[nextArrival].arrival)
      } else if batch.isEmpty, !waiting.isEmpty || !active.isEmpty {
        throw ReplayStall(seconds: time, waitingCount: waiting.count + active.count)
      }
    }
    report.seconds = time - start
  }

  private mutating func arrive() {
    while nextArrival < trace.entries.count, trace.entries[nextArrival].arrival <= time {
      let entry = trace.entries[nextArrival]
      let needed = (entry.promptTokenCount + entry.outputTokenCount + machine.blockSize - 1) / machine.blockSize
      if needed > machine.blockCount {
        report.refusedCount += 1
      } else {
        waiting.append(nextArrival, priority: entry.priority)
      }
      nextArrival += 1
    }
  }

  /// Makes a step; returns whether anything ran.
  private mutating func step() -> Bool {
    show()
    round.run(scheduler)
    for index in round.decision.paused { pause(index) }
    let activeCount = active.count
    var (promptCount, generationCount, cachedCount) = (0, 0, 0)
    batch.removeAll(keepingCapacity: true)
    // What processes nothing does not run; else a policy that plans that would never end.
    for planned in round.plan.entries where planned.tokenCount > 0 {
      var index = planned.requestIndex
      if index >= activeCount {
        guard let entry = waiting.start(at: index - activeCount) else { continue }
        active.append(Job(view: round.requests[index], entry: entry))
        index = active.count - 1
      }
      if !active[index].view.isRunning { start(index) }
      let count = min(planned.tokenCount, active[index].view.pendingTokenCount)
      batch.append(index)
      cachedCount += active[index].view.processedTokenCount
      if active[index].view.pendingTokenCount == 1 { generationCount += 1 } else { promptCount += count }
      process(index, count)
    }
    waiting.removeStarted()
    guard !batch.isEmpty else { return false }
    let cost = machine.cost
    let seconds =
      cost.secondsPerStep + Double(promptCount) * cost.secondsPerPromptToken
      + Double(generationCount) * cost.secondsPerGeneration + Double(cachedCount) * cost.secondsPerCachedToken
    time += seconds
    prefillBudget?.record(
      nanoseconds: UInt64(min(seconds, 1e9) * 1e9), prefillTokenCount: promptCount, generationCount: generationCount)
    report.stepCount += 1
    report.promptTokenCount += promptCount
    generate()
    return true
  }

  /// Shows the policies what there is.
  private mutating func show() {
    round.requests.removeAll(keepingCapacity: true)
    for index in active.indices {
      if !active[index].view.isRunning { look(&active[index].view, entry: active[index].entry) }
      round.requests.append(active[index].view)
    }
    for place in 0..<min(waiting.count, machine.limits.maximumRequestCount - active.count) {
      let index = waiting[place]
      let entry = trace.entries[index]
      var view = SchedulableRequest(
        id: RequestID(UInt64(index)), isRunning: false, priority: entry.priority,
        knownTokenCount: entry.promptTokenCount, processedTokenCount: 0,
        maximumTokenCount: entry.promptTokenCount + entry.outputTokenCount, allocatedBlockCount: 0,
        needsEveryLogitsRow: false)
      look(&view, entry: index)
      round.requests.append(view)
    }
    round.budget = CacheBudget(
      blockSize: machine.blockSize, totalBlockCount: machine.blockCount,
      freeBlockCount: machine.blockCount - ownBlockCount - prefixes.heldBlockCount)
    if let prefillBudget { round.limits.maximumPrefillTokenCount = prefillBudget.tokenCount }
  }

  /// What a request that does not run would find in the cache.
  private func look(_ view: inout SchedulableRequest, entry: Int) {
    let request = trace.entries[entry]
    guard let whole = prefixes.wholeBlocks(of: request) else { return }
    let state = prefixes.state(request.prefix)
    let found = min(state.blockCount, whole)
    view.processedTokenCount = min(found * machine.blockSize, view.knownTokenCount - 1)
    view.allocatedBlockCount = state.holderCount > 0 ? found : 0
    view.nextBlockKey = found < whole ? UInt64(request.prefix) : nil
    view.isNextBlockBeingComputed = found < whole && state.isBeingComputed
  }

  private mutating func start(_ index: Int) {
    let request = trace.entries[active[index].entry]
    active[index].view.isRunning = true
    var shared = 0
    if let whole = prefixes.wholeBlocks(of: request) {
      shared = prefixes.hold(request.prefix, upTo: whole)
      active[index].holdsPrefix = true
    }
    let found = min(shared * machine.blockSize, active[index].view.knownTokenCount - 1)
    active[index].view.processedTokenCount = found
    active[index].view.allocatedBlockCount = shared
    active[index].view.releasableBlockCount = 0
    report.cachedTokenCount += found
  }

  private mutating func process(_ index: Int, _ count: Int) {
    active[index].view.processedTokenCount += count
    let processed = active[index].view.processedTokenCount
    let missing = round.budget.blockCount(forTokens: processed) - active[index].view.allocatedBlockCount
    guard missing > 0 else { return }
    let request = trace.entries[active[index].entry]
    // What belongs to the shared beginning is everybody's once it is computed.
    if active[index].holdsPrefix, let whole = prefixes.wholeBlocks(of: request) {
      prefixes.grow(request.prefix, to: min(whole, processed / machine.blockSize))
    }
    let ownCount = ownCount(index, blocks: round.budget.blockCount(forTokens: processed))
    ownBlockCount += ownCount - active[index].view.releasableBlockCount
    active[index].view.releasableBlockCount = ownCount
    active[index].view.allocatedBlockCount = round.budget.blockCount(forTokens: processed)
    prefixes.makeRoom(total: machine.blockCount - ownBlockCount)
  }

  /// Of `blocks` blocks of a job those that are not part of a shared beginning.
  private func ownCount(_ index: Int, blocks: Int) -> Int {
    guard active[index].holdsPrefix, let whole = prefixes.wholeBlocks(of: trace.entries[active[index].entry]) else {
      return blocks
    }
    return max(0, blocks - whole)
  }

  /// Gives every request of the batch that caught up its next token, and ends those that have all.
  private mutating func generate() {
    var finishedCount = 0
    for index in batch where active[index].view.isRunning && active[index].view.pendingTokenCount == 0 {
      active[index].view.knownTokenCount += 1
      active[index].outputCount += 1
      report.outputTokenCount += 1
      let request = trace.entries[active[index].entry]
      if active[index].outputCount == 1 {
        report.timeToFirstToken.add(time - request.arrival)
      } else {
        report.interTokenLatency.add(time - active[index].lastTokenTime)
      }
      active[index].lastTokenTime = time
      if active[index].outputCount == request.outputTokenCount {
        release(index)
        finishedCount += 1
      }
    }
    guard finishedCount > 0 else { return }
    report.completedCount += finishedCount
    active.removeAll { [trace] in $0.outputCount == trace.entries[$0.entry].outputTokenCount }
  }

  private mutating func pause(_ index: Int) {
    guard active.indices.contains(index), active[index].view.isRunning else { return }
    release(index)
    active[index].view.isRunning = false
    report.pauseCount += 1
  }

  private mutating func release(_ index: Int) {
    ownBlockCount -= active[index].view.releasableBlockCount
    if active[index].holdsPrefix { prefixes.letGo(trace.entries[active[index].entry].prefix) }
    active[index].holdsPrefix = false
    active[index].view.processedTokenCount = 0
    active[index].view.allocatedBlockCount = 0
    active[index].view.releasableBlockCount = 0
  }
}
