import Foundation
import Inflight
import Testing

/// What 32 requests that begin with the same 1,024 tokens cost, on real weights. Prints the numbers.
@Suite(.serialized) struct SharedPrefixTests {
  private static let prefixCount = 1024
  private static let requestCount = 32

  private static func llm(reuse: Bool) async throws -> LLM {
    try await LLM(
      model: RealModels.smolLM2(),
      options: LLMOptions(
        engine: EngineOptions(threadCount: 2, cacheTokens: 65_536),
        executor: ExecutorConfiguration(isReusingPrefixes: reuse)))
  }

  /// Tokens that are a function of the seed; none of the first, which are special.
  private static func tokens(_ count: Int, seed: UInt64) -> [TokenID] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return TokenID(100 + Int(state >> 33) % 40_000)
    }
  }

  private static func prompts() -> [[TokenID]] {
    let prefix = tokens(prefixCount, seed: 1)
    return (0..<requestCount).map { prefix + tokens(16, seed: 100 + UInt64($0)) }
  }

  private static let params = SamplingParams(maxTokens: 4, ignoreEndOfSequence: true, logprobs: 1)

  @Test func thePrefixIsComputedOnceAndTheBitsAreThoseOfNoReuse() async throws {
    let prompts = Self.prompts()
    let llm = try await Self.llm(reuse: true)
    let streams = try prompts.map { try llm.stream(tokens: $0, Self.params) }
    var shared: [Completion] = []
    for stream in streams { shared.append(try await stream.completion()) }
    // The last step is counted after its answers are out.
    await llm.shutdown()
    // Every generated token but a request's last is processed too.
    let computed = llm.statistics().processedTokenCount - shared.reduce(0) { $0 + $1.tokens.count - 1 }
    // What must be computed: the prefix once, and each request's own tokens.
    let least = Self.prefixCount + Self.requestCount * 16
    print(
      "\(computed) tokens of prompts were computed; \(least) is the least, \(prompts.count * prompts[0].count) is all")
    #expect(computed >= least && Double(computed) <= 1.05 * Double(least))

    // A few of them without reuse: the same tokens, and the same bits of their log-probabilities.
    let other = try await Self.llm(reuse: false)
    for index in [0, 13, 31] {
      let alone = try await other.stream(tokens: prompts[index], Self.params).completion()
      #expect(alone.tokens == shared[index].tokens)
      let bits = { (completion: Completion) in completion.logprobs.map { ($0.logprob ?? 0).bitPattern } }
      #expect(bits(alone) == bits(shared[index]))
    }
    await other.shutdown()
  }

  /// The times are those of an otherwise idle machine, or close: the ratio is large enough to be asked for anywhere.
  @Test func aHitAnswersMuchSooner() async throws {
    let llm = try await Self.llm(reuse: true)
    func firstToken(_ tokens: [TokenID]) async throws -> Double {
      let start = ContinuousClock.now
      for try await chunk in try llm.stream(tokens: tokens, SamplingParams(maxTokens: 1)) where chunk.token != nil {
        return (ContinuousClock.now - start) / .milliseconds(1)
      }
      return .infinity
    }
    _ = try await firstToken(Self.tokens(64, seed: 5))
    var (misses, hits): ([Double], [Double]) = ([], [])
    for round in 0..<5 {
      let prefix = Self.tokens(Self.prefixCount, seed: 1000 + UInt64(round))
      misses.append(try await firstToken(prefix + Self.tokens(4, seed: 1)))
      hits.append(try await firstToken(prefix + Self.tokens(4, seed: 2)))
    }
    await llm.shutdown()
    let (miss, hit) = (misses.sorted()[2], hits.sorted()[2])
    print(
      "time to first token, medians of 5: \(miss) ms without the prefix in the cache, \(hit) ms with it: \(miss / hit)")
    #expect(miss / hit >= 10)
  }
}
