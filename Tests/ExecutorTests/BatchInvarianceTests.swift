import Executor
import Requests
import TestKit
import Testing

/// A request's tokens and log-probabilities are the same bits whatever else the executor does.
@Suite struct BatchInvarianceTests {
  static let requests: [GenerationRequest] = (0..<32).map { index in
    var params = SamplingParams(maxTokens: 10 + index, seed: UInt64(index * 31), logprobs: index % 4)
    if index % 2 == 1 {
      params.temperature = 0.5 + Float(index) / 16
      params.topK = index % 3 == 0 ? 20 : 0
      params.topP = index % 5 == 0 ? 0.9 : 1
    }
    if index % 3 == 0 { params.promptLogprobs = index % 5 }
    return GenerationRequest(promptTokens: prompt(1 + index * 3, seed: UInt64(index)), params: params)
  }

  static func alone() async throws -> [Collected] {
    let executor = try Executor(engine: FakeModelEngine())
    var outputs: [Collected] = []
    for request in requests { outputs.append(try await executor.run(request).uncached) }
    await executor.shutdown()
    return outputs
  }

  static func together(_ executor: Executor) async throws -> [Collected] {
    let submissions = try requests.map { try executor.submit($0) }
    var outputs: [Collected] = []
    for submission in submissions { outputs.append(await submission.outputs.collect().uncached) }
    await executor.shutdown()
    return outputs
  }

  @Test func thirtyTwoTogetherEqualEachAlone() async throws {
    let alone = try await Self.alone()
    #expect(alone.allSatisfy { $0.reason == .length })
    #expect(try await Self.together(Executor(engine: FakeModelEngine())) == alone)
  }

  @Test(arguments: [1, 3, 4, 5, 16, 64])
  func chunkSizesDoNotMatter(chunk: Int) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumChunkSize: chunk))
    #expect(try await Self.together(executor) == Self.alone())
  }

  @Test(arguments: [(1, 1, 1), (2, 3, 2), (7, 9, 8), (32, 40, 64), (5, 256, 5)])
  func budgetsDoNotMatter(size: Int, tokens: Int, rows: Int) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(maximumLogitsRows: rows),
      configuration: ExecutorConfiguration(maximumBatchSize: size, maximumBatchTokens: tokens))
    #expect(try await Self.together(executor) == Self.alone())
  }

  @Test(arguments: [(1, 200), (2, 80), (16, 10), (64, 3)])
  func blockSizesAndTinyCachesDoNotMatter(blockSize: Int, blockCount: Int) async throws {
    let executor = try Executor(engine: FakeModelEngine(blockSize: blockSize, blockCount: blockCount))
    #expect(try await Self.together(executor) == Self.alone())
  }
}
