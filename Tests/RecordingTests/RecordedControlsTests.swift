import Decoding
import Executor
import Foundation
import Recording
import Requests
import TestKit
import Testing

/// What requests say beside how many tokens they want, several samples, and texts that end them.
@Suite struct RecordedControlsTests {
  static var params: SamplingParams {
    var params = SamplingParams(maxTokens: 20, temperature: 0.9, topK: 40, topP: 0.95, seed: 3, stopTokenIDs: [4])
    (params.minTokens, params.n, params.bestOf, params.minP, params.typicalP) = (2, 2, 3, 0.01, 0.99)
    (params.repetitionPenalty, params.presencePenalty, params.frequencyPenalty) = (1.1, 0.5, -0.25)
    (params.noRepeatNGramSize, params.logitBias, params.badWords) = (6, [7: 1.5, 8: -2], ["no"])
    (params.stop, params.includesStop, params.truncatePrompt) = (["end"], true, 9)
    (params.skipSpecialTokens, params.echo, params.logprobs, params.promptLogprobs) = (false, true, 1, 2)
    params.ignoreEndOfSequence = true
    return params
  }

  private struct Greedy: LogitsProcessor {
    mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) {}
  }

  @Test func everyParameterComesBack() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var request = GenerationRequest(promptTokens: RecordingTests.prompt(6, seed: 1), params: Self.params)
    (request.bannedSequences, request.firstSampleIndex) = ([[1, 2], [3]], 5)
    for hasContents in [true, false] {
      let run = RecordingTests.Run(hasContents: hasContents)
      try await run.record(path) { executor in
        for await _ in try executor.submit(request).outputs {}
      }
      var reader = try RecordingReader(path: path)
      var arrivals: [RecordedRequest] = []
      while let step = try reader.next() { arrivals += step.arrivals }
      let arrival = try #require(arrivals.first)
      var expected = Self.params
      // The seed is the request's, and words are contents.
      expected.seed = nil
      if !hasContents { (expected.stop, expected.badWords, expected.logitBias) = ([], [], [:]) }
      #expect(arrival.params == expected && arrival.seed == 3 && arrivals.count == 1 && !arrival.hasControls)
      #expect(arrival.bannedSequences == (hasContents ? [[1, 2], [3]] : []) && arrival.firstSampleIndex == 5)
    }
  }

  /// Readers that find a stop string end samples from outside, at a time that only the recording knows.
  private static func work(_ executor: Executor, sampleCounts: ClosedRange<Int>) async throws {
    var generator = SplitMix64(seed: 8)
    try await withThrowingTaskGroup { group in
      for index in 0..<24 {
        var params = SamplingParams(maxTokens: 24, temperature: 0.8, logprobs: 0)
        params.n = Int.random(in: sampleCounts, using: &generator)
        params.repetitionPenalty = [1, 1.2].randomElement(using: &generator) ?? 1
        params.minTokens = [0, 4].randomElement(using: &generator) ?? 0
        let request = GenerationRequest(
          promptTokens: RecordingTests.prompt(5 + index, seed: UInt64(index)), params: params,
          endOfSequenceTokenIDs: [9])
        let submission = try executor.submit(request)
        let stop = Int.random(in: 0...8, using: &generator)
        group.addTask {
          var count = 0
          for await output in submission.outputs {
            guard case .token(let token) = output else { continue }
            count += 1
            if count == stop { executor.endSample(token.sampleIndex, of: submission.id, for: .stopString("x")) }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func samplesAndWhatEndsThemAreMadeAgain() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    run.script.microsecondsPerPass = 100
    try await run.record(path) { try await Self.work($0, sampleCounts: 1...3) }
    let report = try run.replay(path)
    #expect(report.differences == [] && report.notes == [] && report.openCount == 0)
    #expect(report.requestCount == 24 && report.tokenCount > 100)
  }

  @Test func whatEndsSamplesIsMadeAgainWithoutContents() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run(hasContents: false)
    run.script.microsecondsPerPass = 100
    run.configuration.isReusingPrefixes = false
    try await run.record(path) { try await Self.work($0, sampleCounts: 1...1) }
    let report = try run.replay(path)
    #expect(report.differences == [] && report.notes.count == 1 && report.openCount == 0)
    try await run.record(path) { try await Self.work($0, sampleCounts: 2...2) }
    let several = try run.replay(path)
    #expect(several.differences == [] && several.notes.contains { $0.contains("2 samples") })
  }

  /// Allows the tokens that leave no remainder, and is over after five of them.
  private struct Multiples: TokenConstraint {
    let divisor: TokenID
    var left = 5

    mutating func fillMask(_ words: inout [UInt64]) {
      for word in words.indices {
        words[word] = (0..<64).reduce(0) { (word * 64 + $1) % Int(divisor) == 0 ? $0 | 1 << UInt64($1) : $0 }
      }
    }

    mutating func accept(_ token: TokenID) throws(DecodingError) {
      guard token % divisor == 0 else { throw .tokenNotAllowed(token) }
      left -= 1
    }

    var isFinished: Bool { left == 0 }
  }

  /// Behind every token of choice comes token 3.
  private struct Forcing: TokenConstraint {
    var count = 0

    mutating func fillMask(_ words: inout [UInt64]) {
      for word in words.indices { words[word] = count % 2 == 0 ? .max : word == 0 ? 1 << 3 : 0 }
    }

    mutating func accept(_ token: TokenID) throws(DecodingError) {
      guard count % 2 == 0 || token == 3 else { throw .tokenNotAllowed(token) }
      count += 1
    }

    mutating func forcedToken() -> TokenID? { count % 2 == 1 ? 3 : nil }

    var isFinished: Bool { count == 8 }
  }

  /// Tokens without an alternative are appended without a pass, or not, as they were.
  @Test(arguments: [true, false]) func jumpingForwardIsMadeAgain(isJumping: Bool) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    run.configuration.isJumpingForward = isJumping
    try await run.record(path) { executor in
      let request = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 9, temperature: 1))
      for await _ in try executor.submit(
        request, controls: TokenControls(constraint: Forcing()) { "forcing" }
      ).outputs {}
      #expect(executor.statistics().jumpedTokenCount == (isJumping ? 4 : 0))
    }
    var replay = try ExecutionReplay(try RecordingReader(path: path), engine: FakeModelEngine()) { _ in
      TokenControls(constraint: Forcing())
    }
    let report = try replay.run()
    #expect(report.differences == [] && report.notes == [] && report.tokenCount == 8)
  }

  @Test func grammarsAreMadeAgain() async throws {
    struct Unknown: Error {}
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    func record(_ run: RecordingTests.Run, _ controls: TokenControls) async throws {
      try await run.record(path) { executor in
        let request = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 9, temperature: 1))
        for await _ in try executor.submit(request, controls: controls).outputs {}
      }
    }
    func replay(_ divisor: TokenID = 7) throws -> ReplayFindings {
      var replay = try ExecutionReplay(try RecordingReader(path: path), engine: FakeModelEngine()) { grammar in
        guard grammar == "multiples of 7" else { throw Unknown() }
        return TokenControls(constraint: Multiples(divisor: divisor))
      }
      return try replay.run()
    }
    let controls = TokenControls(constraint: Multiples(divisor: 7)) { "multiples of 7" }
    try await record(RecordingTests.Run(), controls)
    let report = try replay()
    #expect(report.differences == [] && report.notes == [] && report.tokenCount == 5)
    #expect(try replay(1).differenceCount > 0)
    // Nobody who can make it, another constraint in its place, and code besides.
    #expect(try RecordingTests.Run().replay(path).tokenCount == 0)
    var replaced = controls
    replaced.constraint = Multiples(divisor: 3)
    var besides = controls
    besides.processors = [Greedy()]
    for opaque in [replaced, besides] {
      try await record(RecordingTests.Run(), opaque)
      #expect(try replay().notes.contains { $0.contains("guided by a grammar or by code") })
    }
    // What a grammar says is contents.
    try await record(RecordingTests.Run(hasContents: false), controls)
    #expect(!(try String(contentsOfFile: path, encoding: .utf8)).contains("multiples"))
    try await record(RecordingTests.Run(), TokenControls(constraint: Multiples(divisor: 7)) { "others" })
    #expect(throws: RecordingError.self) { try replay() }
  }

  @Test func whatCodeDecidedIsNotCompared() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    let run = RecordingTests.Run()
    try await run.record(path) { executor in
      let request = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 4))
      for await _ in try executor.submit(request).outputs {}
      for await _ in try executor.submit(request, controls: TokenControls(processors: [Greedy()])).outputs {}
    }
    let report = try run.replay(path)
    #expect(report.differences == [] && report.requestCount == 1 && report.tokenCount == 4)
    #expect(report.notes.contains { $0.contains("guided by a grammar or by code") })
  }
}
