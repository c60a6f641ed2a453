import Checkpoints
import Executor
import ModelEngines
import Requests
import TestKit
import Testing

/// A model with a sliding window, on an engine that computes.
@Suite struct SlidingWindowTests {
  private static let window = 40

  private func engine(cacheTokens: Int) throws -> CPUModelEngine {
    let directory = try TemporaryDirectory()
    let config = TinyCheckpoint.config(
      modelType: "qwen2", extra: "\"use_sliding_window\": true, \"sliding_window\": \(Self.window)"
    ).replacing("\"max_position_embeddings\": 128", with: "\"max_position_embeddings\": 1024")
    try TinyCheckpoint(configJSON: config, weightScale: 0.3).writeHuggingFace(to: directory)
    let checkpoint = try Checkpoint.open(path: directory.path)
    let options = EngineOptions(threadCount: 2, maximumBatchTokens: 64, cacheTokens: cacheTokens)
    return try CPUModelEngine(
      checkpoint: checkpoint, options: options,
      backend: CPUBackend(configuration: checkpoint.configuration, options: options))
  }

  private func requests() -> [GenerationRequest] {
    (0..<4).map { index in
      GenerationRequest(
        promptTokens: prompt(100 + 30 * Int(index), seed: index).map { $0 % 96 },
        params: SamplingParams(maxTokens: 300, temperature: 0.8, seed: index, logprobs: 1))
    }
  }

  /// Sequences longer than the whole cache: what is behind the window is given back, and the answers are the same bits.
  @Test func sequencesMayBeLongerThanTheCache() async throws {
    var expected: [Collected] = []
    let large = try Executor(engine: engine(cacheTokens: 8192))
    for request in requests() { expected.append(try await large.run(request).uncached) }
    await large.shutdown()
    let small = try engine(cacheTokens: 256)
    #expect(small.cacheGeometry.slidingWindow == Self.window)
    let executor = try Executor(engine: small)
    let submissions = try requests().map { try executor.submit($0) }
    for (submission, expected) in zip(submissions, expected) {
      let collected = await submission.outputs.collect()
      #expect(collected.uncached == expected)
      #expect(collected.tokens.count == 300)
    }
    await executor.shutdown()
    #expect(executor.statistics().usedBlockCount == 0)
  }
}
