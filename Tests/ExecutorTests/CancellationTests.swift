import Executor
import Requests
import TestKit
import Testing

@Suite struct CancellationTests {
  @Test func aThousandCancelledRequestsFreeAllBlocks() async throws {
    var script = FakeModelEngine.Script()
    // Nothing can end by itself before all have been submitted and a third have been cancelled by name.
    script.gate = FakeModelEngine.Gate(fromPass: 3)
    let executor = try Executor(
      engine: FakeModelEngine(maximumSequenceLength: 200, blockCount: 300, script: script),
      configuration: ExecutorConfiguration(maximumBatchSize: 32))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<1000 {
        let submission = try executor.submit(
          GenerationRequest(promptTokens: prompt(1 + index % 30, seed: UInt64(index))))
        if index % 3 == 2 { executor.cancel(submission.id) }
        group.addTask {
          // Some are never read, some are left after a few tokens, some are cancelled by name.
          switch index % 3 {
          case 0: return
          case 1:
            var count = 0
            for await _ in submission.outputs {
              count += 1
              if count == index % 7 { return }
            }
          default:
            #expect(await submission.outputs.collect().reason == .cancelled)
          }
        }
      }
      script.gate?.open()
      try await group.waitForAll()
    }
    let statistics = try await executor.wait { $0.activeRequestCount == 0 && $0.waitingRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0 && statistics.freeBlockCount == 300)
    #expect(statistics.cancelledRequestCount + statistics.lengthRequestCount == 1000)
    #expect(statistics.cancelledRequestCount >= 333)
    // Nothing is left behind: the executor still answers.
    let output = try await executor.run(GenerationRequest(promptTokens: [3, 1], params: SamplingParams(maxTokens: 9)))
    #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: [3, 1], count: 9))
  }

  @Test func aCancelledTaskCancelsItsRequest() async throws {
    var script = FakeModelEngine.Script()
    script.microsecondsPerPass = 200_000
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let task = Task { try await executor.run(GenerationRequest(promptTokens: [1])) }
    _ = try await executor.wait { $0.activeRequestCount == 1 }
    task.cancel()
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.cancelledRequestCount == 1 && statistics.usedBlockCount == 0)
  }

  @Test func cancellingWhatHasEndedIsHarmless() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let submission = try executor.submit(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 2)))
    _ = await submission.outputs.collect()
    executor.cancel(submission.id)
    executor.cancel(RequestID(12_345))
    #expect(
      try await executor.run(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 2))).reason
        == .length)
    await executor.shutdown()
    executor.cancel(submission.id)
  }

  @Test func aSlowReaderDoesNotBlockTheOthers() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    // Nobody reads the first stream until the second has ended.
    let slow = try executor.submit(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 300)))
    let fast = try await executor.run(GenerationRequest(promptTokens: [2], params: SamplingParams(maxTokens: 400)))
    #expect(fast.tokens.count == 400)
    #expect(await slow.outputs.collect().tokenIDs == FakeModelEngine.greedyContinuation(of: [1], count: 300))
  }
}
