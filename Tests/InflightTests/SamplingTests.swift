import Inflight
import Testing
import Tokenization

/// The controls that look at text, several samples and beams, on real weights.
@Suite(.serialized) struct SamplingTests {
  private let prompt = "The capital of France is"

  private func sampling(_ change: (inout SamplingParams) -> Void) -> SamplingParams {
    var params = SamplingParams(maxTokens: 24)
    change(&params)
    return params
  }

  @Test func stopStringsEndTheTextExactly() async throws {
    let llm = try await RealModelTests.llm()
    let whole = try await llm.generate(prompt, sampling { _ in })
    let bytes = Array(whole.text.utf8)
    for start in stride(from: 1, to: bytes.count - 4, by: 3) {
      guard let stop = String(validating: bytes[start..<start + 4], as: UTF8.self) else { continue }
      let place = try #require((0..<bytes.count).first { bytes[$0...].starts(with: stop.utf8) })
      for includesStop in [false, true] {
        let cut = try await llm.generate(prompt, sampling { ($0.stop, $0.includesStop) = ([stop], includesStop) })
        #expect(Array(cut.text.utf8) == Array(bytes[..<(includesStop ? place + 4 : place)]))
        #expect(cut.finishReason == .stopString(stop) && cut.finishReason.name == "stop")
        #expect(whole.tokens.starts(with: cut.tokens))
      }
    }
    let statistics = try await idle(llm)
    #expect(statistics.usedBlockCount == 0)
    await llm.shutdown()
  }

  private func idle(_ llm: LLM) async throws -> ExecutorStatistics {
    for _ in 0..<1000 where llm.statistics().activeRequestCount > 0 { try await Task.sleep(for: .milliseconds(5)) }
    return llm.statistics()
  }

  @Test func samplesAreThoseOfEachAloneAndTheBestAreChosen() async throws {
    let llm = try await RealModelTests.llm()
    let params = sampling { ($0.temperature, $0.topK, $0.seed, $0.n, $0.stop) = (1, 50, 7, 4, ["."]) }
    let samples = try await llm.generateSamples(prompt, params)
    #expect(samples.map(\.sampleIndex) == [0, 1, 2, 3])
    #expect(Set(samples.map(\.tokens)).count > 1)
    #expect(samples.allSatisfy { !$0.text.contains(".") && $0.logprobs.isEmpty && $0.seed == 7 })
    var single = params
    single.n = 1
    #expect(try await llm.generate(prompt, single).text == samples[0].text)
    // The same again, streamed.
    var texts = ["", "", "", ""]
    for try await chunk in try llm.stream(prompt, params) { texts[chunk.sampleIndex] += chunk.text }
    #expect(texts == samples.map(\.text))

    var best = params
    (best.n, best.bestOf, best.logprobs) = (2, 4, 0)
    let chosen = try await llm.generateSamples(prompt, best)
    var all = params
    all.logprobs = 0
    let means = try await llm.generateSamples(prompt, all).map { $0.meanLogprob ?? 0 }.sorted(by: >)
    #expect(chosen.map { $0.meanLogprob ?? 0 } == Array(means.prefix(2)))
    #expect(throws: InflightError.self) { try llm.stream(prompt, best) }
    await #expect(throws: InflightError.self) { try await llm.generate(prompt, params) }
    await llm.shutdown()
  }

  @Test func wordsCanBeForbiddenAndThePromptEchoedAndCut() async throws {
    let llm = try await RealModelTests.llm()
    let free = try await llm.generate(prompt, sampling { _ in })
    #expect(free.text.contains("Paris"))
    let without = try await llm.generate(prompt, sampling { $0.badWords = ["Paris"] })
    #expect(!without.text.contains("Paris"))
    let echoed = try await llm.generate(prompt, sampling { $0.echo = true })
    #expect(echoed.text == prompt + free.text)
    let long = "Rome is nice. " + prompt
    let cut = try await llm.generate(long, sampling { $0.truncatePrompt = 5 })
    let last = Array(llm.tokenizer.encode(long).suffix(5))
    #expect(cut.promptTokenCount == 5)
    #expect(try await llm.stream(tokens: last, sampling { _ in }).completion().tokens == cut.tokens)
    let chatted = try await llm.chat([.user("Say hello.")], sampling { ($0.maxTokens, $0.minTokens) = (60, 60) })
    #expect(chatted.tokens.count == 60)
    await llm.shutdown()
  }

  /// The log-probabilities of generated tokens are those that scoring the same text gives.
  @Test func logprobsAreThoseOfTheScore() async throws {
    let llm = try await RealModelTests.llm()
    let completion = try await llm.generate(prompt, sampling { ($0.temperature, $0.seed, $0.logprobs) = (0.9, 3, 3) })
    let stream = try llm.stream(
      tokens: llm.tokenizer.encode(prompt) + completion.tokens,
      sampling { ($0.maxTokens, $0.promptLogprobs) = (1, 3) })
    let scored = try await stream.completion().promptLogprobs.suffix(completion.tokens.count)
    for (entry, token) in zip(scored, completion.logprobs) {
      #expect(abs((entry.logprob ?? 0) - (token.logprob ?? 1)) <= 1e-5)
      #expect(entry.top == token.top)
    }
    await llm.shutdown()
  }

  @Test func oneBeamIsGreedyAndMoreAreAtLeastAsProbable() async throws {
    let llm = try await RealModelTests.llm()
    let greedy = try await llm.generate(prompt, SamplingParams(maxTokens: 10, logprobs: 0))
    let one = try await llm.beamSearch(prompt, BeamSearchParams(width: 1, maxTokens: 10, lengthPenalty: 0))
    #expect(one[0].tokens == greedy.tokens)
    let many = try await llm.beamSearch(
      prompt, BeamSearchParams(width: 4, maxTokens: 10, n: 4, lengthPenalty: 0, earlyStopping: .never))
    #expect(many.count == 4 && many[0].logprob >= one[0].logprob)
    #expect(Set(many.map(\.tokens)).count == 4)
    // What a sequence is said to be worth is what scoring it gives.
    for beam in many {
      let stream = try llm.stream(
        tokens: llm.tokenizer.encode(prompt) + beam.tokens, SamplingParams(maxTokens: 1, promptLogprobs: 0))
      let scored = try await stream.completion().promptLogprobs.suffix(beam.tokens.count)
      #expect(abs(scored.reduce(0.0) { $0 + Double($1.logprob ?? 0) } - beam.logprob) < 1e-4)
    }
    await llm.shutdown()
  }
}
