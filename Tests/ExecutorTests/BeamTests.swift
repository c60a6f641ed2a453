import Decoding
import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import Tensors
import TestKit
import Testing

/// Beam searches, whose beams share the blocks of what they have in common.
@Suite struct BeamTests {
  static let end: TokenID = 3

  /// What a search finds.
  struct Found: Equatable {
    var sequences: [[TokenOutput]] = []
    var reasons: [FinishReason] = []
  }

  static func params(_ width: Int, maxTokens: Int = 12, _ early: BeamSearchParams.EarlyStopping = .never)
    -> BeamSearchParams
  {
    BeamSearchParams(width: width, maxTokens: maxTokens, n: width, lengthPenalty: 0.7, earlyStopping: early)
  }

  static func request(_ params: BeamSearchParams, prompt length: Int = 21, seed: UInt64 = 3) -> GenerationRequest {
    GenerationRequest(promptTokens: prompt(length, seed: seed), beams: params, endOfSequenceTokenIDs: [end])
  }

  /// The same search as a loop over all beams, each computed from its beginning. Also says how many tokens must be computed
  /// if nothing is twice, and in how many steps.
  static func alone(
    _ request: GenerationRequest, vocabularySize: Int = 97, script: FakeModelEngine.Script = FakeModelEngine.Script()
  ) throws -> (found: Found, tokenCount: Int, stepCount: Int) {
    var search = BeamSearch(try #require(request.beams), endTokens: [end])
    let logits = Logits(vocabularySize: vocabularySize)
    var decoder = SamplingDecoder()
    var (tokenCount, stepCount) = (request.promptTokens.count - 1, 0)
    while !search.isOver {
      tokenCount += search.running.count
      stepCount += 1
      logits.resize(rowCount: search.running.count)
      var rows: [DecodingRow] = []
      for (row, beam) in search.running.enumerated() {
        let history = request.promptTokens + beam.tokens
        let values = FakeModelEngine.logits(after: history, vocabularySize: vocabularySize, script: script)
        logits.withMutableRow(row) { for token in values.indices { $0[token] = values[token] } }
        rows.append(DecodingRow(logitsRow: row, params: request.params, seed: 0, position: history.count))
      }
      var results: [Result<TokenOutput, DecodingError>] = []
      decoder.decode(logits, rows: rows, into: &results)
      search.advance(try results.map { try $0.get().top })
    }
    var found = Found()
    for (rank, beam) in search.finished.enumerated() {
      found.sequences.append(
        zip(beam.tokens, beam.logprobs).map { TokenOutput(token: $0, logprob: $1, sampleIndex: rank) })
      found.reasons.append(beam.tokens.last == end ? .endOfSequence(end) : .length)
    }
    return (found, tokenCount, stepCount)
  }

  private func found(_ output: Collected) -> Found {
    var found = Found()
    for summary in output.samples {
      let tokens = output.tokens.filter { $0.sampleIndex == summary.sampleIndex }
      #expect(summary.completionTokenCount == tokens.count && summary.sampleIndex == found.sequences.count)
      found.sequences.append(tokens)
      found.reasons.append(summary.reason)
    }
    return found
  }

  @Test(arguments: [1, 2, 4, 7], [1, 4, 20, 21])
  func whatIsFoundIsTheSameAndNothingIsComputedTwice(width: Int, length: Int) async throws {
    let request = Self.request(Self.params(width), prompt: length)
    let (expected, tokenCount, stepCount) = try Self.alone(request)
    // Without reuse of prefixes: what is shared is shared by forks.
    let engine = FakeModelEngine()
    let log = engine.log
    let executor = try Executor(engine: engine, configuration: ExecutorConfiguration(isReusingPrefixes: false))
    let output = try await executor.run(request)
    #expect(found(output) == expected && expected.sequences.count == width)
    #expect(log.passes.reduce(0) { $0 + $1.tokenCount } == tokenCount)
    // All beams in one pass.
    #expect(log.passes.count == stepCount)
    #expect(output.summary?.completionTokenCount == expected.sequences.joined().count)
    #expect(try await executor.wait { $0.activeRequestCount == 0 }.usedBlockCount == 0)
  }

  /// One block is copied where a beam begins beside another, the one that is not full, and none where a beam goes on alone.
  @Test func onlyTheLastBlockOfABeamIsCopied() async throws {
    let engine = FakeModelEngine(blockSize: 8)
    let cache = KVCacheManager(
      KVCacheManager.Configuration(blockSize: 8, blockCount: 256, slotCount: 256), store: engine)
    let mailbox = Mailbox(maximumQueuedRequests: 1)
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(), resources: ResourceManager(cache: cache),
      limits: BatchLimits(maximumTokenCount: 256, maximumRequestCount: 256, maximumLogitsRowCount: 64, blockSize: 8),
      mailbox: mailbox, statistics: StatisticsBox())
    let input = Self.request(Self.params(4, maxTokens: 20), prompt: 21)
    try mailbox.submit(
      Request(id: RequestID(0), input: input, seed: 0, maximumTokenCount: 41, outputs: OutputQueue()))
    loop.step()
    var (copyCount, steps) = (0, 1)
    while loop.hasRequests {
      loop.step()
      try cache.checkIntegrity()
      let copies = cache.statistics.copyCount - copyCount
      // Of four beams three at most are new, and where a block ends there is nothing to copy.
      #expect(copies <= ((20 + steps) % 8 == 0 ? 0 : 3), "step \(steps)")
      (copyCount, steps) = (cache.statistics.copyCount, steps + 1)
    }
    #expect(copyCount > 0 && steps == 20)
    #expect(cache.capacity == ResourceCapacity(total: 256, free: 256))
  }

