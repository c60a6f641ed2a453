import Executor
import Foundation
import ModelEngines
import Requests
import Scheduling
import TestKit
import Testing

/// What requests share through the cache, and that it changes nothing but the time.
@Suite struct PrefixReuseTests {
  private func request(_ tokens: [TokenID], maxTokens: Int = 8, cache: CacheOptions = CacheOptions())
    -> GenerationRequest
  {
    GenerationRequest(promptTokens: tokens, params: SamplingParams(maxTokens: maxTokens, seed: 1), cache: cache)
  }

  @Test func aPrefixIsComputedOnceAndTheAnswerIsTheSame() async throws {
    let engine = FakeModelEngine()
    let executor = try Executor(engine: engine)
    let tokens = prompt(50, seed: 1)
    let first = try await executor.run(request(tokens))
    let again = try await executor.run(request(tokens))
    #expect(first.uncached == again.uncached && first.summary?.cachedTokenCount == 0)
    #expect(again.summary?.cachedTokenCount == 49)
    // An answer is part of the next prompt's prefix.
    let next = try await executor.run(request(tokens + again.tokenIDs + [1, 2]))
    #expect(next.summary?.cachedTokenCount == 56)
    #expect(next.tokenIDs == FakeModelEngine.greedyContinuation(of: tokens + again.tokenIDs + [1, 2], count: 8))
    #expect(executor.statistics().lastStep.cacheHitRate > 0.6)
    await executor.shutdown()
    // The prompt, then its last token, then what the third request adds; and seven generated tokens each.
    let total = engine.log.passes.reduce(0) { $0 + $1.tokenCount }
    #expect(total == 50 + 1 + 4 + 21)
  }

  @Test func requestsThatBeginTheSameTogetherComputeItOnce() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    let engine = FakeModelEngine(script: script)
    let executor = try Executor(engine: engine)
    let prefix = prompt(40, seed: 1)
    // The first pass holds one request back, so that the others are all there when the second begins.
    let warm = try executor.submit(request([1]))
    let submissions = try (0..<10).map { try executor.submit(request(prefix + prompt(5, seed: 100 + $0))) }
    gate.open()
    for (index, submission) in submissions.enumerated() {
      let tokens = prefix + prompt(5, seed: 100 + UInt64(index))
      #expect(await submission.outputs.collect().tokenIDs == FakeModelEngine.greedyContinuation(of: tokens, count: 8))
    }
    _ = await warm.outputs.collect()
    await executor.shutdown()
    let total = engine.log.passes.reduce(0) { $0 + $1.tokenCount }
    #expect(total <= 208, "\(total) tokens were computed: 8, then 40, and ten times 12, and some again")
  }

  @Test func saltsAndOptionsKeepRequestsApart() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let tokens = prompt(30, seed: 1)
    func cached(_ options: CacheOptions) async throws -> Int? {
      try await executor.run(request(tokens, cache: options)).summary?.cachedTokenCount
    }
    #expect(try await cached(CacheOptions(isReused: false)) == 0)
    #expect(try await cached(CacheOptions()) == 0)
    #expect(try await cached(CacheOptions(salt: "a")) == 0)
    #expect(try await cached(CacheOptions(salt: "b")) == 0)
    #expect(try await cached(CacheOptions(salt: "a")) == 29)
    #expect(try await cached(CacheOptions()) == 29)
    #expect(try await cached(CacheOptions(isReused: false)) == 0)
    await executor.shutdown()
  }

  @Test func reuseCanBeTurnedOff() async throws {
    let executor = try Executor(
      engine: FakeModelEngine(), configuration: ExecutorConfiguration(isReusingPrefixes: false))
    for _ in 0..<2 {
      #expect(try await executor.run(request(prompt(30, seed: 1))).summary?.cachedTokenCount == 0)
    }
    await executor.shutdown()
  }

  @Test func retentionOutOfRangeIsRefused() throws {
    let executor = try Executor(engine: FakeModelEngine())
    let options = CacheOptions(retention: CacheRetention(ranges: [.init(start: 0, priority: 101)]))
    #expect(throws: SubmissionError.self) { try executor.submit(request([1], cache: options)) }
  }

  @Test func promptLogprobsAreComputedAfreshAndLeaveAPrefix() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    var logged = request(prompt(30, seed: 1))
    logged.params.promptLogprobs = 1
    let first = try await executor.run(logged)
    let second = try await executor.run(logged)
    #expect(first == second && first.prompt.count == 30 && second.summary?.cachedTokenCount == 0)
    #expect(try await executor.run(request(prompt(30, seed: 1))).summary?.cachedTokenCount == 29)
    await executor.shutdown()
  }

  @Test func swappedBlocksComeBackInsteadOfBeingComputed() async throws {
    var passes: [Int] = []
    let directory = try TemporaryDirectory()
    let bytes = 100 * FakeModelEngine().cacheGeometry.bytesPerBlock
    for tier in [
      .none, .memory(byteCount: bytes), .file(directory: directory.path, byteCount: bytes),
      .memoryThenFile(byteCount: bytes / 2, directory: directory.path, fileByteCount: bytes / 2),
    ] as [SecondTier] {
      let engine = FakeModelEngine(blockCount: 24)
      let executor = try Executor(
        engine: engine,
        configuration: ExecutorConfiguration(secondTier: tier, capacityPolicy: .maximumUtilization))
      let submissions = try (0..<8).map { try executor.submit(request(prompt(20, seed: $0), maxTokens: 40)) }
      for (index, submission) in submissions.enumerated() {
        let expected = FakeModelEngine.greedyContinuation(of: prompt(20, seed: UInt64(index)), count: 40)
        #expect(await submission.outputs.collect().tokenIDs == expected)
      }
      #expect(executor.statistics().pauseCount > 0)
      await executor.shutdown()
      passes.append(engine.log.passes.reduce(0) { $0 + $1.tokenCount })
    }
    // 8 times 59 tokens have to be computed; what was paused is computed again without a second tier.
    let most = 8 * 59 + 256
    #expect(passes[0] > passes[1] && passes.dropFirst().allSatisfy { $0 <= most }, "\(passes)")
  }

  @Test func theCacheSurvivesTheExecutor() async throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "prefixes")
    directory.remove("prefixes")
    func cached(_ hash: [UInt8]) async throws -> (count: Int?, failures: Int) {
      let executor = try Executor(
        engine: FakeModelEngine(),
        configuration: ExecutorConfiguration(prefixCacheFile: PrefixCacheFile(path: path, modelHash: hash)))
      let output = try await executor.run(request(prompt(40, seed: 1)))
      #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: prompt(40, seed: 1), count: 8))
      await executor.shutdown()
      return (output.summary?.cachedTokenCount, executor.prefixCacheFailures.count)
    }
    #expect(try await cached([1]) == (0, 0))
    #expect(try await cached([1]) == (39, 0))
    // Another model's cache is refused, said so, and replaced.
    #expect(try await cached([2]) == (0, 1))
    #expect(try await cached([2]) == (39, 0))
    try directory.write("INFLT", to: "prefixes")
    #expect(try await cached([2]) == (0, 1))
    #expect(try await cached([2]) == (39, 0))
    // What is no cache at all is refused, said so, and stays as it is.
    try directory.write("a letter", to: "prefixes")
    #expect(try await cached([2]) == (0, 1))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "a letter")
    directory.remove("prefixes")
  }
}
