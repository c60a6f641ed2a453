import Executor
import Requests
import TestKit
import Testing

@Suite struct ExecutorTests {
  @Test func greedyTokensAreTheModels() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let tokens = prompt(11, seed: 1)
    let output = try await executor.run(
      GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 20)))
    #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: tokens, count: 20))
    #expect(output.reason == .length)
    #expect(output.summary?.promptTokenCount == 11)
    #expect(output.summary?.completionTokenCount == 20)
    await executor.shutdown()
  }
}
