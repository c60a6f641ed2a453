import Decoding
import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import TestKit
import Testing

/// Several samples of one prompt.
@Suite struct SamplesTests {
  private func request(_ count: Int, prompt length: Int = 21, maxTokens: Int? = 12, index: Int = 0) -> GenerationRequest
  {
    var params = SamplingParams(maxTokens: maxTokens, temperature: 1, seed: 5, logprobs: 1)
    params.n = count
    params.repetitionPenalty = 1.2
    var request = GenerationRequest(promptTokens: prompt(length, seed: 3), params: params)
    request.firstSampleIndex = index
    return request
  }

  /// The events of sample `index` alone, as they are when it is one of several.
  private func alone(_ index: Int, prompt length: Int = 21, maxTokens: Int = 12) async throws -> [TokenOutput] {
    let output = try await Executor(engine: FakeModelEngine()).run(
      request(1, prompt: length, maxTokens: maxTokens, index: index))
    return output.tokens.map { token in
      var token = token
      token.sampleIndex = index
      return token
    }
  }

  @Test(arguments: [1, 4, 20, 21]) func everySampleIsWhatItIsAlone(prompt length: Int) async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let output = try await executor.run(request(5, prompt: length))
    var different: Set<[TokenID]> = []
    for index in 0..<5 {
      #expect(try await output.tokens.filter { $0.sampleIndex == index } == alone(index, prompt: length))
      different.insert(output.tokenIDs(ofSample: index))
    }
    #expect(different.count == 5)
    #expect(output.samples.map(\.sampleIndex).sorted() == [0, 1, 2, 3, 4])
    #expect(output.samples.allSatisfy { $0.reason == .length && $0.completionTokenCount == 12 })
    #expect(output.summary?.completionTokenCount == 60)
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0 && statistics.lengthRequestCount == 1)
  }

  @Test func thePromptIsComputedOnce() async throws {
    let engine = FakeModelEngine()
    let log = engine.log
    let executor = try Executor(engine: engine, configuration: ExecutorConfiguration(isReusingPrefixes: false))
    _ = try await executor.run(request(6, prompt: 50))
    // The prompt, then for all but the last token of each sample one.
    #expect(log.passes.reduce(0) { $0 + $1.tokenCount } == 116)
    #expect(log.passes[0].tokenCount == 50 && log.passes[0].logitsRowCount == 1)
  }

  /// Small caches, small batches, other requests, and policies that pause: the same tokens.
  @Test(arguments: [(3, 256, 4, false), (4, 40, 4, true), (8, 26, 4, false), (8, 34, 2, true), (6, 13, 8, true)])
  func nothingElseMatters(batch: Int, blocks: Int, blockSize: Int, isPausing: Bool) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(blockSize: blockSize, blockCount: blocks),
      configuration: ExecutorConfiguration(maximumBatchSize: batch, maximumChunkSize: 7),
      scheduler: isPausing ? Scheduler(capacity: MaximumUtilizationScheduler()) : nil)
    let many = try (0..<4).map { _ in try executor.submit(request(3)) }
    let others = try (0..<4).map { try executor.submit(request(1, index: $0)) }
    for submission in many {
      let output = await submission.outputs.collect()
      for index in 0..<3 {
        #expect(try await output.tokens.filter { $0.sampleIndex == index } == alone(index))
      }
    }
    for (index, submission) in others.enumerated() {
      #expect(try await submission.outputs.collect().tokenIDs == alone(index).map(\.token))
    }
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0)
  }

  /// A manager that cannot fork sequences: the samples find the prompt in no cache and compute it.
  @Test func aCacheThatCannotForkDoesNotMatter() async throws {
    let cache = KVCacheManager(
      KVCacheManager.Configuration(blockSize: 4, blockCount: 64, slotCount: 8, isReusing: false))
    let executor = try Executor(
      engine: FakeModelEngine(blockCount: 64), configuration: ExecutorConfiguration(maximumBatchSize: 8), cache: cache)
    let output = try await executor.run(request(3))
    for index in 0..<3 { #expect(try await output.tokens.filter { $0.sampleIndex == index } == alone(index)) }
  }

  @Test func samplesEndAtDifferentTimes() async throws {
    var script = FakeModelEngine.Script()
    // Whoever has drawn an even token is done soon.
    script.wantedToken = { history in history.count > 6 ? (history[5] % 2 == 0 ? 96 : 95) : nil }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    var wanted = request(6, prompt: 5)
    wanted.endOfSequenceTokenIDs = [96]
    let output = try await executor.run(wanted)
    for index in 0..<6 {
      let tokens = output.tokenIDs(ofSample: index)
      let summary = output.samples.first { $0.sampleIndex == index }
      #expect(summary?.reason == (tokens.last == 96 ? .endOfSequence(96) : .length))
      #expect(tokens.count == 12 || tokens.last == 96)
      #expect(summary?.completionTokenCount == tokens.count)
    }
    #expect(Set(output.samples.map(\.completionTokenCount)).count > 1)
  }

  @Test func cancellingCancelsAll() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let submission = try executor.submit(request(5, maxTokens: 60))
    var count = 0
    var reader = submission.outputs.makeAsyncIterator()
    while let output = await reader.next() {
      count += 1
      if count == 20 { executor.cancel(submission.id) }
      if case .finished(let summary) = output { #expect(summary.reason == .cancelled || count > 290) }
    }
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0 && statistics.cancelledRequestCount + statistics.lengthRequestCount == 1)
  }

  @Test func oneSampleCanBeEndedAlone() async throws {
    var script = FakeModelEngine.Script()
    // So that there is something left to end when the first token has been read.
    script.gate = FakeModelEngine.Gate(fromPass: 2)
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let submission = try executor.submit(request(3, maxTokens: 300))
    var collected = Collected()
    for await output in submission.outputs {
      collected.add(output)
      if case .token(let token) = output, token.sampleIndex == 1 {
        executor.endSample(1, of: submission.id, for: .stopString("x"))
        script.gate?.open()
      }
    }
    let summaries = collected.samples.sorted { $0.sampleIndex < $1.sampleIndex }
    #expect(summaries.map(\.reason) == [.length, .stopString("x"), .length])
    #expect(collected.tokenIDs(ofSample: 0).count == 300 && collected.tokenIDs(ofSample: 1).count < 10)
    let executorStatistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(executorStatistics.usedBlockCount == 0)
  }

  @Test func aFailingSampleFailsItsRequestAlone() async throws {
    var script = FakeModelEngine.Script()
    script.isPoisoned = { $0.count == 9 && $0[5] % 3 == 0 }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let bad = try executor.submit(request(8, prompt: 5))
    let good = try executor.submit(
      GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 6)))
    #expect(await bad.outputs.collect().reason?.name == "error")
    #expect(await good.outputs.collect().reason == .length)
    #expect(try await executor.wait { $0.activeRequestCount == 0 }.usedBlockCount == 0)
  }

  @Test func whatCannotRunIsRefused() throws {
    let executor = try Executor(
      engine: FakeModelEngine(blockCount: 16), configuration: ExecutorConfiguration(maximumBatchSize: 4))
    #expect(throws: SubmissionError.tooManySamples(count: 5, limit: 4)) { try executor.submit(request(5)) }
    // Five shared blocks, and for each sample four of its own: three fit.
    #expect(throws: SubmissionError.cacheTooSmall(neededBlockCount: 21, totalBlockCount: 16, blockSize: 4)) {
      try executor.submit(request(4, maxTokens: 14))
    }
    #expect(throws: Never.self) { try executor.submit(request(2, maxTokens: 14)) }
  }

  @Test func withoutALimitSamplesShareTheCache() async throws {
    let executor = try Executor(engine: FakeModelEngine(blockCount: 17))
    let output = try await executor.run(request(4, maxTokens: nil))
    // Five blocks of the prompt are shared, so that each of four has three more: 32 tokens.
    #expect(output.samples.allSatisfy { $0.completionTokenCount == 32 - 21 })
  }
}
