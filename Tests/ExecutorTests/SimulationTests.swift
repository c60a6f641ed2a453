import Decoding
import Executor
import Foundation
import ModelEngines
import Requests
import Resources
import Scheduling
import TestKit
import Testing

/// Random scenarios, step by step on one thread: arrivals, lengths, cancellations, tiny pools, failing passes, pauses.
/// After every step the books are checked; at the end every request's tokens are those of a run alone.
@Suite struct SimulationTests {
  /// One hundred scenarios by default, thousands with INFLIGHT_LONG_TESTS=1.
  static let scenarioCount = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1" ? 5000 : 100

  private struct Client {
    var request: GenerationRequest
    var outputs: RequestOutputs
    var wasCancelled = false
  }

  @Test func randomScenariosKeepTheContracts() async throws {
    for seed in 0..<UInt64(Self.scenarioCount) { try await run(seed: seed) }
  }

  private func run(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    var script = FakeModelEngine.Script()
    if random(0...2) == 0 { script.failingPasses = [random(0...40), random(0...80)] }
    let engine = FakeModelEngine(
      maximumBatchTokens: random(8...64), maximumLogitsRows: random(4...24), blockSize: random(1...8),
      blockCount: random(20...60), script: script)
    let limits = BatchLimits(
      maximumTokenCount: engine.limits.maximumBatchTokens,
      maximumRequestCount: min(random(1...12), engine.limits.maximumLogitsRows, engine.limits.maximumBatchTokens),
      maximumLogitsRowCount: engine.limits.maximumLogitsRows, blockSize: engine.cacheGeometry.blockSize)
    let cache = KVCacheManager(
      blockSize: limits.blockSize, blockCount: engine.cacheGeometry.blockCount, slotCount: limits.maximumRequestCount)
    let mailbox = Mailbox(maximumQueuedRequests: 1000)
    let statistics = StatisticsBox()
    let isPausing = random(0...3) == 0
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(),
      scheduler: Scheduler(
        capacity: isPausing ? PausingScheduler(seed: seed) : GuaranteedNoEvictScheduler(),
        microBatch: FirstComeFirstServedMicroBatchScheduler(
          maximumChunkSize: random(0...1) == 0 ? nil : random(1...20))),
      resources: ResourceManager(cache: cache), limits: limits, mailbox: mailbox, statistics: statistics)

    var clients: [Client] = []
    let clientCount = random(1...25)
    var stepCount = 0
    while clients.count < clientCount || loop.hasRequests {
      if clients.count < clientCount, random(0...2) == 0 {
        let longest = cache.blockSize * engine.cacheGeometry.blockCount
        let promptCount = random(1...min(60, longest - 1))
        var params = SamplingParams(maxTokens: random(1...min(30, longest - promptCount)), seed: seed, logprobs: 1)
        if random(0...1) == 0 { params.temperature = 1 }
        if random(0...4) == 0 { params.promptLogprobs = 1 }
        let request = GenerationRequest(
          promptTokens: prompt(promptCount, seed: seed &* 1000 &+ UInt64(clients.count)), params: params,
          priority: random(0...2))
        let queue = OutputQueue()
        try mailbox.submit(
          Request(
            id: RequestID(UInt64(clients.count)), input: request, seed: seed,
            maximumTokenCount: promptCount + (params.maxTokens ?? 0), outputs: queue))
        clients.append(Client(request: request, outputs: RequestOutputs(queue)))
      }
      if !clients.isEmpty, random(0...30) == 0 {
        let victim = random(0...clients.count - 1)
        clients[victim].wasCancelled = true
        mailbox.cancel(RequestID(UInt64(victim)))
      }
      loop.step()
      stepCount += 1
      try cache.checkIntegrity()
      let now = statistics.snapshot()
      #expect(now.activeRequestCount <= limits.maximumRequestCount)
      #expect(isPausing || now.pauseCount == 0)
      if !loop.hasRequests { #expect(cache.capacity.free == cache.capacity.total) }
      try #require(stepCount < 20_000, "scenario \(seed) does not end")
    }
    for pass in engine.log.passes {
      #expect(pass.tokenCount <= limits.maximumTokenCount && pass.runCount <= limits.maximumRequestCount)
      #expect(pass.logitsRowCount <= limits.maximumLogitsRowCount)
    }
    let mayFail = !script.failingPasses.isEmpty
    for (index, client) in clients.enumerated() {
      let output = await client.outputs.collect()
      let alone = try await alone(client.request, seed: seed)
      switch output.reason {
      case .length: #expect(output.uncached == alone.uncached, "request \(index) of scenario \(seed)")
      case .cancelled: #expect(client.wasCancelled)
      case .failed(.engine): #expect(mayFail)
      default: Issue.record("request \(index) of scenario \(seed) ended as \(String(describing: output.reason))")
      }
      #expect(alone.tokens.starts(with: output.tokens))
      #expect(alone.prompt.starts(with: output.prompt))
    }
  }

  /// The request alone, in one chunk if its rows allow, in a cache of large blocks.
  private func alone(_ request: GenerationRequest, seed: UInt64) async throws -> Collected {
    let executor = try Executor(engine: FakeModelEngine(blockSize: 128, blockCount: 4))
    let output = try await executor.run(request)
    await executor.shutdown()
    return output
  }
}
