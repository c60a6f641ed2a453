import Checkpoints
import Decoding
import Executor
import Guided
import JSON
import ModelEngines
import Requests
import Scheduling
import TestKit
import Testing

/// Tokens that a grammar forces are appended without a pass, and nothing else is different.
@Suite struct JumpForwardTests {
  /// All bytes, some longer tokens and one that ends a sequence.
  private static let end: TokenID = 262
  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + ["\"name\"", "\":", "ab", "tru", "na", ",\""].map { Array($0.utf8) }
      + [[]], endOfSequence: [end])

  private static let schema = """
    {"type": "object", "required": ["identifier", "kind", "values"], "additionalProperties": false, "properties": {
      "identifier": {"type": "integer", "minimum": 10, "maximum": 99}, "kind": {"enum": ["square", "squirrel", "ab"]},
      "values": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3}}}
    """

  private static func grammars() throws -> [CompiledGrammar] {
    try [
      .jsonSchema(schema), .regex("(ab|cd)x{9}(true|zz)q?"), .choice(["alphabet soup", "alphabet street", "x"]),
      .grammar("root ::= \"begin \" item item? \"end\"\nitem ::= [0-9] \" of five; \""),
    ].map { try CompiledGrammar($0, vocabulary: vocabulary) }
  }

  private static func engine(
    blockSize: Int = 4, blockCount: Int = 1024, gate: FakeModelEngine.Gate? = nil
  ) -> FakeModelEngine {
    var script = FakeModelEngine.Script()
    script.gate = gate
    return FakeModelEngine(vocabularySize: 263, blockSize: blockSize, blockCount: blockCount, script: script)
  }

  private static func configuration(_ isJumping: Bool, chunk: Int? = nil, reuse: Bool = true) -> ExecutorConfiguration {
    ExecutorConfiguration(maximumChunkSize: chunk, isReusingPrefixes: reuse, isJumpingForward: isJumping)
  }

  /// Requests of all kinds of parameters, each with the number of its grammar.
  private static let requests: [(request: GenerationRequest, grammar: Int)] = (0..<48).map { index in
    var params = SamplingParams(
      maxTokens: [80, 80, 17, 5, 1][index % 5], temperature: index % 3 == 0 ? 0 : 1.2, topK: index % 7 == 0 ? 40 : 0,
      topP: index % 4 == 0 ? 0.8 : 1, seed: UInt64(index))
    if index % 6 == 1 { params.n = 3 }
    if index % 2 == 0 { params.repetitionPenalty = 1.4 }
    if index % 5 == 0 { params.frequencyPenalty = 0.5 }
    if index % 8 == 3 { params.stopTokenIDs = [TokenID(UInt8(ascii: "v"))] }
    if index % 9 == 0 { params.logitBias = [TokenID(UInt8(ascii: "a")): 3, 98: -3, 256: 5] }
    if index % 11 == 0 { params.noRepeatNGramSize = 6 }
    if index % 13 == 0 { params.promptLogprobs = 1 }
    var request = GenerationRequest(
      promptTokens: prompt(1 + index, seed: UInt64(index)), params: params, endOfSequenceTokenIDs: [end])
    if index % 10 == 5 { request.bannedSequences = [[TokenID(UInt8(ascii: "x"))]] }
    if index % 10 == 7 { request.bannedSequences = [[TokenID(UInt8(ascii: "t"))], [0x61, 0x62]] }
    return (request, index % 4)
  }

  private func outputs(
    _ executor: Executor, alone: Bool = false, gate: FakeModelEngine.Gate? = nil,
    _ requests: [(request: GenerationRequest, grammar: Int)] = requests
  ) async throws -> [Collected] {
    let grammars = try Self.grammars()
    var outputs: [Collected] = []
    var submissions: [Executor.Submission] = []
    for (request, grammar) in requests {
      let constraint = GrammarConstraint(matcher: grammars[grammar].makeMatcher())
      let submission = try executor.submit(request, controls: TokenControls(constraint: constraint))
      if alone { outputs.append(await submission.outputs.collect().ordered) } else { submissions.append(submission) }
    }
    gate?.open()
    for submission in submissions { outputs.append(await submission.outputs.collect().ordered) }
    await executor.shutdown()
    return outputs
  }

  @Test func whatIsGeneratedIsTheSame() async throws {
    let plain = try Executor(engine: Self.engine(), configuration: Self.configuration(false))
    let expected = try await outputs(plain, alone: true)
    #expect(plain.statistics().jumpedTokenCount == 0)
    // All ways to end are among them.
    #expect(expected.contains { $0.reason == .constraintEnded } && expected.contains { $0.reason == .length })
    #expect(expected.contains { $0.reason?.name == "error" })
    #expect(expected.contains { if case .stopToken = $0.reason { true } else { false } })
    let engine = Self.engine()
    let log = engine.log
    let jumping = try Executor(engine: engine, configuration: Self.configuration(true))
    #expect(try await outputs(jumping, alone: true) == expected)
    let statistics = jumping.statistics()
    #expect(statistics.jumpedTokenCount > 500)
    #expect(statistics.generatedTokenCount == plain.statistics().generatedTokenCount)
    // Every forced token that is not the last of its request saves a pass if a request is alone.
    #expect(log.passes.count < plain.statistics().stepCount * 2 / 3)
  }

  /// In batches, chunks and small caches in which requests are paused.
  @Test(arguments: [
    (nil, 4, 1024, true), (1, 4, 1024, true), (3, 8, 1024, false), (nil, 4, 80, true), (5, 2, 150, false),
  ])
  func whatIsGeneratedIsTheSameInBatches(chunk: Int?, blockSize: Int, blockCount: Int, reuse: Bool) async throws {
    let plain = try Executor(engine: Self.engine(), configuration: Self.configuration(false))
    let expected = try await outputs(plain, alone: true)
    // All requests arrive before the first pass is over, so that the small cache is too small for them.
    let gate = FakeModelEngine.Gate(fromPass: 0)
    let engine = Self.engine(blockSize: blockSize, blockCount: blockCount, gate: gate)
    let jumping = try Executor(
      engine: engine, configuration: Self.configuration(true, chunk: chunk, reuse: reuse),
      scheduler: Scheduler(capacity: MaximumUtilizationScheduler()))
    #expect(try await outputs(jumping, gate: gate) == expected)
    #expect(jumping.statistics().jumpedTokenCount > 500)
    if blockCount < 100 { #expect(jumping.statistics().pauseCount > 0) }
  }

  /// Log-probabilities need the rows of logits, and code of the caller's sees them.
  @Test func rowsThatAreAskedForAreComputed() async throws {
    struct Nothing: LogitsProcessor {
      mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) {}
    }
    let grammar = try Self.grammars()[0]
    var request = Self.requests[8].request
    request.params = SamplingParams(maxTokens: 100, temperature: 1, seed: 4, logprobs: 2)
    var outputs: [Collected] = []
    for isJumping in [false, true] {
      let executor = try Executor(engine: Self.engine(), configuration: Self.configuration(isJumping))
      let constraint = GrammarConstraint(matcher: grammar.makeMatcher())
      outputs.append(
        try await executor.submit(request, controls: TokenControls(constraint: constraint)).outputs.collect())
      var silent = request
      silent.params.logprobs = nil
      let controls = TokenControls(constraint: constraint, processors: [Nothing()])
      let processed = try await executor.submit(silent, controls: controls).outputs.collect()
      #expect(processed.tokenIDs == outputs[0].tokenIDs)
      #expect(executor.statistics().jumpedTokenCount == 0)
      if isJumping {
        let jumped = try await executor.submit(silent, controls: TokenControls(constraint: constraint)).outputs
          .collect()
        #expect(jumped.tokenIDs == outputs[0].tokenIDs)
        #expect(executor.statistics().jumpedTokenCount > 20)
      }
    }
    #expect(outputs[0].uncached == outputs[1].uncached)
    #expect(outputs[0].tokens.allSatisfy { $0.logprob != nil && $0.top.count == 2 })
  }

  /// A row that is not a number fails its request where it decides something, and nobody where the token is forced.
  @Test func rowsBeforeForcedTokensAreNotLookedAt() async throws {
    var script = FakeModelEngine.Script()
    // The row behind the first forced token.
    script.isPoisoned = { $0.count == 7 }
    let grammar = try CompiledGrammar(.regex("(a|b)x{9}"), vocabulary: Self.vocabulary)
    for isJumping in [false, true] {
      let engine = FakeModelEngine(vocabularySize: 263, blockSize: 4, blockCount: 1024, script: script)
      let executor = try Executor(engine: engine, configuration: Self.configuration(isJumping))
      let constraint = GrammarConstraint(matcher: grammar.makeMatcher())
      let request = GenerationRequest(promptTokens: prompt(5, seed: 1), endOfSequenceTokenIDs: [Self.end])
      let output = try await executor.submit(request, controls: TokenControls(constraint: constraint)).outputs.collect()
      #expect(output.reason?.name == (isJumping ? FinishReason.constraintEnded.name : "error"))
      #expect(output.tokens.count == (isJumping ? 10 : 2))
      await executor.shutdown()
    }
  }

  /// On an engine that computes: the tokens, and the bits of what is computed behind those that were forced.
  @Test func theBitsOfAModelAreTheSame() async throws {
    let directory = try TemporaryDirectory()
    let config = TinyCheckpoint.config(modelType: "qwen2")
    try TinyCheckpoint(configJSON: config, weightScale: 0.3).writeHuggingFace(to: directory)
    let checkpoint = try Checkpoint.open(path: directory.path)
    let options = EngineOptions(threadCount: 2, maximumBatchTokens: 64, cacheTokens: 2048)
    let grammar = try CompiledGrammar(
      .regex("(one|two|three) of them( and (fish|birds|flowers) as well){1,3}"),
      // The tiny model has 96 tokens: the printable characters.
      vocabulary: TokenVocabulary(bytesOfTokens: (0..<96).map { [UInt8($0 + 32)] }, endOfSequence: [95]))
    var tokens: [[TokenID]] = []
    var scores: [[TokenOutput]] = []
    for isJumping in [false, true] {
      let engine = try CPUModelEngine(
        checkpoint: checkpoint, options: options,
        backend: CPUBackend(configuration: checkpoint.configuration, options: options))
      let executor = try Executor(engine: engine, configuration: Self.configuration(isJumping))
      for seed in 0..<6 as Range<UInt64> {
        let prompt = prompt(5 + 4 * Int(seed), seed: seed).map { $0 % 96 }
        let request = GenerationRequest(
          promptTokens: prompt, params: SamplingParams(maxTokens: 60, temperature: 1, seed: seed))
        let constraint = GrammarConstraint(matcher: grammar.makeMatcher())
        let output = try await executor.submit(request, controls: TokenControls(constraint: constraint))
          .outputs.collect()
        tokens.append(output.tokenIDs)
        // What goes on from there reads the keys and values that were computed in runs.
        var next = GenerationRequest(
          promptTokens: prompt + output.tokenIDs, params: SamplingParams(maxTokens: 4, logprobs: 5))
        next.params.ignoreEndOfSequence = true
        let score = try await executor.run(next)
        #expect((score.summary?.cachedTokenCount ?? 0) >= prompt.count)
        scores.append(score.tokens)
      }
      #expect((executor.statistics().jumpedTokenCount > 100) == isJumping)
      await executor.shutdown()
    }
    #expect(tokens[..<6] == tokens[6...])
    #expect(scores[..<6] == scores[6...])
    #expect(Set(tokens).count > 3)
  }
}

extension Collected {
  /// Tokens and samples by sample, and nothing of the cache: what must not depend on the batch.
  fileprivate var ordered: Collected {
    var copy = uncached
    copy.tokens = tokens.enumerated().sorted {
      ($0.element.sampleIndex, $0.offset) < ($1.element.sampleIndex, $1.offset)
    }
    .map(\.element)
    copy.samples.sort { $0.sampleIndex < $1.sampleIndex }
    // Why the last sample ended, which may be another one.
    if !samples.isEmpty { copy.summary?.reason = .length }
    return copy
  }
}
