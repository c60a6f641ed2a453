import Executor
import ModelEngines
import Requests
import Synchronization
import Tensors
import TestKit
import Testing

@Suite struct ShutdownTests {
  /// An executor whose passes take `milliseconds`: so long that nothing ends by itself while a test acts, or 0.
  private func makeExecutor(
    milliseconds: UInt32 = 0, gate: FakeModelEngine.Gate? = nil
  ) throws -> Executor {
    var script = FakeModelEngine.Script()
    script.microsecondsPerPass = milliseconds * 1000
    script.gate = gate
    return try Executor(
      engine: FakeModelEngine(script: script), configuration: ExecutorConfiguration(maximumBatchSize: 4))
  }

  private func submissions(_ executor: Executor, count: Int, maxTokens: Int) throws -> [Executor.Submission] {
    try (0..<count).map { index in
      try executor.submit(
        GenerationRequest(promptTokens: prompt(5, seed: UInt64(index)), params: SamplingParams(maxTokens: maxTokens)))
    }
  }

  @Test func cancellingEndsEverythingUnderLoad() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 3)
    let executor = try makeExecutor(gate: gate)
    let submissions = try submissions(executor, count: 20, maxTokens: 200)
    _ = try await executor.wait { $0.stepCount == 3 }
    async let end: Void = executor.shutdown(.cancelling)
    // Pass 3 goes on only when the box is known to be closed.
    try await waitUntil { (try? executor.submit(GenerationRequest(promptTokens: [1]))) == nil }
    gate.open()
    await end
    for submission in submissions { #expect(await submission.outputs.collect().reason == .cancelled) }
    #expect(executor.statistics().usedBlockCount == 0)
    #expect(throws: SubmissionError.shutDown) { try executor.submit(GenerationRequest(promptTokens: [1])) }
  }

  @Test func finishingRunsEverythingToItsEnd() async throws {
    let executor = try makeExecutor()
    let submissions = try submissions(executor, count: 12, maxTokens: 6)
    await executor.shutdown(.finishing)
    for (index, submission) in submissions.enumerated() {
      let output = await submission.outputs.collect()
      #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: prompt(5, seed: UInt64(index)), count: 6))
    }
  }

  @Test func aSharperShutdownOvertakes() async throws {
    // Requests that would run for minutes, so that even on a busy machine the second shutdown comes before their end.
    var script = FakeModelEngine.Script()
    script.microsecondsPerPass = 20_000
    let executor = try Executor(
      engine: FakeModelEngine(maximumSequenceLength: 30_000, blockSize: 64, blockCount: 3000, script: script),
      configuration: ExecutorConfiguration(maximumBatchSize: 4))
    let submissions = try submissions(executor, count: 8, maxTokens: 20_000)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await executor.shutdown(.finishing) }
      group.addTask {
        try? await Task.sleep(for: .milliseconds(5))
        await executor.shutdown(.cancelling)
      }
    }
    for submission in submissions { #expect(await submission.outputs.collect().reason == .cancelled) }
    await executor.shutdown()
  }

  @Test func anIdleExecutorShutsDown() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    await executor.shutdown()
    await executor.shutdown(.finishing)
  }

  @Test func lettingGoOfTheExecutorEndsItsRequests() async throws {
    let outputs = try makeExecutor(milliseconds: 200).submit(GenerationRequest(promptTokens: [1])).outputs
    #expect(await outputs.collect().reason == .cancelled)
  }

  @Test func theEngineIsReleasedWhenTheThreadEnds() async throws {
    let wasReleased = Flag()
    let executor = try Executor(engine: WatchedEngine(wasReleased))
    _ = try await executor.run(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 2)))
    #expect(!wasReleased.value)
    await executor.shutdown()
    #expect(wasReleased.value)
  }
}

final class Flag: Sendable {
  private let flag = Atomic<Bool>(false)
  var value: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

/// Sets a flag when it goes away.
final class WatchedEngine: ModelEngine {
  private let fake = FakeModelEngine()
  private let flag: Flag
  init(_ flag: Flag) { self.flag = flag }
  deinit { flag.set() }
  var limits: ModelEngineLimits { fake.limits }
  var cacheGeometry: KVCacheGeometry { fake.cacheGeometry }
  func forward(_ batch: ForwardBatch) throws -> Logits { try fake.forward(batch) }
}
