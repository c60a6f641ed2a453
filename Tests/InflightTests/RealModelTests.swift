import Inflight
import Testing

/// The whole engine on real weights, against transformers and against itself.
@Suite(.serialized) struct RealModelTests {
  static func llm(threads: Int = 2, chunk: Int? = nil, model: String? = nil) async throws -> LLM {
    let path = if let model { model } else { try await RealModels.smolLM2() }
    return try await LLM(
      model: path,
      options: LLMOptions(
        engine: EngineOptions(threadCount: threads, cacheTokens: 16_384),
        executor: ExecutorConfiguration(maximumChunkSize: chunk)))
  }

  @Test func theCapitalOfFranceIsParis() async throws {
    let llm = try await Self.llm()
    let completion = try await llm.generate("The capital of France is", SamplingParams(maxTokens: 16))
    #expect(completion.text.hasPrefix(" Paris."))
    #expect(completion.tokens.count == 16 && completion.finishReason == .length && completion.promptTokenCount == 5)
    await llm.shutdown()
  }

  @Test func aChatEndsByItself() async throws {
    let llm = try await Self.llm()
    let completion = try await llm.chat([.user("What is the capital of France?")], SamplingParams(maxTokens: 100))
    #expect(completion.text.contains("Paris"))
    #expect(completion.finishReason.name == "stop")
    #expect(!completion.text.contains("<|im_end|>"))
    await llm.shutdown()
  }

