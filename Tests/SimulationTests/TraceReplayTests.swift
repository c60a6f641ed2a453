import Foundation
import Scheduling
import Simulation
import Testing

@Suite struct TraceReplayTests {
  static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
  private let cost = StepCost(secondsPerStep: 0.01, secondsPerPromptToken: 0.0001, secondsPerGeneration: 0.0002)

  private func machine(blocks: Int = 1000, size: Int = 8) -> SimulatedMachine {
    SimulatedMachine(cost: cost, blockSize: 16, blockCount: blocks, maximumBatchTokens: 512, maximumBatchSize: size)
  }

  private func trace(_ count: Int, seed: UInt64, rate: Double, prefixes: Int = 0) throws -> RequestTrace {
    var state = seed
    func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) / Double(1 << 53)
    }
    var arrival = 0.0
    return try RequestTrace(
      (0..<count).map { _ in
        arrival -= log(1 - next()) / rate
        let prefix = prefixes > 0 && next() < 0.7 ? 1 + Int(next() * Double(prefixes)) : 0
        let own = 1 + Int(next() * 200)
        return RequestTrace.Entry(
          arrival: arrival, promptTokenCount: own + (prefix > 0 ? 320 : 0), outputTokenCount: 1 + Int(next() * 120),
          prefix: prefix, prefixTokenCount: prefix > 0 ? 320 : 0, priority: next() < 0.1 ? 1 : 0)
      })
  }

  /// A policy that plans nothing for somebody, for ever.
  @Test func plansOfNothingAreAStall() throws {
    struct Idler: MicroBatchScheduler {
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        for index in fitting { plan.entries.append(MicroBatchPlan.Entry(requestIndex: index, tokenCount: -index)) }
      }
    }
    let replay = TraceReplay(
      scheduler: Scheduler(microBatch: Idler()),
      machine: SimulatedMachine(
        cost: StepCost(secondsPerStep: 1, secondsPerPromptToken: 0, secondsPerGeneration: 0), blockSize: 16,
        blockCount: 100))
    let trace = try RequestTrace([RequestTrace.Entry(arrival: 0, promptTokenCount: 5, outputTokenCount: 5)])
    #expect(throws: ReplayStall.self) { try replay.run(trace) }
  }

  @Test func oneRequestTakesWhatItsStepsTake() throws {
    let trace = try RequestTrace([.init(arrival: 3, promptTokenCount: 100, outputTokenCount: 5)])
    let report = try TraceReplay(scheduler: Scheduler(), machine: machine()).run(trace)
    // A step for the prompt, four for one token each.
    #expect(report.stepCount == 5 && report.outputTokenCount == 5 && report.completedCount == 1)
    #expect(abs(report.seconds - (0.01 + 0.01 + 4 * 0.0102)) < 1e-9)
    #expect(abs(report.timeToFirstToken.percentile(0.5) - 0.02) < 0.0003)
    #expect(abs(report.interTokenLatency.percentile(0.9) - 0.0102) < 0.0002)
  }

  @Test func sharedBeginningsAreComputedOnce() throws {
    let entries = (0..<10).map {
      RequestTrace.Entry(
        arrival: Double($0) * 0.001, promptTokenCount: 330, outputTokenCount: 5, prefix: 1, prefixTokenCount: 320)
    }
    let report = try TraceReplay(scheduler: Scheduler(), machine: machine(size: 16)).run(RequestTrace(entries))
    #expect(report.cachedTokenCount == 9 * 320 && report.promptTokenCount == 320 + 10 * 10)
  }

  @Test(arguments: 0..<3)
  func everybodyEndsOnLittleMemory(policy: Int) throws {
    let policies: [any CapacityScheduler] = [
      GuaranteedNoEvictScheduler(), MaximumUtilizationScheduler(), StaticBatchScheduler(),
    ]
    for seed in 0..<20 {
      let trace = try trace(200, seed: UInt64(seed), rate: 30, prefixes: seed % 2 * 5)
      let report = try TraceReplay(
        scheduler: Scheduler(capacity: policies[policy]), machine: machine(blocks: 60)
      ).run(trace)
      #expect(report.completedCount == 200 && report.refusedCount == 0)
      #expect(report.outputTokenCount == trace.entries.reduce(0) { $0 + $1.outputTokenCount })
      #expect(report.timeToFirstToken.count == 200)
      #expect(policy == 1 || report.pauseCount == 0)
    }
  }

  @Test func inFlightBatchingBeatsStaticBatches() throws {
    let trace = try trace(400, seed: 1, rate: 50)
    let inFlight = try TraceReplay(scheduler: Scheduler(), machine: machine()).run(trace)
    let fixed = try TraceReplay(scheduler: Scheduler(capacity: StaticBatchScheduler()), machine: machine()).run(trace)
    #expect(inFlight.outputTokensPerSecond > 1.2 * fixed.outputTokensPerSecond)
  }

  @Test func aTargetKeepsTheLatencyLow() throws {
    let trace = try trace(300, seed: 2, rate: 8, prefixes: 0)
    var target = machine(size: 32)
    target.targetInterTokenLatency = 0.02
    let free = try TraceReplay(scheduler: Scheduler(), machine: machine(size: 32)).run(trace)
    let kept = try TraceReplay(scheduler: Scheduler(), machine: target).run(trace)
    #expect(kept.interTokenLatency.percentile(0.99) < 0.0225)
    #expect(free.interTokenLatency.percentile(0.99) > 0.024)
  }

  @Test func whatCanNeverRunIsRefusedAndAStallIsSaid() throws {
    struct Nobody: CapacityScheduler {
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {}
    }
    let large = try RequestTrace([.init(arrival: 0, promptTokenCount: 900, outputTokenCount: 200)])
    #expect(try TraceReplay(scheduler: Scheduler(), machine: machine(blocks: 60)).run(large).refusedCount == 1)
    #expect(throws: ReplayStall.self) {
      try TraceReplay(scheduler: Scheduler(capacity: Nobody()), machine: machine()).run(large)
    }
  }

  /// A million requests in a minute; a hundredth of them by default.
  @Test func manyRequestsAreQuick() throws {
    let count = Self.isLong ? 1_000_000 : 10_000
    let trace = try trace(count, seed: 3, rate: 900, prefixes: 50)
    let large = SimulatedMachine(
      cost: StepCost(secondsPerStep: 0.008, secondsPerPromptToken: 0.000005, secondsPerGeneration: 0.00002),
      blockSize: 32, blockCount: 4000)
    let clock = ContinuousClock()
    let start = clock.now
    let report = try TraceReplay(scheduler: Scheduler(), machine: large).run(trace)
    let seconds = (clock.now - start) / .seconds(1)
    print(
      "\(count) requests, \(report.stepCount) steps replayed in \(seconds) s: \(report.outputTokensPerSecond) tokens/s, "
        + "TTFT p99 \(report.timeToFirstToken.percentile(0.99)) s, ITL p99 \(report.interTokenLatency.percentile(0.99)) s"
    )
    #expect(report.completedCount == count)
  }

  @Test func percentilesAreRightToAPercent() {
    var histogram = LatencyHistogram()
    for number in 1...1000 { histogram.add(Double(number) / 1000) }
    #expect(abs(histogram.percentile(0.5) - 0.5) < 0.006)
    #expect(abs(histogram.percentile(0.99) - 0.99) < 0.012)
    #expect(LatencyHistogram().percentile(0.5) == 0)
    histogram.add(.infinity)
    histogram.add(-1)
  }
}

