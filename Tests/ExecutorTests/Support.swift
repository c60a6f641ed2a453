import Executor
import ModelEngines
import Requests
import Synchronization
import TestKit

/// Everything that came out of a stream, taken apart.
struct Collected: Equatable, Sendable {
  var tokens: [TokenOutput] = []
  var prompt: [PromptTokenLogprobs] = []
  var samples: [SampleSummary] = []
  var embedding: [Float]?
  var summary: RequestSummary?

  var tokenIDs: [TokenID] { tokens.map(\.token) }
  /// The tokens of one sample.
  func tokenIDs(ofSample index: Int) -> [TokenID] { tokens.filter { $0.sampleIndex == index }.map(\.token) }
  var reason: FinishReason? { summary?.reason }
  /// The same, as if nothing had been found in the cache: what must not depend on the cache.
  var uncached: Collected {
    var copy = self
    copy.summary?.cachedTokenCount = 0
    return copy
  }

  mutating func add(_ output: RequestOutput) {
    switch output {
    case .promptLogprobs(let entries): prompt += entries
    case .token(let token): tokens.append(token)
    case .embedding(let values): embedding = values
    case .sampleFinished(let summary): samples.append(summary)
    case .finished(let summary): self.summary = summary
    }
  }
}

extension RequestOutputs {
  func collect() async -> Collected {
    var collected = Collected()
    for await output in self { collected.add(output) }
    return collected
  }
}

extension Executor {
  /// Runs one request to its end.
  func run(_ request: GenerationRequest) async throws -> Collected { try await submit(request).outputs.collect() }

  /// Waits until the statistics satisfy `condition`.
  func wait(until condition: (ExecutorStatistics) -> Bool) async throws -> ExecutorStatistics {
    var statistics = statistics()
    try await waitUntil {
      statistics = self.statistics()
      return condition(statistics)
    }
    return statistics
  }
}

/// Waits until `condition` holds; gives up after a minute or more.
func waitUntil(_ condition: () -> Bool) async throws {
  for _ in 0..<60_000 {
    if condition() { return }
    try await Task.sleep(for: .milliseconds(1))
  }
  throw TimeoutError()
}

struct TimeoutError: Error {}

/// A seeded generator for tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

/// A prompt of `count` tokens that is a function of `seed`.
func prompt(_ count: Int, seed: UInt64) -> [TokenID] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in TokenID.random(in: 0..<97, using: &generator) }
}

/// Step statistics from the engine thread.
final class StepLog: Sendable {
  private let steps = Mutex<[StepStatistics]>([])
  var all: [StepStatistics] { steps.withLock { $0 } }
  func append(_ step: StepStatistics) { steps.withLock { $0.append(step) } }
}
