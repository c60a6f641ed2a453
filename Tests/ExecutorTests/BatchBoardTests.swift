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
