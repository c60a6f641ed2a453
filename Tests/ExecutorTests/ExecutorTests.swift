import Decoding
import Executor
import Requests
import Resources
import Scheduling
import Synchronization
import TestKit
import Testing

@Suite struct ExecutorTests {
  @Test func greedyTokensAreTheModels() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let tokens = prompt(11, seed: 1)
    let output = try await executor.run(
      GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 20, seed: 4)))
    #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: tokens, count: 20))
    #expect(
      output.summary
        == RequestSummary(
          reason: .length, promptTokenCount: 11, completionTokenCount: 20, cachedTokenCount: 0, seed: 4))
    #expect(output.tokens.allSatisfy { $0.logprob == nil && $0.top.isEmpty })
    await executor.shutdown()
    #expect(executor.statistics().lengthRequestCount == 1)
    #expect(executor.statistics().usedBlockCount == 0)
  }

  @Test func aRequestThatEndsOnLengthIsNotScheduledAgain() async throws {
    let engine = FakeModelEngine()
    let log = engine.log
    let executor = try Executor(engine: engine)
    _ = try await executor.run(GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 5)))
    await executor.shutdown()
    #expect(log.passes.map(\.tokenCount) == [3, 1, 1, 1, 1])
  }

  @Test func withoutMaxTokensTheSequenceLimitEnds() async throws {
    let executor = try Executor(engine: FakeModelEngine(maximumSequenceLength: 30))
    let output = try await executor.run(GenerationRequest(promptTokens: [1, 2, 3]))
    #expect(output.tokens.count == 27)
    #expect(output.reason == .length)
    // A cache that is smaller than the sequence limit is the limit.
    let small = try Executor(engine: FakeModelEngine(maximumSequenceLength: 30, blockSize: 4, blockCount: 5))
    #expect(try await small.run(GenerationRequest(promptTokens: [1, 2, 3])).tokens.count == 17)
  }

  @Test func stopTokensEndAndAreReported() async throws {
    var script = FakeModelEngine.Script()
    script.wantedToken = { $0.count == 8 ? 50 : $0.count == 11 ? 60 : nil }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    func run(_ params: SamplingParams) async throws -> Collected {
      try await executor.run(
        GenerationRequest(promptTokens: [9, 9, 9, 9, 9], params: params, endOfSequenceTokenIDs: [50]))
    }
    let ended = try await run(SamplingParams(maxTokens: 20))
    #expect(ended.reason == .endOfSequence(50))
    #expect(ended.tokens.count == 4 && ended.tokenIDs.last == 50)
    let stopped = try await run(SamplingParams(maxTokens: 20, stopTokenIDs: [60], ignoreEndOfSequence: true))
    #expect(stopped.reason == .stopToken(60))
    #expect(stopped.tokens.count == 7 && stopped.tokenIDs[3] == 50)
    let ignored = try await run(SamplingParams(maxTokens: 20, ignoreEndOfSequence: true))
    #expect(ignored.reason == .length)
    // A stop token that is also the last token counts as a stop.
    #expect(try await run(SamplingParams(maxTokens: 4)).reason == .endOfSequence(50))
    #expect(ended.reason?.name == "stop" && ignored.reason?.name == "length")
  }

  @Test func unseededRequestsReportASeedThatReproducesThem() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    var request = GenerationRequest(
      promptTokens: [5, 6, 7], params: SamplingParams(maxTokens: 30, temperature: 1.5, logprobs: 0))
    let submission = try executor.submit(request)
    let first = await submission.outputs.collect()
    #expect(first.summary?.seed == submission.seed)
    request.params.seed = submission.seed
    #expect(try await executor.run(request).uncached == first)
    request.params.seed = submission.seed &+ 1
    #expect(try await executor.run(request).tokens != first.tokens)
  }

  @Test func higherPrioritiesEnterFirst() async throws {
    let order = OrderLog()
    var script = FakeModelEngine.Script()
    script.gate = FakeModelEngine.Gate(fromPass: 0)
    script.wantedToken = { history in
      if history.count == 1 { order.append(history[0]) }
      return nil
    }
    let engine = FakeModelEngine(script: script)
    let log = engine.log
    let executor = try Executor(engine: engine, configuration: ExecutorConfiguration(maximumBatchSize: 1))
    // The first occupies the only place while the others arrive.
    var submissions = [
      try executor.submit(GenerationRequest(promptTokens: [90], params: SamplingParams(maxTokens: 4)))
    ]
    try await waitUntil { log.passes.count == 1 }
    for (place, priority) in [0, 5, 0, 9, 5].enumerated() {
      submissions.append(
        try executor.submit(
          GenerationRequest(
            promptTokens: [TokenID(place)], params: SamplingParams(maxTokens: 2), priority: priority)))
    }
    script.gate?.open()
    for submission in submissions { _ = await submission.outputs.collect() }
    #expect(order.entries == [90, 3, 1, 4, 0, 2])
  }

  @Test func statisticsAddUp() async throws {
    let steps = StepLog()
    let executor = try Executor(
      engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumChunkSize: 8),
      onStep: { steps.append($0) })
    _ = try await executor.run(
      GenerationRequest(promptTokens: prompt(20, seed: 2), params: SamplingParams(maxTokens: 4)))
    await executor.shutdown()
    let statistics = executor.statistics()
    #expect(steps.all.map(\.batchTokenCount) == [8, 8, 4, 1, 1, 1])
    #expect(steps.all.map(\.generatedTokenCount) == [0, 0, 1, 1, 1, 1])
    #expect(steps.all.map(\.index) == Array(0..<6))
    #expect(steps.all.map(\.usedBlockCount) == [2, 4, 5, 6, 6, 0])
    #expect(statistics.stepCount == 6 && statistics.generatedTokenCount == 4 && statistics.processedTokenCount == 23)
    #expect(statistics.lastStep == steps.all.last)
    #expect(statistics.secondsSinceProgress == 0 || statistics.activeRequestCount == 0)
    #expect(steps.all.allSatisfy { $0.forwardNanoseconds > 0 && $0.overheadNanoseconds > 0 })
  }

  @Test func waitingIsExplained() async throws {
    let engine = FakeModelEngine(blockSize: 4, blockCount: 10)
    let mailbox = Mailbox(maximumQueuedRequests: 10)
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(),
      resources: ResourceManager(cache: KVCacheManager(blockSize: 4, blockCount: 10, slotCount: 3)),
      limits: BatchLimits(maximumTokenCount: 16, maximumRequestCount: 3, maximumLogitsRowCount: 8, blockSize: 4),
      mailbox: mailbox, statistics: StatisticsBox())
    for id in 0..<4 {
      try mailbox.submit(
        Request(
          id: RequestID(UInt64(id)), input: GenerationRequest(promptTokens: [1]), seed: 0, maximumTokenCount: 40,
          outputs: OutputQueue()))
    }
    loop.step()
    let explanations = await withCheckedContinuation { caller in
      mailbox.inquire(caller)
      loop.step()
    }
    // Request 0 holds one block of ten. Two more are shown to the policy, the last one is not.
    #expect(
      explanations == [
        SchedulingExplanation(id: RequestID(1), cause: .blocks(needed: 10, free: 9, reserved: 9)),
        SchedulingExplanation(id: RequestID(2), cause: .headOfLine(behind: RequestID(1))),
        SchedulingExplanation(id: RequestID(3), cause: .headOfLine(behind: RequestID(2))),
      ])
  }

  @Test func nobodyWaitsInAnIdleOrEndedExecutor() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    #expect(await executor.explainWaiting() == [])
    await executor.shutdown()
    #expect(await executor.explainWaiting() == [])
  }
}

/// The order in which things happened.
final class OrderLog: Sendable {
  private let log = Mutex<[TokenID]>([])
  var entries: [TokenID] { log.withLock { $0 } }
  func append(_ entry: TokenID) { log.withLock { $0.append(entry) } }
}
