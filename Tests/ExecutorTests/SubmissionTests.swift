import Decoding
import Executor
import Requests
import Resources
import Scheduling
import TestKit
import Testing

@Suite struct SubmissionTests {
  /// 97 tokens in the vocabulary, sequences of 64, 12 blocks of 4 tokens: 48 tokens of cache.
  private func refusal(_ request: GenerationRequest) async throws -> SubmissionError? {
    let executor = try Executor(engine: FakeModelEngine(maximumSequenceLength: 64, blockCount: 12))
    defer { executor.cancel(RequestID(0)) }
    do {
      let submission = try executor.submit(request)
      for await _ in submission.outputs {}
      return nil
    } catch {
      return error
    }
  }

  @Test func whatCanNeverRunIsRefused() async throws {
    #expect(try await refusal(GenerationRequest(promptTokens: [])) == .emptyPrompt)
    #expect(
      try await refusal(GenerationRequest(promptTokens: prompt(48, seed: 1)))
        == .promptTooLong(tokenCount: 48, limit: 48))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 63)))
        == .sequenceTooLong(promptTokenCount: 2, maxTokens: 63, limit: 64))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1, 2], beams: BeamSearchParams(width: 2, maxTokens: 63)))
        == .sequenceTooLong(promptTokenCount: 2, maxTokens: 63, limit: 64))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: .max)))
        == .sequenceTooLong(promptTokenCount: 2, maxTokens: .max, limit: 64))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 47)))
        == .cacheTooSmall(neededBlockCount: 13, totalBlockCount: 12, blockSize: 4))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1, 97]))
        == .tokenOutOfVocabulary(token: 97, vocabularySize: 97, parameter: "prompt"))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [-1]))
        == .tokenOutOfVocabulary(token: -1, vocabularySize: 97, parameter: "prompt"))
    #expect(
      try await refusal(GenerationRequest(promptTokens: [1], params: SamplingParams(stopTokenIDs: [400])))
        == .tokenOutOfVocabulary(token: 400, vocabularySize: 97, parameter: "stop_token_ids"))
  }

  @Test func theLongestRequestsRun() async throws {
    #expect(
      try await refusal(GenerationRequest(promptTokens: prompt(47, seed: 1), params: SamplingParams(maxTokens: 1)))
        == nil)
    #expect(try await refusal(GenerationRequest(promptTokens: [1, 2], params: SamplingParams(maxTokens: 46))) == nil)
  }

  @Test(arguments: [
    (SamplingParams(maxTokens: 0), "max_tokens is 0; it must be at least 1"),
    (SamplingParams(maxTokens: -4), "max_tokens is -4; it must be at least 1"),
    (SamplingParams(temperature: -0.5), "temperature is -0.5; it must be a finite number, 0 or more"),
    (SamplingParams(temperature: .nan), "temperature is nan; it must be a finite number, 0 or more"),
    (SamplingParams(temperature: .infinity), "temperature is inf; it must be a finite number, 0 or more"),
    (SamplingParams(topK: -1), "top_k is -1; it must be 0 (no limit) or more"),
    (SamplingParams(topP: 0), "top_p is 0.0; it must be more than 0 and at most 1"),
    (SamplingParams(topP: 1.5), "top_p is 1.5; it must be more than 0 and at most 1"),
    (SamplingParams(topP: .nan), "top_p is nan; it must be more than 0 and at most 1"),
    (SamplingParams(logprobs: -1), "logprobs is -1; it must be between 0 and 256"),
    (SamplingParams(promptLogprobs: 257), "prompt_logprobs is 257; it must be between 0 and 256"),
    (SamplingParams(stopTokenIDs: [3, -2]), "stop_token_ids is -2; it must be token identifiers, 0 or more"),
  ])
  func parametersOutOfRangeAreRefused(params: SamplingParams, message: String) async throws {
    let error = try await refusal(GenerationRequest(promptTokens: [1], params: params))
    #expect(error?.description == message)
  }

  /// As many clients as there are places to run and to wait, each of which sends its next request as soon as one has ended.
  @Test func nobodyIsRefusedForWhomThereIsRoom() async throws {
    let executor = try Executor(
      engine: FakeModelEngine(),
      configuration: ExecutorConfiguration(maximumBatchSize: 2, maximumQueuedRequests: 2))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<4 {
        group.addTask {
          for index in 0..<300 {
            let submission = try executor.submit(
              GenerationRequest(
                promptTokens: prompt(5, seed: UInt64(1000 * client + index)),
                params: SamplingParams(maxTokens: 1 + index % 3)))
            for await _ in submission.outputs {}
          }
        }
      }
      try await group.waitForAll()
    }
    await executor.shutdown(.finishing)
  }

  /// The parameters that have no place in the initializer, and what contradicts each other.
  static let refusals: [(change: @Sendable (inout SamplingParams) -> Void, message: String)] = [
    ({ $0.minTokens = -1 }, "min_tokens is -1; it must be between 0 and max_tokens"),
    ({ ($0.maxTokens, $0.minTokens) = (3, 4) }, "min_tokens is 4; it must be between 0 and max_tokens"),
    ({ $0.n = 0 }, "n is 0; it must be between 1 and 128"),
    ({ $0.n = 129 }, "n is 129; it must be between 1 and 128"),
    ({ $0.n = 2 }, "n is 2; it must be 1 if temperature is 0: all samples would be the same"),
    ({ ($0.temperature, $0.n, $0.bestOf) = (1, 3, 2) }, "best_of is 2; it must be between n, which is 3, and 128"),
    ({ $0.bestOf = 2 }, "best_of is 2; it must be 1 if temperature is 0: all samples would be the same"),
    ({ $0.minP = 1.5 }, "min_p is 1.5; it must be between 0 and 1"),
    ({ $0.minP = .nan }, "min_p is nan; it must be between 0 and 1"),
    ({ $0.typicalP = 0 }, "typical_p is 0.0; it must be more than 0 and at most 1"),
    ({ $0.repetitionPenalty = 0 }, "repetition_penalty is 0.0; it must be between 0.01 and 100"),
    ({ $0.presencePenalty = 2.5 }, "presence_penalty is 2.5; it must be between -2 and 2"),
    ({ $0.frequencyPenalty = -.infinity }, "frequency_penalty is -inf; it must be between -2 and 2"),
    ({ $0.noRepeatNGramSize = -1 }, "no_repeat_ngram_size is -1; it must be between 0 (no limit) and 256"),
    ({ $0.noRepeatNGramSize = 257 }, "no_repeat_ngram_size is 257; it must be between 0 (no limit) and 256"),
    (
      { $0.stop = Array(repeating: String(repeating: "x", count: 4096), count: 17) },
      "stop is texts of 69632 bytes together; it must be at most 65536 bytes together"
    ),
    ({ $0.logitBias = [-1: 0] }, "logit_bias is for token -1; it must be for tokens 0 or more"),
    ({ $0.logitBias = [1: 0, 2: 101] }, "logit_bias is 101.0 for token 2; it must be between -100 and 100"),
    ({ $0.badWords = ["a", ""] }, "bad_words is a text of 0 bytes; it must be texts of 1 to 4096 bytes"),
    ({ $0.stop = [""] }, "stop is a text of 0 bytes; it must be texts of 1 to 4096 bytes"),
    (
      { $0.stop = Array(repeating: "a", count: 257) }, "stop is 257 texts; it must be at most 256 texts"
    ),
    (
      { $0.includesStop = true },
      "include_stop_str_in_output is true; it must be false where there are no stop strings"
    ),
    ({ $0.truncatePrompt = 0 }, "truncate_prompt_tokens is 0; it must be at least 1"),
  ]

  @Test(arguments: 0..<refusals.count) func contradictionsAreRefused(index: Int) async throws {
    var params = SamplingParams()
    Self.refusals[index].change(&params)
    let error = try await refusal(GenerationRequest(promptTokens: [1], params: params))
    #expect(error?.description == Self.refusals[index].message)
  }

  @Test func beamSearchesOutOfRangeAreRefused() {
    for params in [
      BeamSearchParams(width: 0, maxTokens: 1), BeamSearchParams(width: 129, maxTokens: 1),
      BeamSearchParams(width: 2, maxTokens: 0), BeamSearchParams(width: 2, maxTokens: 1, n: 3),
      BeamSearchParams(width: 2, maxTokens: 1, lengthPenalty: .nan),
      BeamSearchParams(width: 2, maxTokens: 1, lengthPenalty: 16.5),
      BeamSearchParams(width: 2, maxTokens: 1, lengthPenalty: -16.5),
    ] {
      #expect(throws: SamplingParamsError.self) { try params.validated(endTokenCount: 1) }
    }
    #expect(throws: Never.self) { try BeamSearchParams(width: 128, maxTokens: 1).validated(endTokenCount: 1) }
    // With very many tokens that end a sequence one beam is left.
    #expect(throws: SamplingParamsError("beam_width", "2", "between 1 and 1")) {
      try BeamSearchParams(width: 2, maxTokens: 1).validated(endTokenCount: 10_000)
    }
  }

  @Test func theQueueIsBounded() async throws {
    var script = FakeModelEngine.Script()
    script.gate = FakeModelEngine.Gate(fromPass: 0)
    script.microsecondsPerPass = 20_000
    // Requests that would run for minutes, so that even on a busy machine none ends before the shutdown.
    let executor = try Executor(
      engine: FakeModelEngine(maximumSequenceLength: 30_000, blockSize: 64, blockCount: 3000, script: script),
      configuration: ExecutorConfiguration(maximumBatchSize: 1, maximumQueuedRequests: 3))
    var submissions: [Executor.Submission] = []
    let request = GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 20_000))
    #expect(throws: SubmissionError.queueFull(limit: 3)) {
      for _ in 0..<5 { submissions.append(try executor.submit(request)) }
    }
    #expect(submissions.count >= 3)
    executor.cancel(submissions[0].id)
    script.gate?.open()
    await executor.shutdown()
    for submission in submissions { #expect(await submission.outputs.collect().reason == .cancelled) }
  }

  /// Prompts that wait take memory, which is set aside for so many tokens only.
  @Test func theTokensOfTheQueueAreBounded() throws {
    let mailbox = Mailbox(maximumQueuedRequests: 100, maximumQueuedTokens: 10)
    func submit(_ id: UInt64, _ count: Int) throws(SubmissionError) {
      let input = GenerationRequest(promptTokens: prompt(count, seed: id))
      try mailbox.submit(
        Request(id: RequestID(id), input: input, seed: 0, maximumTokenCount: count + 100, outputs: OutputQueue()))
    }
    var loop = StepLoop(
      engine: FakeModelEngine(), decoder: GreedyDecoder(), scheduler: Scheduler(),
      resources: ResourceManager(cache: KVCacheManager(blockSize: 4, blockCount: 256, slotCount: 2)),
      limits: BatchLimits(maximumTokenCount: 256, maximumRequestCount: 2, maximumLogitsRowCount: 64, blockSize: 4),
      mailbox: mailbox, statistics: StatisticsBox())
    // A prompt that is longer than all that may wait is taken while there is no other.
    try submit(0, 12)
    #expect(throws: SubmissionError.queueTooLong(tokenLimit: 10)) { try submit(1, 1) }
    // Who has started does not wait.
    loop.step()
    try submit(2, 6)
    try submit(3, 4)
    #expect(throws: SubmissionError.queueTooLong(tokenLimit: 10)) { try submit(4, 1) }
    loop.step()
    // One of the two has started; who is cancelled does not wait either.
    try submit(5, 6)
    #expect(throws: SubmissionError.queueTooLong(tokenLimit: 10)) { try submit(6, 1) }
    mailbox.cancel(RequestID(3))
    loop.step()
    try submit(7, 4)
    #expect(throws: SubmissionError.queueTooLong(tokenLimit: 10)) { try submit(8, 7) }
  }

  /// A place that a waiting request kept others from taking is free when that is cancelled, though nobody ended who ran.
  @Test func whoIsCancelledInTheQueueLeavesRoom() throws {
    let mailbox = Mailbox(maximumQueuedRequests: 1, startableCount: 2)
    func submit(_ id: UInt64, samples: Int = 1) throws(SubmissionError) {
      var params = SamplingParams(maxTokens: 50, temperature: samples > 1 ? 1 : 0)
      params.n = samples
      let input = GenerationRequest(promptTokens: [1], params: params)
      try mailbox.submit(
        Request(id: RequestID(id), input: input, seed: 0, maximumTokenCount: 51, outputs: OutputQueue()))
    }
    var loop = StepLoop(
      engine: FakeModelEngine(), decoder: GreedyDecoder(), scheduler: Scheduler(),
      resources: ResourceManager(cache: KVCacheManager(blockSize: 4, blockCount: 256, slotCount: 2)),
      limits: BatchLimits(maximumTokenCount: 256, maximumRequestCount: 2, maximumLogitsRowCount: 64, blockSize: 4),
      mailbox: mailbox, statistics: StatisticsBox())
    try submit(0)
    loop.step()
    // There is one place, and it needs two.
    try submit(1, samples: 2)
    loop.step()
    #expect(throws: SubmissionError.queueFull(limit: 1)) { try submit(2) }
    mailbox.cancel(RequestID(1))
    loop.step()
    try submit(2)
    try submit(3)
    #expect(throws: SubmissionError.queueFull(limit: 1)) { try submit(4) }
  }

  /// A burst that an idle executor has places for is no queue.
  @Test func whatCanStartDoesNotWait() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    let executor = try Executor(
      engine: FakeModelEngine(script: script),
      configuration: ExecutorConfiguration(maximumBatchSize: 4, maximumQueuedRequests: 2))
    let request = GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 2))
    // The second burst finds the places that the first one has left.
    for _ in 0..<2 {
      var submissions: [Executor.Submission] = []
      for _ in 0..<4 { submissions.append(try executor.submit(request)) }
      gate.open()
      for submission in submissions { #expect(await submission.outputs.collect().reason == .length) }
      while executor.statistics().activeRequestCount > 0 { await Task.yield() }
    }
    await executor.shutdown()
  }

  @Test func configurationsAreChecked() {
    #expect(throws: ExecutorConfigurationError("maximumBatchSize is 0; it must be at least 1")) {
      _ = try Executor(engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumBatchSize: 0))
    }
    #expect(throws: ExecutorConfigurationError("maximumChunkSize is -1; it must be at least 1")) {
      _ = try Executor(engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumChunkSize: -1))
    }
    #expect(throws: ExecutorConfigurationError.self) { _ = try Executor(engine: FakeModelEngine(blockCount: 0)) }
    #expect(throws: ExecutorConfigurationError.self) {
      _ = try Executor(engine: FakeModelEngine(maximumSequenceLength: 1))
    }
  }
}