  static func check(_ reference: String, model: String?, maximumDivergence: Double) async throws {
    let llm = try await llm(model: model)
    let expected = try ReferenceScore(reference)
    let text = try String(validating: RealModels.golden("held-out.txt"), as: UTF8.self)
    let score = try await llm.score(#require(text), top: 256)
    #expect(score.tokens == expected.tokens)
    let divergence = expected.meanDivergence(from: score)
    #expect(divergence > 0 && divergence <= maximumDivergence, "mean KL \(divergence)")
    let perplexity = try #require(score.perplexity)
    #expect(abs(perplexity / expected.perplexity - 1) <= 0.01, "\(perplexity), not \(expected.perplexity)")
    await llm.shutdown()
  }

  @Test func smolLM2ScoresAsTransformersDoes() async throws {
    try await Self.check("score-smollm2.json", model: nil, maximumDivergence: 0.004)
  }

  @Test(.enabled(if: RealModels.qwen != nil, "INFLIGHT_TEST_QWEN names no file"))
  func qwenScoresAsTransformersDoes() async throws {
    try await Self.check("score-qwen2.5-coder-0.5b.json", model: RealModels.qwen, maximumDivergence: 0.001)
  }

  /// Tokens and the bits of everything that is said about them.
  struct Bits: Equatable {
    var tokens: [TokenID]
    var logprobs: [UInt32]
    var prompt: [UInt32?]

    init(_ completion: Completion) {
      tokens = completion.tokens
      logprobs = completion.logprobs.flatMap { output in
        [output.logprob ?? 0].map(\.bitPattern)
          + output.top.flatMap { [UInt32(bitPattern: $0.token), $0.logprob.bitPattern] }
      }
      prompt = completion.promptLogprobs.flatMap { entry in
        [entry.logprob?.bitPattern] + entry.top.flatMap { [UInt32(bitPattern: $0.token), $0.logprob.bitPattern] }
      }
    }
  }

  @Test func aloneAmong31InChunksAndOnOneThreadTheBitsAreTheSame() async throws {
    let prompts = (0..<32).map { index in
      String(repeating: "The history of the number \(index) is longer than people think. ", count: 1 + index % 8)
    }
    let watched = 15
    for temperature in [Float(0), 0.9] {
      let params = SamplingParams(maxTokens: 24, temperature: temperature, seed: 5, logprobs: 4, promptLogprobs: 2)
      let reference = try await Self.llm()
      let alone = Bits(try await reference.generate(prompts[watched], params))
      #expect(alone.tokens.count > 1)
      #expect(alone.logprobs.count == alone.tokens.count * 9)
      let among = try await reference.generate(prompts, params)
      // Compared before the expectation, which would print every number.
      let isSame = Bits(among[watched]) == alone
      #expect(isSame, "among 31 others")
      await reference.shutdown()
      for (threads, chunk) in [(1, nil), (1, 32), (2, 32), (2, 64)] as [(Int, Int?)] {
        let llm = try await Self.llm(threads: threads, chunk: chunk)
        let isSame = Bits(try await llm.generate(prompts[watched], params)) == alone
        #expect(isSame, "\(threads) threads, chunk \(chunk ?? 0)")
        if chunk == 32 {
          let among = try await llm.generate(prompts, params)
          let isSame = Bits(among[watched]) == alone
          #expect(isSame, "\(threads) threads, chunk 32, among 31 others")
        }
        await llm.shutdown()
      }
    }
  }

  /// A prompt of several splits of attention's keys, in chunks up to one that holds it all, with its prefix in the cache
  /// and without, divided among threads and not: the same bits for every type of cache.
  @Test(arguments: KVCacheType.allCases) func longPromptsHaveTheSameBitsInChunksAndFromTheCache(_ type: KVCacheType)
    async throws
  {
    let passage = "The history of the number seven is longer than people think, and nobody has written all of it. "
    let prompt = String(repeating: passage, count: 36)
    let params = SamplingParams(maxTokens: 8, logprobs: 2)
    func llm(chunk: Int, threads: Int, reuse: Bool) async throws -> LLM {
      try await LLM(
        model: RealModels.smolLM2(),
        options: LLMOptions(
          engine: EngineOptions(
            threadCount: threads, maximumBatchTokens: max(512, chunk), cacheTokens: 4096, cacheType: type),
          executor: ExecutorConfiguration(
            maximumBatchTokens: max(512, chunk), maximumChunkSize: chunk, isReusingPrefixes: reuse)))
    }
    let longer = prompt + " And yet:"
    let reference = try await llm(chunk: 2048, threads: 1, reuse: false)
    let whole = try await reference.generate(prompt, params)
    let wholeLonger = Bits(try await reference.generate(longer, params))
    #expect(whole.promptTokenCount > 700)
    await reference.shutdown()
    for (chunk, threads) in [(32, 2), (100, 1), (512, 2)] {
      let other = try await llm(chunk: chunk, threads: threads, reuse: true)
      for pass in ["computed", "cached"] {
        let isSame = Bits(try await other.generate(prompt, params)) == Bits(whole)
        #expect(isSame, "\(type), chunks of \(chunk), \(threads) threads, \(pass)")
      }
      let isSame = Bits(try await other.generate(longer, params)) == wholeLonger
      #expect(isSame, "\(type), chunks of \(chunk), \(threads) threads, a cached prefix")
      #expect(other.statistics().lastStep.cacheHitRate > 0.6)
      await other.shutdown()
    }
  }

  @Test func whatCanNeverRunIsRefusedAndNothingElseIsDisturbed() async throws {
    let llm = try await Self.llm()
    func refusal(_ prompt: String, _ params: SamplingParams = SamplingParams(maxTokens: 4)) async -> String {
      do {
        _ = try await llm.generate(prompt, params)
        return "accepted"
      } catch {
        return "\(error)"
      }
    }
    #expect(await refusal("").contains("the prompt is empty"))
    #expect(await refusal(String(repeating: "word ", count: 9000)).contains("shorten the prompt"))
    #expect(await refusal("Hello", SamplingParams(maxTokens: 0)).contains("max_tokens is 0"))
    #expect(await refusal("Hello", SamplingParams(maxTokens: 4, temperature: -1)).contains("temperature is -1"))
    #expect(await refusal("Hello", SamplingParams(maxTokens: 4, topK: -1)).contains("top_k is -1"))
    #expect(await refusal("Hello", SamplingParams(maxTokens: 4, topP: 0)).contains("top_p is 0"))
    #expect(await refusal("Hello") == "accepted")
    await llm.shutdown()
  }

  @Test func leavingAStreamCancelsItsRequest() async throws {
    let llm = try await Self.llm()
    for try await chunk in try llm.stream("Once upon a time", SamplingParams(maxTokens: 2000)) where chunk.token != nil
    {
      break
    }
    // The cancellation arrives with the next step.
    for _ in 0..<1000 where llm.statistics().cancelledRequestCount == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(llm.statistics().cancelledRequestCount == 1)
    #expect(llm.statistics().usedBlockCount == 0)
    await llm.shutdown()
  }
}
