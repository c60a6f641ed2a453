import Decoding
import Executor
import InflightTestKit
import ModelEngines
import Requests
import Resources
import Scheduling
import TestKit
import Testing

/// Many requests on too little memory, at the size at which a server runs.
@Suite struct TargetTests {
  static let policies: [any CapacityScheduler] = [
    GuaranteedNoEvictScheduler(), MaximumUtilizationScheduler(), StaticBatchScheduler(),
  ]

  private func requests() -> [GenerationRequest] {
    (0..<64).map { index in
      var generator = SeededGenerator(seed: UInt64(index))
      let shared = (0..<index % 3 * 20).map { TokenID($0 % 90) }
      let tokens = shared + (0..<generator.number(5...60)).map { _ in TokenID(generator.number(0...96)) }
      var params = SamplingParams(maxTokens: generator.number(10...60), seed: UInt64(index), logprobs: 1)
      if index % 3 == 1 { params.temperature = 1 }
      return GenerationRequest(promptTokens: tokens, params: params, priority: index % 2)
    }
  }

  private func answers(blockCount: Int, policy: any CapacityScheduler) async throws -> (
    [[TokenOutput]], ExecutorStatistics
  ) {
    let executor = try Executor(
      engine: FakeModelEngine(blockSize: 8, blockCount: blockCount), scheduler: Scheduler(capacity: policy))
    let submissions = try requests().map { try executor.submit($0) }
    var answers: [[TokenOutput]] = []
    for submission in submissions {
      var tokens: [TokenOutput] = []
      for await output in submission.outputs {
        if case .token(let token) = output { tokens.append(token) }
        if case .finished(let summary) = output { #expect(summary.reason == .length) }
      }
      answers.append(tokens)
    }
    await executor.shutdown()
    return (answers, executor.statistics())
  }

  /// A quarter of the blocks that all need: everybody ends, with the same answer.
  @Test(arguments: 0..<3)
  func aQuarterOfTheMemoryIsEnough(policy: Int) async throws {
    let needed = requests().reduce(0) { $0 + ($1.promptTokens.count + ($1.params.maxTokens ?? 0) + 7) / 8 }
    let (ample, _) = try await answers(blockCount: needed, policy: GuaranteedNoEvictScheduler())
    let (scarce, statistics) = try await answers(blockCount: needed / 4, policy: Self.policies[policy])
    #expect(ample == scarce)
    #expect(statistics.lengthRequestCount == 64 && statistics.usedBlockCount == 0)
    #expect(policy == 1 || statistics.pauseCount == 0)
  }

  /// A thousand requests, all cancelled sooner or later: every block is free, and the tree is whole.
  @Test(arguments: 0..<3)
  func aThousandCancellationsLeaveNothing(policy: Int) throws {
    var generator = SeededGenerator(seed: 9)
    let engine = FakeModelEngine(blockSize: 4, blockCount: 120)
    let cache = KVCacheManager(
      KVCacheManager.Configuration(blockSize: 4, blockCount: 120, slotCount: 16), store: engine,
      tier: HostCacheTier(blockCount: 50))
    let mailbox = Mailbox(maximumQueuedRequests: 2000)
    let statistics = StatisticsBox()
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(capacity: Self.policies[policy]),
      resources: ResourceManager(cache: cache),
      limits: BatchLimits(maximumTokenCount: 128, maximumRequestCount: 16, maximumLogitsRowCount: 64, blockSize: 4),
      mailbox: mailbox, statistics: statistics)
    var (submitted, cancelled) = (0, 0)
    while cancelled < 1000 || loop.hasRequests {
      for _ in 0..<generator.number(0...6) where submitted < 1000 {
        let shared = (0..<generator.number(0...30)).map { TokenID($0) }
        let input = GenerationRequest(
          promptTokens: shared + [TokenID(generator.number(0...96))], params: SamplingParams(maxTokens: 40))
        try mailbox.submit(
          Request(
            id: RequestID(UInt64(submitted)), input: input, seed: 0,
            maximumTokenCount: input.promptTokens.count + 40, outputs: OutputQueue()))
        submitted += 1
      }
      for _ in 0..<generator.number(0...6) where cancelled < submitted {
        mailbox.cancel(RequestID(UInt64(cancelled)))
        cancelled += 1
      }
      loop.step()
      try cache.checkIntegrity()
    }
    let now = statistics.snapshot()
    #expect(now.cancelledRequestCount + now.lengthRequestCount == 1000 && now.cancelledRequestCount > 500)
    #expect(cache.capacity == ResourceCapacity(total: 120, free: 120))
    #expect(cache.statistics.usedBlockCount == 0 && cache.statistics.foundTokenCount > 0)
  }
}
