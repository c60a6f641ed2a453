import Executor
import Foundation
import ModelEngines
import Recording
import Requests
import Resources
import Scheduling
import Synchronization
import Tensors
import TestKit
import Testing

/// Runs are recorded, and made again.
@Suite struct RecordingTests {
  /// What a recorded run is made of.
  struct Run {
    var hasContents = true
    var configuration = ExecutorConfiguration()
    var blockCount = 256
    var customParts: [String] = []
    var script = FakeModelEngine.Script()

    func engine() -> FakeModelEngine { FakeModelEngine(blockCount: blockCount, script: script) }

    /// Runs `body` with an executor that is recorded to `path`.
    func record(_ path: String, _ body: (Executor) async throws -> Void) async throws {
      let engine = engine()
      let header = RecordingHeader(
        hasContents: hasContents, model: "model", modelHash: [1, 2, 255], cacheType: .f16, limits: engine.limits,
        geometry: engine.cacheGeometry, configuration: configuration, customParts: customParts)
      let recorder = try FileRecorder(path: path, header: header)
      let executor = try Executor(engine: engine, configuration: configuration, recorder: recorder)
      try await body(executor)
      await executor.shutdown()
      #expect(recorder.failure == nil)
    }

    /// Makes the recording at `path` again.
    func replay(_ path: String, script: FakeModelEngine.Script? = nil) throws -> ReplayFindings {
      let reader = try RecordingReader(path: path)
      var replay =
        hasContents
        ? try ExecutionReplay(
          reader, engine: FakeModelEngine(blockCount: blockCount, script: script ?? self.script))
        : try .withoutContents(reader)
      return try replay.run()
    }
  }

