import Decoding
import Executor
import Requests
import Scheduling
import TestKit
import Testing

/// Controls that look at what a request has generated, through the executor.
@Suite struct ControlsTests {
  /// Allows one text only.
  private struct OneText: TokenConstraint {
    var rest: [TokenID]

    mutating func fillMask(_ words: inout [UInt64]) {
      for place in words.indices { words[place] = 0 }
      if let next = rest.first { words[Int(next) / 64] |= 1 << UInt64(next % 64) }
    }

    mutating func accept(_ token: TokenID) throws(DecodingError) {
      guard rest.first == token else { throw .tokenNotAllowed(token) }
      rest.removeFirst()
    }

    var isFinished: Bool { rest.isEmpty }
  }

  /// Allows a token that the mask does not, now and then.
  private struct Liar: TokenConstraint {
    mutating func fillMask(_ words: inout [UInt64]) { for place in words.indices { words[place] = .max } }
    mutating func accept(_ token: TokenID) throws(DecodingError) { throw .tokenNotAllowed(token) }
    var isFinished: Bool { false }
  }

  /// Can be followed for two tokens, as a grammar that then is too ambiguous.
  private struct Lost: TokenConstraint {
    var count = 0
    mutating func fillMask(_ words: inout [UInt64]) throws(DecodingError) {
      if count == 2 { throw .unsupported("too many ways") }
      for place in words.indices { words[place] = .max }
    }
    mutating func accept(_ token: TokenID) { count += 1 }
    var isFinished: Bool { false }
  }

  /// Never ends in time, and leaves no room for the mask of what does.
  private struct Careless: TokenConstraint {
    let wordCount: Int
    var count = 0
    mutating func fillMask(_ words: inout [UInt64]) { for place in words.indices { words[place] = .max } }
    mutating func fillMask(_ words: inout [UInt64], endingWithin count: Int) {
      words = Array(repeating: .max, count: wordCount)
    }
    mutating func accept(_ token: TokenID) { count += 1 }
    mutating func canEnd(within count: Int) -> Bool { self.count == 0 }
    var isFinished: Bool { false }
  }

  private struct Wish: LogitsProcessor {
    mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) throws {
      if tokens.count - promptTokenCount == 4 { throw WishError() }
      logits[tokens.count] = 1000
    }
    struct WishError: Error {}
  }

  @Test func aConstraintDecidesWhatIsGeneratedAndEndsIt() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 20))
    let text: [TokenID] = [5, 60, 61, 96, 0]
    let output = try await executor.submit(request, controls: TokenControls(constraint: OneText(rest: text)))
      .outputs.collect()
    #expect(output.tokenIDs == text)
    #expect(output.reason == .constraintEnded)
    // The log-probabilities are the model's, not those of a choice of one.
    var wanted = request
    wanted.params.logprobs = 1
    let scored = try await executor.submit(wanted, controls: TokenControls(constraint: OneText(rest: text)))
      .outputs.collect()
    #expect(scored.tokens.allSatisfy { ($0.logprob ?? 0) < -0.5 && $0.top[0].token != $0.token })
  }

  @Test func aConstraintThatContradictsItselfFailsItsRequestAlone() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 8))
    let good = try executor.submit(request)
    let bad = try executor.submit(request, controls: TokenControls(constraint: Liar()))
    #expect(await bad.outputs.collect().reason?.name == "error")
    #expect(await good.outputs.collect().tokenIDs == FakeModelEngine.greedyContinuation(of: [1, 2], count: 8))
  }

  /// What a request's constraint cannot do is no failure of the decoder's.
  @Test func aConstraintThatCannotGoOnIsTheRequestsFault() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 8))
    let output = try await executor.submit(request, controls: TokenControls(constraint: Lost())).outputs.collect()
    #expect(output.tokens.count == 2)
    #expect(output.reason == .failed(.constraint("too many ways")))
  }

  @Test(arguments: [0, 1, 100]) func aMaskOfAnotherLengthFailsItsRequest(wordCount: Int) async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 8))
    let controls = TokenControls(constraint: Careless(wordCount: wordCount))
    let output = try await executor.submit(request, controls: controls).outputs.collect()
    #expect(output.reason?.name == "error" && output.tokens.isEmpty)
  }

  @Test func aProcessorThatThrowsFailsItsRequestAlone() async throws {
    let executor = try Executor(engine: FakeModelEngine())
    let request = GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 8))
    let good = try executor.submit(request)
    let bad = try executor.submit(request, controls: TokenControls(processors: [Wish()]))
    let output = await bad.outputs.collect()
    #expect(output.tokenIDs == [2, 3, 4, 5])
    #expect(output.reason == .failed(.decoding("a logits processor failed: WishError()")))
    #expect(await good.outputs.collect().tokenIDs == FakeModelEngine.greedyContinuation(of: [1, 2], count: 8))
  }

  @Test func contradictionsAreRefused() throws {
    let executor = try Executor(engine: FakeModelEngine())
    let controls = TokenControls(constraint: OneText(rest: [1]))
    var params = SamplingParams(maxTokens: 8, ignoreEndOfSequence: true)
    #expect(throws: SubmissionError.self) {
      try executor.submit(GenerationRequest(promptTokens: [1], params: params), controls: controls)
    }
    params = SamplingParams(maxTokens: 8)
    params.minTokens = 2
    #expect(throws: SubmissionError.self) {
      try executor.submit(GenerationRequest(promptTokens: [1], params: params), controls: controls)
    }
    params.logitBias = [97: 1]
    #expect(throws: SubmissionError.tokenOutOfVocabulary(token: 97, vocabularySize: 97, parameter: "logit_bias")) {
      try executor.submit(GenerationRequest(promptTokens: [1], params: params))
    }
  }

  /// The state of the controls survives a pause, and does not depend on the batch.
  @Test func penaltiesAreTheSameAloneAndAmongOthers() async throws {
    let requests = (0..<12).map { index in
      var params = SamplingParams(
        maxTokens: 30, temperature: index % 2 == 0 ? 0 : 0.9, seed: UInt64(index), logprobs: 1)
      params.repetitionPenalty = 1.5
      params.frequencyPenalty = 0.7
      params.noRepeatNGramSize = 1 + index % 3
      params.minTokens = 5
      params.logitBias = [3: 4, 90: -50]
      return GenerationRequest(
        promptTokens: prompt(3 + index, seed: UInt64(index)), params: params, endOfSequenceTokenIDs: [3])
    }
    var alone: [Collected] = []
    for request in requests { alone.append(try await Executor(engine: FakeModelEngine()).run(request).uncached) }
    let executor = try Executor(
      engine: FakeModelEngine(blockCount: 24), scheduler: Scheduler(capacity: MaximumUtilizationScheduler()))
    let submissions = try requests.map { try executor.submit($0) }
    for (index, submission) in submissions.enumerated() {
      #expect(await submission.outputs.collect().uncached == alone[index])
    }
    #expect(alone.allSatisfy { $0.tokens.count >= 5 })
    #expect(alone.contains { $0.reason == .endOfSequence(3) })
  }
}
