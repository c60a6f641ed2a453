import Executor
import ModelEngines
import Requests
import Resources
import Tensors
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Readers are resumed by the engine's own threads where it has any that are awake.
@Suite struct ReaderWakerTests {
  /// Whether the threads wait for the next pass when a step ends, or have gone to sleep.
  @Test(arguments: [1, 3], [0, 3000])
  func readersGetEverythingFromTheThreadsOfAnEngine(threadCount: Int, pauseMicroseconds: UInt32) async throws {
    let executor = try Executor(engine: PooledEngine(threadCount: threadCount, pauseMicroseconds: pauseMicroseconds))
    let collected = try await withThrowingTaskGroup(of: (UInt64, Collected).self) { group in
      for seed in 0..<UInt64(40) {
        let params = SamplingParams(maxTokens: 60 + Int(seed))
        let outputs = try executor.submit(
          GenerationRequest(promptTokens: prompt(5, seed: seed), params: params)
        ).outputs
        group.addTask { (seed, await outputs.collect()) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    await executor.shutdown()
    for seed in 0..<UInt64(40) {
      let tokens = FakeModelEngine.greedyContinuation(of: prompt(5, seed: seed), count: 60 + Int(seed))
      #expect(collected[seed]?.tokenIDs == tokens && collected[seed]?.reason == .length)
    }
  }

  /// Those too whose last event comes when the executor ends, and with it the threads.
  @Test func readersGoOnWhenTheExecutorEnds() async throws {
    for round in 0..<50 {
      let executor = try Executor(engine: PooledEngine(threadCount: 2, pauseMicroseconds: 0))
      let readers = try (0..<8).map { seed in
        let outputs = try executor.submit(
          GenerationRequest(promptTokens: prompt(5, seed: UInt64(seed)), params: SamplingParams(maxTokens: 400))
        ).outputs
        return Task { await outputs.collect() }
      }
      if round.isMultiple(of: 2) { try await Task.sleep(for: .milliseconds(1)) }
      await executor.shutdown(round.isMultiple(of: 3) ? .finishing : .cancelling)
      for reader in readers { #expect(await reader.value.summary != nil) }
    }
  }
}

/// The fake with threads that have something to do in every pass.
private final class PooledEngine: ModelEngine, WorkerPoolOwner {
  private let base = FakeModelEngine(blockCount: 4096)
  private let pool: WorkerPool
  private let pauseMicroseconds: UInt32

  init(threadCount: Int, pauseMicroseconds: UInt32) {
    pool = WorkerPool(threadCount: threadCount)
    self.pauseMicroseconds = pauseMicroseconds
  }

  var limits: ModelEngineLimits { base.limits }
  var cacheGeometry: KVCacheGeometry { base.cacheGeometry }
  var blockStore: (any KVBlockStore)? { base.blockStore }
  var workerPool: WorkerPool? { pool }

  func forward(_ batch: ForwardBatch) throws -> Logits {
    pool.forEach(16) { _ in }
    if pauseMicroseconds > 0 { usleep(pauseMicroseconds) }
    return try base.forward(batch)
  }
}
