import Decoding
import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import Tensors
import TestKit
import Testing

@Suite struct FailureTests {
  @Test func aFailedPassFailsItsBatchAndTheLoopGoesOn() async throws {
    var script = FakeModelEngine.Script()
    script.failingPasses = [3]
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let failed = try await executor.run(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 9)))
    #expect(failed.reason == .failed(.engine("pass 3 was told to fail")))
    #expect(failed.tokenIDs == FakeModelEngine.greedyContinuation(of: [1, 2], count: 3))
    #expect(failed.summary?.completionTokenCount == 3)
    let next = try await executor.run(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 9)))
    #expect(next.tokenIDs == FakeModelEngine.greedyContinuation(of: [1, 2], count: 9))
    let statistics = try await executor.wait { $0.activeRequestCount == 0 && $0.usedBlockCount == 0 }
    #expect(statistics.failedRequestCount == 1 && statistics.lengthRequestCount == 1)
  }

  @Test func aRowThatIsNotANumberFailsItsRequestOnly() async throws {
    var script = FakeModelEngine.Script()
    script.isPoisoned = { $0.first == 13 && $0.count == 6 }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let prompts: [[TokenID]] = [[1, 2], [13, 2], [3, 2]]
    let submissions = try prompts.map {
      try executor.submit(GenerationRequest(promptTokens: $0, params: SamplingParams(maxTokens: 12)))
    }
    for (tokens, submission) in zip(prompts, submissions) {
      let output = await submission.outputs.collect()
      if tokens[0] == 13 {
        #expect(
          output.reason == .failed(.decoding("the model's logits contain a value that is not a number")))
        #expect(output.tokens.count == 4)
      } else {
        #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: tokens, count: 12))
      }
    }
  }

  @Test func theGreedyDecoderFailsRequestsThatSample() async throws {
    let executor = try Executor(engine: FakeModelEngine(), decoder: GreedyDecoder())
    let output = try await executor.run(
      GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 3, temperature: 1)))
    #expect(output.reason?.name == "error")
    #expect(
      try await executor.run(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 3))).reason
        == .length)
  }

  @Test func anEngineThatReturnsTheWrongRowsFailsTheBatch() async throws {
    final class NoRows: ModelEngine {
      let fake = FakeModelEngine()
      var limits: ModelEngineLimits { fake.limits }
      var cacheGeometry: KVCacheGeometry { fake.cacheGeometry }
      func forward(_ batch: ForwardBatch) throws -> Logits { Logits(vocabularySize: 97) }
    }
    let executor = try Executor(engine: NoRows())
    let output = try await executor.run(GenerationRequest(promptTokens: [1]))
    #expect(output.reason == .failed(.engine("the engine returned 0 rows of logits instead of 1")))
  }

  @Test func aDecoderThatMisbehavesFailsRequestsAndNotTheLoop() async throws {
    struct Silent: Decoder {
      func decode(_ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]) {}
    }
    struct Wild: Decoder {
      func decode(_ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]) {
        for _ in rows { results.append(.success(TokenOutput(token: 5000))) }
      }
    }
    let silent = try Executor(engine: FakeModelEngine(), decoder: Silent())
    #expect(
      try await silent.run(GenerationRequest(promptTokens: [1])).reason
        == .failed(.decoding("the decoder returned 0 results for 1 rows")))
    let wild = try Executor(engine: FakeModelEngine(), decoder: Wild())
    #expect(
      try await wild.run(GenerationRequest(promptTokens: [1])).reason
        == .failed(.decoding("the decoder chose token 5000, which does not exist")))
  }

  @Test func aResourceThatRunsOutFailsItsRequestOnly() async throws {
    /// Two units in all; a request of ten tokens or more needs three, one that passes position 8 is refused.
    final class Adapters: BaseResourceManager {
      let name = "adapters"
      let capacity = ResourceCapacity(total: 2, free: 2)
      func unitsToCompletion(of request: ResourceRequest) -> Int { request.maximumTokenCount >= 20 ? 3 : 1 }
      func prepareResources(for request: ResourceRequest) throws {
        if request.processedTokenCount + request.tokenCount > 8 { throw FakeModelEngineError("no more pages") }
      }
      func undoPreparation(for request: ResourceRequest) {}
      func updateResources(for request: ResourceRequest) {}
      func freeResources(for request: ResourceRequest) {}
    }
    let executor = try Executor(engine: FakeModelEngine(), otherResources: [Adapters()])
    let good = try executor.submit(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 8)))
    let bad = try executor.submit(GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 10)))
    let never = try executor.submit(GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 30)))
    #expect(await good.outputs.collect().tokenIDs == FakeModelEngine.greedyContinuation(of: [1], count: 8))
    let failed = await bad.outputs.collect()
    #expect(failed.reason == .failed(.resources("adapters: no more pages")))
    #expect(failed.tokens.count == 6)
    #expect(await never.outputs.collect().reason == .failed(.resources("adapters: needs 3 units of 2")))
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0)
  }

  @Test func aRunThatFailsFailsAloneAndTheOthersNotice() async throws {
    var script = FakeModelEngine.Script()
    script.isFailingRun = { $0.count > 12 && $0[0] == 7 }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let submissions = try (0..<20).map { index in
      try executor.submit(
        GenerationRequest(
          promptTokens: [TokenID(index % 4 == 0 ? 7 : 8)] + prompt(8, seed: UInt64(index)),
          params: SamplingParams(maxTokens: 12)))
    }
    for (index, submission) in submissions.enumerated() {
      let output = await submission.outputs.collect()
      if index % 4 == 0 {
        #expect(output.reason == .failed(.engine("the run was told to fail")))
        #expect(output.tokens.count == 4)
      } else {
        let tokens = [8] + prompt(8, seed: UInt64(index))
        #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: tokens, count: 12))
      }
    }
    #expect(try await executor.wait { $0.activeRequestCount == 0 }.usedBlockCount == 0)
    await executor.shutdown()
  }
}
