import Executor
import Requests
import TestKit
import Testing

/// What those see who watch an executor.
@Suite struct BatchBoardTests {
  @Test func everyStepIsShownInItsOrder() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    executor.board.addWatcher()
    let first = executor.statistics().stepCount
    let request = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 20))
    for await _ in try executor.submit(request).outputs {}
    await executor.shutdown()
    let steps = executor.board.steps(from: first)
    #expect(steps.map(\.statistics.index) == Array(first..<first + 20))
    #expect(steps.allSatisfy { $0.entries.count == 1 && $0.statistics.batchRequestCount == 1 })
    #expect(steps.map { $0.entries[0].generatedTokenCount } == Array(1...20))
    #expect(steps.map { $0.entries[0].isContext } == [true] + Array(repeating: false, count: 19))
    #expect(executor.board.steps(from: first + 15).count == 5)
  }

  /// The batch of the step before names places of requests that are gone by the time the next one is cancelled.
  @Test func requestsThatEndAndAreCancelledInTurnAreShown() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    executor.board.addWatcher()
    for round in 1...300 {
      let ending = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 2 + round % 3))
      let staying = GenerationRequest(promptTokens: [3], params: SamplingParams(maxTokens: 60))
      let first = try executor.submit(ending)
      let second = try executor.submit(staying)
      #expect(await first.outputs.collect().tokens.count == 2 + round % 3)
      executor.cancel(second.id)
      let reason = await second.outputs.collect().reason
      #expect(reason == .cancelled || reason == .length)
    }
    await executor.shutdown()
    #expect(executor.board.steps(from: 0).allSatisfy { $0.entries.count == $0.statistics.batchRequestCount })
  }

  @Test func onlyTheLastStepsAreKeptAndNoneWhenNobodyWatches() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: BatchBoard.capacity + 30))
    for await _ in try executor.submit(request).outputs {}
    #expect(executor.board.steps(from: 0).isEmpty)
    executor.board.addWatcher()
    for await _ in try executor.submit(request).outputs {}
    executor.board.removeWatcher()
    await executor.shutdown()
    let steps = executor.board.steps(from: 0)
    #expect(steps.count == BatchBoard.capacity)
    #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.statistics.index + 1 == $1.statistics.index })
  }
}
