import Executor
import Foundation
import Requests
import TestKit
import Testing

@Suite struct PromptLogprobsTests {
  /// ln softmax of the pseudo-model's logits after `history`, in Double.
  private func reference(after history: [TokenID]) -> [Double] {
    let values = FakeModelEngine.logits(after: history, vocabularySize: 97)
    let largest = Double(values.max() ?? 0)
    let sum = values.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return values.map { Double($0) - largest - log(sum) }
  }

  @Test(arguments: [nil, 1, 3, 8] as [Int?])
  func everyTokensLogprobIsThatOfThePositionBefore(chunk: Int?) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(maximumLogitsRows: 16), configuration: ExecutorConfiguration(maximumChunkSize: chunk))
    let tokens = prompt(45, seed: 3)
    let output = try await executor.run(
      GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 1, logprobs: 3, promptLogprobs: 2)))
    #expect(output.prompt.map(\.token) == tokens)
    #expect(output.prompt[0] == PromptTokenLogprobs(token: tokens[0], logprob: nil, top: []))
    for position in 1..<tokens.count {
      let expected = reference(after: Array(tokens[..<position]))
      let entry = output.prompt[position]
      #expect(abs(Double(entry.logprob ?? 0) - expected[Int(tokens[position])]) < 1e-6)
      let best = expected.indices.sorted { expected[$0] > expected[$1] }.prefix(2)
      #expect(entry.top.map { Int($0.token) } == Array(best))
      #expect(entry.top.allSatisfy { abs(Double($0.logprob) - expected[Int($0.token)]) < 1e-6 })
    }
    let expected = reference(after: tokens)
    #expect(output.tokens.count == 1)
    #expect(output.tokens[0].top.count == 3)
    #expect(abs(Double(output.tokens[0].logprob ?? 0) - (expected.max() ?? 0)) < 1e-6)
  }

  /// What is in the cache is computed again where the log-probabilities of the prompt are wanted: none is missing.
  @Test func theyAreCompleteWhenTheCacheHasThePrefix() async throws {
    let executor = try Executor(engine: FakeModelEngine(maximumLogitsRows: 16))
    let tokens = prompt(45, seed: 8)
    let request = GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 3, promptLogprobs: 2))
    let first = try await executor.run(request)
    #expect(first.prompt.map(\.token) == tokens)
    let plain = try await executor.run(GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: 3)))
    #expect((plain.summary?.cachedTokenCount ?? 0) > 0)
    #expect(try await executor.run(request).prompt == first.prompt)
  }

  @Test func aPromptOfOneTokenHasOneEntry() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let output = try await executor.run(
      GenerationRequest(promptTokens: [7], params: SamplingParams(maxTokens: 2, promptLogprobs: 0)))
    #expect(output.prompt == [PromptTokenLogprobs(token: 7, logprob: nil, top: [])])
    #expect(output.tokens.count == 2)
  }

  @Test func theyComeAsTheyAreComputedAndBeforeTokens() async throws {
    let executor = try Executor(
      engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumChunkSize: 8))
    let submission = try executor.submit(
      GenerationRequest(promptTokens: prompt(20, seed: 1), params: SamplingParams(maxTokens: 2, promptLogprobs: 0)))
    var shape: [String] = []
    for await output in submission.outputs {
      switch output {
      case .promptLogprobs(let entries): shape.append("prompt \(entries.count)")
      case .token: shape.append("token")
      case .embedding: shape.append("embedding")
      case .sampleFinished: shape.append("sample")
      case .finished(let summary): shape.append(summary.reason.name)
      }
    }
    // Rows 0-7 are about tokens 1-8, rows 8-15 about 9-16, and rows 16-18 about 17-19.
    #expect(shape == ["prompt 9", "prompt 8", "prompt 3", "token", "token", "length"])
  }

  @Test func aBadRowOfThePromptFailsItsRequestOnly() async throws {
    var script = FakeModelEngine.Script()
    script.isPoisoned = { $0 == [1, 2, 3] }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let good = try executor.submit(GenerationRequest(promptTokens: [4, 5], params: SamplingParams(maxTokens: 5)))
    let bad = try await executor.run(
      GenerationRequest(promptTokens: [1, 2, 3, 4, 5], params: SamplingParams(maxTokens: 5, promptLogprobs: 0)))
    // The row after the third token is about the fourth.
    #expect(
      bad.reason
        == .failed(.decoding("prompt token 3: the model's logits contain a value that is not a number")))
    // Without log-probabilities of the prompt the row is not looked at.
    let unasked = try await executor.run(
      GenerationRequest(promptTokens: [1, 2, 3, 4, 5], params: SamplingParams(maxTokens: 5)))
    #expect(unasked.reason == .length)
    #expect(await good.outputs.collect().reason == .length)
  }
}
