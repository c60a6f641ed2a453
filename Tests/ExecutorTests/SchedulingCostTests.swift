import Executor
import Foundation
import Requests
import Resources
import Scheduling
import Testing

/// What scheduling and the cache cost with 256 running requests that come and go, without an engine.
@Suite(.serialized) struct SchedulingCostTests {
  static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"

  /// One step: views, both policies, blocks, and the tree. Prints microseconds; the limit allows for a busy machine.
  @Test(arguments: [false, true])
  func aStepOf256RequestsIsQuick(isPausing: Bool) throws {
    let stepCount = Self.isLong ? 100_000 : 3000
    let scheduler =
      isPausing ? Scheduler(capacity: MaximumUtilizationScheduler()) : Scheduler()
    var machine = Machine(blockCount: 256 * 14)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<300 { try machine.step(scheduler, &generator) }
    machine.nanoseconds = []
    for _ in 0..<stepCount { try machine.step(scheduler, &generator) }
    try machine.cache.checkIntegrity()
    let times = machine.nanoseconds.sorted()
    let mean = Double(times.reduce(0, +)) / Double(times.count) / 1000
    print(
      "\(stepCount) steps, 256 requests, \(isPausing ? "pausing" : "not pausing"): mean \(mean) µs, median "
        + "\(Double(times[times.count / 2]) / 1000), 99 % \(Double(times[times.count * 99 / 100]) / 1000), "
        + "\(machine.finishedCount) requests, hit rate \(machine.cache.statistics.hitRate)")
    // Half a dozen times what it takes on a quiet machine.
    #expect(times[times.count / 2] < 300_000)
    #expect(machine.finishedCount > stepCount / 4)
  }

  /// Requests in slots, without anything else.
  private struct Machine {
    struct Job {
      var id: UInt64
      var tokens: [TokenID]
      var processed = 0
      var maximum: Int
      var slot: Int?
      var sequence: CacheSequence?
    }

    // Copies of a job cost more than the step: everything below takes parts of it by index.
    let cache: KVCacheManager
    var round = SchedulingRound()
    var running: [Job] = []
    var waiting: [Job] = []
    var freeSlots = Array(0..<256)
    var nextID: UInt64 = 0
    var nanoseconds: [UInt64] = []
    var finishedCount = 0
    var items: [(index: Int, request: ResourceRequest)] = []
    var slots: [Int] = []
    var holdings: [BlockHoldings] = []

    init(blockCount: Int) {
      cache = KVCacheManager(blockSize: 32, blockCount: blockCount, slotCount: 256)
      round.limits = BatchLimits(
        maximumTokenCount: 8192, maximumRequestCount: 256, maximumLogitsRowCount: 256, blockSize: 32)
    }

    private mutating func job(_ generator: inout SeededGenerator) -> Job {
      nextID += 1
      // Prompts of some hundred tokens, half of which share a beginning.
      let shared = Int.random(in: 0...1, using: &generator) * 96
      var tokens = (0..<shared).map { TokenID($0) }
      tokens.reserveCapacity(1000)
      for _ in 0..<Int.random(in: 20...250, using: &generator) {
        tokens.append(TokenID.random(in: 0..<900, using: &generator))
      }
      return Job(id: nextID, tokens: tokens, maximum: tokens.count + Int.random(in: 40...240, using: &generator))
    }