@Suite struct RequestTraceTests {
  @Test func linesAreRead() throws {
    let trace = try RequestTrace(csv: "# a comment\n2.5, 10, 20\r\n\n0,100,5,3,64,1\n1,7,8,0,0\n")
    #expect(
      trace.entries == [
        .init(arrival: 0, promptTokenCount: 100, outputTokenCount: 5, prefix: 3, prefixTokenCount: 64, priority: 1),
        .init(arrival: 1, promptTokenCount: 7, outputTokenCount: 8),
        .init(arrival: 2.5, promptTokenCount: 10, outputTokenCount: 20),
      ])
  }

  @Test(arguments: [
    "1,2", "x,1,1", "1,1,1,1", "nan,1,1", "-1,1,1", "inf,1,1", "1,0,1", "1,1,0", "1,5,1,1,6", "1,1,1,-1,0", "1,1.5,1",
    "1,99999999999,1", "1,99999999999999999999999,1", "1,1,1,1,1,1,1",
  ])
  func wrongLinesAreNamed(line: String) {
    do {
      _ = try RequestTrace(csv: "0,1,1\n" + line)
      Issue.record("\(line) was read")
    } catch {
      #expect(error.line == 2)
    }
  }

  @Test func anyBytesAreReadOrRefused() {
    var state: UInt64 = 1
    let alphabet = Array("0123456789.,,,,\n\n-e#x ".utf8)
    for _ in 0..<2000 {
      let bytes = (0..<40).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return alphabet[Int(state >> 33) % alphabet.count]
      }
      _ = try? RequestTrace(csv: String(decoding: bytes, as: UTF8.self))
    }
  }
}