  /// Small caches and batches, in which not all beams run in one step, other requests, and policies that pause.
  @Test(arguments: [
    (8, 64, 256, 4, 0), (8, 4, 256, 4, 0), (9, 40, 60, 4, 1), (8, 5, 50, 4, 2), (16, 64, 34, 8, 3), (8, 4, 120, 2, 4),
  ])
  func nothingElseMatters(batch: Int, tokens: Int, blocks: Int, blockSize: Int, seed: Int) async throws {
    let scheduler = Scheduler(
      capacity: seed == 0 ? GuaranteedNoEvictScheduler() : PausingScheduler(seed: UInt64(seed)))
    let executor = try Executor(
      engine: FakeModelEngine(maximumBatchTokens: tokens, blockSize: blockSize, blockCount: blocks),
      configuration: ExecutorConfiguration(maximumBatchSize: batch, maximumChunkSize: 7), scheduler: scheduler)
    let searches = (0..<3).map { Self.request(Self.params(4), prompt: 5 + 8 * $0, seed: UInt64($0)) }
    let submissions = try searches.map { try executor.submit($0) }
    let others = try (0..<5).map { index in
      try executor.submit(
        GenerationRequest(promptTokens: prompt(9, seed: UInt64(index)), params: SamplingParams(maxTokens: 20)))
    }
    for (request, submission) in zip(searches, submissions) {
      #expect(found(await submission.outputs.collect()) == (try Self.alone(request).found))
    }
    for submission in others { #expect(await submission.outputs.collect().reason == .length) }
    let statistics = try await executor.wait { $0.activeRequestCount == 0 && $0.waitingRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0 && statistics.failedRequestCount == 0)
    #expect(statistics.stoppedRequestCount + statistics.lengthRequestCount == 8)
    await executor.shutdown()
  }

  /// Sequences end on the way, and a vocabulary of a few tokens lets the number of beams rise and fall.
  @Test(arguments: [2, 3, 5, 97], BeamSearchParams.EarlyStopping.all)
  func sequencesEnd(vocabularySize: Int, early: BeamSearchParams.EarlyStopping) async throws {
    for seed in 0..<6 as Range<UInt64> {
      var script = FakeModelEngine.Script()
      script.wantedToken = { history in
        vocabularySize > 3 && history.count > 8 && history.reduce(0, +) % 3 == 0 ? Self.end : nil
      }
      let input = GenerationRequest(
        promptTokens: prompt(5, seed: seed).map { $0 % TokenID(vocabularySize) }, beams: Self.params(6, early),
        endOfSequenceTokenIDs: [Self.end])
      let engine = FakeModelEngine(vocabularySize: vocabularySize, script: script)
      let cache = KVCacheManager(
        KVCacheManager.Configuration(blockSize: 4, blockCount: 256, slotCount: 64), store: engine)
      let (mailbox, queue) = (Mailbox(maximumQueuedRequests: 1), OutputQueue())
      var loop = StepLoop(
        engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(), resources: ResourceManager(cache: cache),
        limits: BatchLimits(maximumTokenCount: 256, maximumRequestCount: 64, maximumLogitsRowCount: 64, blockSize: 4),
        mailbox: mailbox, statistics: StatisticsBox())
      try mailbox.submit(
        Request(id: RequestID(0), input: input, seed: 0, maximumTokenCount: 17, outputs: queue))
      let expected = try Self.alone(input, vocabularySize: vocabularySize, script: script)
      for _ in 0..<expected.stepCount {
        loop.step()
        try cache.checkIntegrity()
      }
      let hasRequests = loop.hasRequests
      try #require(!hasRequests && engine.log.passes.count == expected.stepCount)
      #expect(found(await RequestOutputs(queue).collect()) == expected.found)
      #expect(cache.capacity.free == 256)
    }
  }

  @Test func aCacheThatCannotForkDoesNotMatter() async throws {
    let cache = KVCacheManager(
      KVCacheManager.Configuration(blockSize: 4, blockCount: 256, slotCount: 8, isReusing: false))
    let executor = try Executor(
      engine: FakeModelEngine(), configuration: ExecutorConfiguration(maximumBatchSize: 8), cache: cache)
    let request = Self.request(Self.params(3))
    #expect(found(try await executor.run(request)) == (try Self.alone(request).found))
  }

  @Test(arguments: [5, 6, 7] as [TokenID]) func failedAndCancelledSearchesLeaveNothing(first: TokenID) async throws {
    var script = FakeModelEngine.Script()
    script.isFailingRun = { $0.count == 14 && $0[0] == 5 && $0[10] % 2 == 0 }
    script.isPoisoned = { $0.count == 14 && $0[0] == 6 }
    if first == 7 { script.gate = FakeModelEngine.Gate(fromPass: 4) }
    let executor = try Executor(engine: FakeModelEngine(script: script))
    let submission = try executor.submit(
      GenerationRequest(promptTokens: [first] + prompt(8, seed: 2), beams: Self.params(4, maxTokens: 40)))
    if first == 7 {
      _ = try await executor.wait { $0.activeRequestCount == 4 }
      executor.cancel(submission.id)
      script.gate?.open()
    }
    let output = await submission.outputs.collect()
    #expect(output.tokens.isEmpty && output.samples.isEmpty)
    #expect(output.reason?.name == (first == 7 ? "cancelled" : "error"))
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0)
    #expect(statistics.cancelledRequestCount + statistics.failedRequestCount == 1)
    await executor.shutdown()
  }

