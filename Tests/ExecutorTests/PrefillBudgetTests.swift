import Executor
import ModelEngines
import Requests
import Scheduling
import TestKit
import Testing

/// How much of a prompt a step processes while other requests wait for their next token.
@Suite struct PrefillBudgetTests {
  /// The passes in which a long prompt was processed beside a request that generates, as numbers of tokens.
  private func passes(_ configuration: ExecutorConfiguration, microseconds: UInt32 = 0) async throws -> [Int] {
    // The engine stands at the gate when the long prompt arrives, with most of the short request before it.
    let gate = FakeModelEngine.Gate(fromPass: 6)
    var script = FakeModelEngine.Script()
    script.gate = gate
    script.microsecondsPerPass = microseconds
    let engine = FakeModelEngine(script: script)
    let log = engine.log
    let executor = try Executor(engine: engine, configuration: configuration)
    let short = try executor.submit(
      GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 400)))
    try await waitUntil { log.passes.count == 7 }
    let submission = try executor.submit(
      GenerationRequest(promptTokens: prompt(200, seed: 1), params: SamplingParams(maxTokens: 2)))
    gate.open()
    let long = await submission.outputs.collect()
    #expect(long.tokenIDs == FakeModelEngine.greedyContinuation(of: prompt(200, seed: 1), count: 2))
    executor.cancel(short.id)
    _ = await short.outputs.collect()
    await executor.shutdown()
    return log.passes.filter { $0.runCount == 2 }.map(\.longestRun).filter { $0 > 1 }
  }

  @Test func aBoundHoldsWhileRequestsGenerate() async throws {
    #expect(try await passes(ExecutorConfiguration(), microseconds: 200).max() == 200)
    let bounded = try await passes(ExecutorConfiguration(maximumPrefillTokensPerStep: 24), microseconds: 200)
    #expect(bounded.max() == 24 && bounded.reduce(0, +) == 200)
  }

  @Test func aTargetThatCannotBeKeptStillLetsPromptsIn() async throws {
    let configuration = ExecutorConfiguration(targetInterTokenLatency: .microseconds(50))
    let chunks = try await passes(configuration, microseconds: 500)
    // A block at a time, and never nothing.
    #expect(chunks.max() == 4 && chunks.reduce(0, +) == 200, "\(chunks)")
  }

  @Test func nonsenseIsRefused() {
    #expect(throws: ExecutorConfigurationError.self) {
      try Executor(
        engine: FakeModelEngine(), configuration: ExecutorConfiguration(targetInterTokenLatency: .zero))
    }
    #expect(throws: ExecutorConfigurationError.self) {
      try Executor(engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumPrefillTokensPerStep: 0))
    }
    for tier in [
      .memory(byteCount: -1), .memory(byteCount: 31), .file(directory: "/nowhere", byteCount: 1 << 20),
      .memoryThenFile(byteCount: 1 << 20, directory: "/nowhere", fileByteCount: 1 << 20),
      .memoryThenFile(byteCount: 31, directory: "/tmp", fileByteCount: 1 << 20),
      .memoryThenFile(byteCount: 1 << 20, directory: "/tmp", fileByteCount: 31),
    ] as [SecondTier] {
      #expect(throws: ExecutorConfigurationError.self) {
        try Executor(engine: FakeModelEngine(), configuration: ExecutorConfiguration(secondTier: tier))
      }
    }
  }

  @Test func waitingRequestsAreToldWhy() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 2)
    var script = FakeModelEngine.Script()
    script.gate = gate
    let executor = try Executor(
      engine: FakeModelEngine(blockSize: 4, blockCount: 10, script: script),
      scheduler: Scheduler(capacity: MaximumUtilizationScheduler()))
    let first = try executor.submit(
      GenerationRequest(promptTokens: prompt(28, seed: 1), params: SamplingParams(maxTokens: 8)))
    _ = try await executor.wait { $0.stepCount > 0 }
    let second = try executor.submit(
      GenerationRequest(promptTokens: prompt(20, seed: 2), params: SamplingParams(maxTokens: 8)))
    let third = try executor.submit(
      GenerationRequest(promptTokens: prompt(28, seed: 1) + [1, 2, 3], params: SamplingParams(maxTokens: 8)))
    async let explanations = executor.explainWaiting()
    try await Task.sleep(for: .milliseconds(20))
    gate.open()
    let causes = await explanations.map { "\($0)" }
    #expect(causes.isEmpty || causes[0].contains("waits for cache blocks: it needs 6 to start"), "\(causes)")
    for submission in [first, second, third] { #expect(await submission.outputs.collect().reason == .length) }
    await executor.shutdown()
  }
}