  static func prompt(_ count: Int, seed: UInt64) -> [TokenID] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in TokenID.random(in: 0..<97, using: &generator) }
  }

  /// Requests of every kind, some of which share prefixes, some of which are cancelled in the middle.
  static func work(_ executor: Executor, count: Int, seed: UInt64, sharing: Bool = true) async throws {
    var generator = SplitMix64(seed: seed)
    try await withThrowingTaskGroup { group in
      for index in 0..<count {
        let shared = sharing && Bool.random(using: &generator) ? prompt(24, seed: 7) : []
        let tokens = shared + prompt(Int.random(in: 1...40, using: &generator), seed: seed &* 1000 &+ UInt64(index))
        var request = GenerationRequest(
          promptTokens: tokens,
          params: SamplingParams(
            maxTokens: Int.random(in: 1...30, using: &generator),
            temperature: [0, 0.8].randomElement(using: &generator) ?? 0,
            topK: [0, 5].randomElement(using: &generator) ?? 0, topP: [1, 0.9].randomElement(using: &generator) ?? 1,
            stopTokenIDs: Bool.random(using: &generator) ? [3, 4, 5] : [],
            logprobs: Bool.random(using: &generator) ? 2 : nil,
            promptLogprobs: Int.random(in: 0...5, using: &generator) == 0 ? 1 : nil),
          priority: Int.random(in: 0...2, using: &generator), tag: UInt64.max, endOfSequenceTokenIDs: [9])
        if sharing, Bool.random(using: &generator) {
          request.cache.salt = ["a", "b"].randomElement(using: &generator)
          request.cache.retention.ranges = [
            .init(start: 0, end: 8, priority: 80, seconds: 0.001), .init(start: 8, priority: 2),
          ]
        }
        let submission = try executor.submit(request)
        let isCancelled = Int.random(in: 0...6, using: &generator) == 0
        group.addTask {
          for await output in submission.outputs {
            if isCancelled, case .token = output { executor.cancel(submission.id) }
          }
        }
        if Int.random(in: 0...3, using: &generator) == 0 { try await Task.sleep(for: .microseconds(300)) }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: CapacityPolicy.allCases, ChunkingPolicy.allCases)
  func everyTokenAndEveryDecisionIsTheSameAgain(capacity: CapacityPolicy, chunking: ChunkingPolicy) async throws {
    let directory = try TemporaryDirectory()
    var run = Run()
    run.configuration.capacityPolicy = capacity
    run.configuration.chunkingPolicy = chunking
    run.configuration.maximumBatchTokens = 48
    run.configuration.maximumPrefillTokensPerStep = 16
    // A small pool pauses; a policy that does not look at memory needs all of it.
    run.blockCount = capacity == .maximumRequests ? 2048 : 60
    run.configuration.secondTier = .memory(byteCount: 4000)
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { try await Self.work($0, count: 60, seed: 5) }
    let report = try run.replay(path)
    #expect(report.differences == [] && report.notes == [] && report.openCount == 0)
    #expect(report.requestCount == 60 && report.tokenCount > 200 && report.decisionCount == report.stepCount)
    // The owner's alone: it has what users have asked.
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func measuredSpeedIsTakenFromTheRecording() async throws {
    let directory = try TemporaryDirectory()
    var run = Run()
    run.script.microsecondsPerPass = 200
    run.configuration.targetInterTokenLatency = .microseconds(300)
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { try await Self.work($0, count: 30, seed: 11) }
    let report = try run.replay(path, script: FakeModelEngine.Script())
    #expect(report.differences == [] && report.requestCount == 30)
  }

  @Test func anotherTokenIsFoundWhereItIs() async throws {
    let directory = try TemporaryDirectory()
    let run = Run()
    let path = directory.path + "/run.jsonl"
    let tokens = Self.prompt(10, seed: 3)
    try await run.record(path) { executor in
      let params = SamplingParams(maxTokens: 12, logprobs: 0)
      let submission = try executor.submit(GenerationRequest(promptTokens: tokens, params: params))
      for await _ in submission.outputs {}
    }
    // An engine that is wrong in one place.
    var script = FakeModelEngine.Script()
    script.wantedToken = { $0.count == 15 ? 96 : nil }
    let report = try run.replay(path, script: script)
    guard case .token(let id, let index, _, let recorded, let replayed) = report.differences.first else {
      Issue.record("\(report)")
      return
    }
    #expect(id == RequestID(0) && index == 5 && replayed == 96 && recorded != 96)
    #expect("\(report.differences[0])".contains("request 0, generated token 5"))
    #expect(report.differenceCount > 1)
    // One that is wrong in the last bits of a log-probability only.
    script.wantedToken = nil
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let bits = try #require(text.firstMatch(of: /"logprobs":\[(\d+)\]/)?.1)
    let other = text.replacing(
      "\"logprobs\":[\(bits)]", with: "\"logprobs\":[\((UInt32(bits) ?? 0) ^ 1)]", maxReplacements: 1)
    try other.write(toFile: path, atomically: true, encoding: .utf8)
    let changed = try run.replay(path)
    #expect(changed.differenceCount == 1)
    guard case .logprob(RequestID(0), 0, _, _, _) = changed.differences.first else {
      Issue.record("\(changed)")
      return
    }
  }

  @Test func anotherDecisionIsFoundAndTokensAreStillCompared() async throws {
    let directory = try TemporaryDirectory()
    var run = Run()
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { try await Self.work($0, count: 40, seed: 21) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    // As if somebody had replayed it with another policy.
    let other = text.replacing("\"chunk_size\":null", with: "\"chunk_size\":8", maxReplacements: 1)
    try other.write(toFile: path, atomically: true, encoding: .utf8)
    let report = try run.replay(path)
    #expect(report.differenceCount == 1, "\(report.differences)")
    guard case .decision(_, let old, let new) = report.differences.first else {
      Issue.record("\(report)")
      return
    }
    #expect(old.contains("tokens for request") && new.contains("tokens for request"))
    #expect(report.tokenCount > 100)
    // Parts of the user's own are not here: then only tokens are compared.
    run.customParts = ["scheduler"]
    try other.replacing("\"custom_parts\":[]", with: "\"custom_parts\":[\"scheduler\"]")
      .write(toFile: path, atomically: true, encoding: .utf8)
    let tolerant = try run.replay(path)
    #expect(tolerant.differences == [] && tolerant.decisionCount == 0 && tolerant.notes.count == 1)
    #expect(tolerant.tokenCount == report.tokenCount)
  }

  @Test(arguments: CapacityPolicy.allCases) func withoutContentsDecisionsAndLengthsAreTheSame(capacity: CapacityPolicy)
    async throws
  {
    let directory = try TemporaryDirectory()
    var run = Run()
    run.hasContents = false
    run.configuration.capacityPolicy = capacity
    run.configuration.isReusingPrefixes = false
    run.blockCount = capacity == .maximumRequests ? 2048 : 60
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { try await Self.work($0, count: 60, seed: 31, sharing: false) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(!text.contains("\"prompt\":") && !text.contains("\"tokens\":"), "contents are in the file")
    let report = try run.replay(path)
    #expect(report.differences == [] && report.requestCount == 60 && report.tokenCount == 0)
    #expect(report.decisionCount == report.stepCount && report.notes.count == 1)
    // Another length is found.
    let ends = try #require(text.firstMatch(of: /"end":\[\[(\d+),"length",(\d+)\]/))
    let wrong = text.replacing(
      ends.0, with: "\"end\":[[\(ends.1),\"length\",\((Int(ends.2) ?? 0) + 1)]", maxReplacements: 1)
    try wrong.write(toFile: path, atomically: true, encoding: .utf8)
    guard case .end = try run.replay(path).differences.first else {
      Issue.record("the length was not compared")
      return
    }
  }

  @Test func withoutContentsAFoundPrefixIsTheEndOfWhatIsKnown() async throws {
    let directory = try TemporaryDirectory()
    var run = Run()
    run.hasContents = false
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { executor in
      for _ in 0..<2 {
        let request = GenerationRequest(promptTokens: Self.prompt(20, seed: 1), params: SamplingParams(maxTokens: 3))
        for await _ in try executor.submit(request).outputs {}
      }
    }
    let report = try run.replay(path)
    #expect(report.differences == [] && report.requestCount == 1)
    #expect(report.notes.contains { $0.contains("found 19 tokens in the cache") })
  }

  /// Who waits for the prefix that another computes decides something too, and finds it only later.
  @Test func withoutContentsARequestThatWaitsForAPrefixIsTheEndOfWhatIsKnown() async throws {
    let directory = try TemporaryDirectory()
    var run = Run()
    run.hasContents = false
    // A pass that takes long lets both requests arrive before the next.
    run.script.microsecondsPerPass = 20_000
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { executor in
      let first = try executor.submit(
        GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 40)))
      let shared = try (0..<2).map { _ in
        try executor.submit(
          GenerationRequest(promptTokens: Self.prompt(300, seed: 1), params: SamplingParams(maxTokens: 3)))
      }
      for submission in [first] + shared { for await _ in submission.outputs {} }
    }
    let report = try run.replay(path)
    #expect(report.differences == [])
    #expect(report.notes.contains { $0.contains("waited for what another was computing") }, "\(report.notes)")
  }

  /// Beams are forked and given up as they were.
  @Test func beamSearchesAreMadeAgain() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = Run()
    run.configuration.capacityPolicy = .maximumUtilization
    run.blockCount = 40
    for hasContents in [true, false] {
      run.hasContents = hasContents
      try await run.record(path) { executor in
        let submissions = try (0..<4).map { index in
          let beams = BeamSearchParams(
            width: 3, maxTokens: 10, n: 2, lengthPenalty: 0.5, earlyStopping: .never, stopTokenIDs: [9])
          return try executor.submit(
            GenerationRequest(promptTokens: Self.prompt(9 + index, seed: 5), beams: beams, endOfSequenceTokenIDs: [8]))
        }
        for submission in submissions { for await _ in submission.outputs {} }
      }
      let report = try run.replay(path)
      #expect(report.differences == [], "\(report)")
      if hasContents {
        #expect(report.requestCount == 4 && report.tokenCount > 0 && report.openCount == 0 && report.notes == [])
      } else {
        #expect(report.notes.contains { $0.contains("samples or beams") })
      }
    }
  }

  /// What a killed process leaves is a recording of what it did until then.
  @Test func aRecordingThatEndsInTheMiddleIsReplayedSoFar() async throws {
    let directory = try TemporaryDirectory()
    let run = Run()
    let path = directory.path + "/run.jsonl"
    try await run.record(path) { try await Self.work($0, count: 20, seed: 41) }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    let part = lines[..<(lines.count / 2)].joined(separator: "\n") + "\n" + lines[lines.count / 2].prefix(20)
    try part.write(toFile: path, atomically: true, encoding: .utf8)
    let report = try run.replay(path)
    #expect(report.differences == [] && report.openCount > 0 && report.stepCount == lines.count / 2 - 1)
  }

  @Test func aFileThatCannotBeWrittenIsSaidAndNothingElseFails() async throws {
    let engine = FakeModelEngine()
    let header = RecordingHeader(
      hasContents: true, model: "model", modelHash: [], cacheType: .f16, limits: engine.limits,
      geometry: engine.cacheGeometry, configuration: ExecutorConfiguration())
    #expect(throws: CacheFileError.self) { try FileRecorder(path: "/nowhere/run.jsonl", header: header) }
    // A recording is replaced, and so is nothing; another file may be the model.
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    for _ in 0..<2 { try FileRecorder(path: path, header: header).close() }
    for text in ["GGUF and much more than a recording begins with", "{}"] {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: CacheFileError.notRecording(path: path)) { try FileRecorder(path: path, header: header) }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
    try "".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: Never.self) { try FileRecorder(path: path, header: header) }
  }

  /// Whoever adds a parameter must record it, or answers cannot be made again.
  @Test func everyParameterIsRecorded() {
    let fields = Mirror(reflecting: SamplingParams()).children.compactMap(\.label)
    #expect(Set(fields) == Set(SamplingParams.recordedFields))
  }
}