    mutating func step(_ scheduler: Scheduler, _ generator: inout SeededGenerator) throws {
      while waiting.count < 16 { waiting.append(job(&generator)) }
      let start = DispatchTime.now().uptimeNanoseconds
      round.requests.removeAll(keepingCapacity: true)
      slots.removeAll(keepingCapacity: true)
      holdings.removeAll(keepingCapacity: true)
      for index in running.indices { if let slot = running[index].slot { slots.append(slot) } }
      cache.holdings(forSlots: slots, into: &holdings)
      var heldCount = 0
      for index in running.indices {
        if running[index].slot == nil {
          round.requests.append(Self.waitingView(&running[index], cache))
        } else {
          round.requests.append(Self.runningView(&running[index], holdings[heldCount]))
          heldCount += 1
        }
      }
      for index in 0..<min(waiting.count, 256 - running.count) {
        round.requests.append(Self.waitingView(&waiting[index], cache))
      }
      round.budget = cache.budget
      round.run(scheduler)
      items.removeAll(keepingCapacity: true)
      let runningCount = running.count
      for index in round.decision.paused {
        guard let slot = running[index].slot else { continue }
        cache.freeResources(for: Self.resource(running[index], slot, 0))
        freeSlots.append(slot)
        running[index].slot = nil
        running[index].processed = 0
      }
      var startedCount = 0
      for entry in round.plan.entries {
        var index = entry.requestIndex
        if index >= runningCount {
          running.append(waiting[index - runningCount])
          waiting[index - runningCount].id = 0
          startedCount += 1
          index = running.count - 1
        }
        var count = entry.tokenCount
        if running[index].slot == nil, let slot = freeSlots.popLast() {
          let sequence = running[index].sequence.take() ?? CacheSequence(tokens: running[index].tokens)
          running[index].processed = cache.beginSequence(
            slot: slot, sequence: sequence, maximumReuse: running[index].tokens.count - 1)
          running[index].slot = slot
          count = min(count, running[index].tokens.count - running[index].processed)
        }
        guard let slot = running[index].slot else { continue }
        let request = Self.resource(running[index], slot, count)
        try cache.prepareResources(for: request)
        items.append((index, request))
      }
      if startedCount > 0 { waiting.removeAll { $0.id == 0 } }
      for (index, request) in items {
        let end = request.processedTokenCount + request.tokenCount
        let filled = request.filledBlocks(ofSize: cache.blockSize)
        if !filled.isEmpty { cache.extendSequence(slot: request.slot, by: running[index].tokens[filled]) }
        cache.updateResources(for: request)
        running[index].processed = end
        if end == running[index].tokens.count { running[index].tokens.append(TokenID(end % 900)) }
      }
      for index in running.indices.reversed() where running[index].tokens.count >= running[index].maximum {
        if let slot = running[index].slot {
          cache.freeResources(for: Self.resource(running[index], slot, 0))
          freeSlots.append(slot)
        }
        running.remove(at: index)
        finishedCount += 1
      }
      nanoseconds.append(DispatchTime.now().uptimeNanoseconds - start)
    }

    @inline(__always)
    private static func runningView(_ job: inout Job, _ holdings: BlockHoldings) -> SchedulableRequest {
      SchedulableRequest(
        id: RequestID(job.id), isRunning: true, knownTokenCount: job.tokens.count, processedTokenCount: job.processed,
        maximumTokenCount: job.maximum, allocatedBlockCount: holdings.heldCount,
        releasableBlockCount: holdings.releasableCount, needsEveryLogitsRow: false)
    }

    @inline(__always)
    private static func waitingView(_ job: inout Job, _ cache: KVCacheManager) -> SchedulableRequest {
      var sequence = job.sequence.take() ?? CacheSequence(tokens: job.tokens)
      let prefix = cache.cachedPrefix(of: &sequence, maximumReuse: job.tokens.count - 1)
      job.sequence = sequence
      return SchedulableRequest(
        id: RequestID(job.id), isRunning: false, knownTokenCount: job.tokens.count,
        processedTokenCount: prefix.tokenCount,
        maximumTokenCount: job.maximum, allocatedBlockCount: prefix.heldBlockCount, needsEveryLogitsRow: false,
        nextBlockKey: prefix.nextBlockKey, isNextBlockBeingComputed: prefix.isNextBlockBeingComputed)
    }

    @inline(__always)
    private static func resource(_ job: borrowing Job, _ slot: Int, _ count: Int) -> ResourceRequest {
      ResourceRequest(
        id: RequestID(job.id), slot: slot, processedTokenCount: job.processed, tokenCount: count,
        maximumTokenCount: job.maximum)
    }
  }
}
