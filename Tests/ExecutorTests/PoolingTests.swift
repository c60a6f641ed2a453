import Executor
import Requests
import Resources
import TestKit
import Testing

@Suite struct PoolingTests {
  /// The fake's hidden state after `history`.
  private func state(after history: ArraySlice<TokenID>) -> [Float] {
    FakeModelEngine.logits(after: Array(history), vocabularySize: 8)
  }

  private func request(_ tokens: [TokenID], _ pooling: Pooling) -> GenerationRequest {
    var request = GenerationRequest(promptTokens: tokens)
    request.pooling = pooling
    return request
  }

  @Test(arguments: [nil, 1, 3, 8] as [Int?])
  func theyAreTheLastStateAndTheMeanInAnyChunks(chunk: Int?) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(hiddenSize: 8), configuration: ExecutorConfiguration(maximumChunkSize: chunk))
    let tokens = prompt(21, seed: 4)
    // The second time round the cache has the prompt.
    for _ in 0..<2 {
      let last = try await executor.run(request(tokens, .last))
      #expect(last.embedding == state(after: tokens[...]))
      #expect(last.tokens.isEmpty && last.summary?.promptTokenCount == 21 && last.summary?.completionTokenCount == 0)
      let mean = try await executor.run(request(tokens, .mean))
      let states = tokens.indices.map { state(after: tokens[...$0]) }
      let expected = (0..<8).map { column in Float(states.reduce(0.0) { $0 + Double($1[column]) } / 21) }
      #expect(mean.embedding == expected)
    }
    await executor.shutdown()
  }

  @Test func theyRunAmongAnswersAndHoldNothingAfterwards() async throws {
    let executor = try Executor(engine: FakeModelEngine(hiddenSize: 8))
    let tokens = prompt(30, seed: 5)
    let answer = try executor.submit(GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 20)))
    let point = try await executor.run(request(tokens, .last))
    #expect(point.embedding == state(after: tokens[...]))
    #expect(await answer.outputs.collect().tokens.count == 20)
    #expect(executor.statistics().usedBlockCount == 0)
    #expect(await executor.blockUses().allSatisfy { $0 == .free || $0 == .cached })
    await executor.shutdown()
    #expect(await executor.blockUses().isEmpty)
  }

  @Test func whatCannotBeIsRefused() async throws {
    let without = try Executor(engine: FakeModelEngine())
    #expect(throws: SubmissionError.noHiddenStates) { try without.submit(request([1], .last)) }
    await without.shutdown()
    let executor = try Executor(engine: FakeModelEngine(hiddenSize: 8))
    #expect(throws: SubmissionError.emptyPrompt) { try executor.submit(request([], .mean)) }
    #expect(throws: SubmissionError.self) { try executor.submit(request([97], .last)) }
    #expect(throws: SubmissionError.self) { try executor.submit(request(prompt(2000, seed: 1), .last)) }
    await executor.shutdown()
  }
}