  @Test func aSearchThatNobodyReadsIsCancelled() async throws {
    var script = FakeModelEngine.Script()
    script.gate = FakeModelEngine.Gate(fromPass: 4)
    let executor = try Executor(engine: FakeModelEngine(script: script))
    do { _ = try executor.submit(Self.request(Self.params(4, maxTokens: 100))) }
    script.gate?.open()
    let statistics = try await executor.wait { $0.cancelledRequestCount == 1 && $0.activeRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0)
    await executor.shutdown()
  }

  @Test func whatCannotRunIsRefused() throws {
    let executor = try Executor(
      engine: FakeModelEngine(blockCount: 16), configuration: ExecutorConfiguration(maximumBatchSize: 4))
    #expect(throws: SubmissionError.tooManySamples(count: 5, limit: 4)) {
      try executor.submit(Self.request(Self.params(5)))
    }
    #expect(throws: SubmissionError.cacheTooSmall(neededBlockCount: 21, totalBlockCount: 16, blockSize: 4)) {
      try executor.submit(Self.request(Self.params(4, maxTokens: 14)))
    }
    for width in [0, -1, .max] {
      #expect(throws: SubmissionError.self) { try executor.submit(Self.request(Self.params(width))) }
    }
    #expect(throws: Never.self) { try executor.submit(Self.request(Self.params(2, maxTokens: 14))) }
  }
}

extension BeamSearchParams.EarlyStopping {
  fileprivate static let all = [BeamSearchParams.EarlyStopping.whenEnoughHaveEnded, .whenUnlikely, .never]
}
