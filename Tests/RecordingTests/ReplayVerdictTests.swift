import Decoding
import Executor
import Foundation
import ModelEngines
import Recording
import Requests
import TestKit
import Testing

/// What a replay may call the same.
@Suite struct ReplayVerdictTests {
  private static func generate(_ executor: Executor, _ count: Int = 12) async throws {
    let params = SamplingParams(maxTokens: count)
    let request = GenerationRequest(promptTokens: RecordingTests.prompt(10, seed: 3), params: params)
    for await _ in try executor.submit(request).outputs {}
  }

  @Test func nothingComparedIsNotTheSame() async throws {
    struct Free: LogitsProcessor {
      mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) {}
    }
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    let run = RecordingTests.Run()
    // The first request is one of which nothing is recorded.
    try await run.record(path) { executor in
      let request = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 4))
      for await _ in try executor.submit(request, controls: TokenControls(processors: [Free()])).outputs {}
    }
    let guided = try run.replay(path)
    #expect(guided.verdict == .nothingCompared && guided.notes.contains { $0.contains("by code") })
    // A recording of which only the header was written.
    let header = try String(contentsOfFile: path, encoding: .utf8).prefix { $0 != "\n" }
    try "\(header)\n".write(toFile: path, atomically: true, encoding: .utf8)
    let empty = try run.replay(path)
    #expect(empty.verdict == .nothingCompared, "\(empty)")
    try await run.record(path) { try await Self.generate($0) }
    #expect(try run.replay(path).verdict == .same)
    var script = FakeModelEngine.Script()
    script.wantedToken = { $0.count == 15 ? 96 : nil }
    #expect(try run.replay(path, script: script).verdict == .different)
  }

  /// Whoever ends before what was recorded of it is made again is not the same, even if the recording has no end of it.
  @Test func anEndBeforeTheRecordedTokensIsADifference() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    // Then only tokens are compared.
    run.customParts = ["scheduler"]
    try await run.record(path) { try await Self.generate($0) }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    // The process was killed after ten tokens.
    try (lines[...10].joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let same = try run.replay(path)
    #expect(same.verdict == .same && same.openCount == 1 && same.tokenCount == 10, "\(same)")
    var script = FakeModelEngine.Script()
    script.isFailingRun = { $0.count == 15 }
    let failed = try run.replay(path, script: script)
    #expect(failed.verdict == .different && failed.openCount == 0)
    guard case .end(RequestID(0), recorded: nil, replayed: let end) = failed.differences.last else {
      Issue.record("\(failed)")
      return
    }
    #expect(end?.contains("\"error\"") == true)
  }

  /// What stands for a salt says who shares, and nothing else.
  @Test func saltsAreNotRecorded() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    let run = RecordingTests.Run()
    func salts() async throws -> [String?] {
      try await run.record(path) { executor in
        for salt in ["secret of a", "secret of b", "secret of a", nil] {
          let request = GenerationRequest(
            promptTokens: [1, 2], params: SamplingParams(maxTokens: 2), cache: CacheOptions(salt: salt))
          for await _ in try executor.submit(request).outputs {}
        }
      }
      #expect(!(try String(contentsOfFile: path, encoding: .utf8)).contains("secret"))
      var reader = try RecordingReader(path: path)
      var salts: [String?] = []
      while let step = try reader.next() { salts += step.arrivals.map(\.cache.salt) }
      return salts
    }
    let (first, second) = (try await salts(), try await salts())
    #expect(first.count == 4 && first[0] == first[2] && first[0] != first[1] && first[0] != nil && first[3] == nil)
    // Another recording has another key.
    #expect(first[0] != second[0])
  }

  /// A short file does not make a replay take gigabytes, or hours.
  @Test(.timeLimit(.minutes(1))) func lengthsAndTokensOfAHostileRecordingAreBounded() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    let run = RecordingTests.Run(hasContents: false)
    try await run.record(path) { try await Self.generate($0) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let long = text.replacing("\"prompt_tokens\":10", with: "\"prompt_tokens\":\(1 << 24 + 1)")
      .replacing("\"max_sequence_length\":512", with: "\"max_sequence_length\":\(1 << 30)")
      .replacing("\"blocks\":256", with: "\"blocks\":\(1 << 22)")
    try long.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: RecordingError.unsuitable("more than 16777216 tokens of prompts at a time")) {
      try run.replay(path)
    }
    let tokens = (0..<100_000).map(String.init).joined(separator: ",")
    for member in ["\"eos\":[\(tokens)],\"params\":{", "\"params\":{\"stop_token_ids\":[\(tokens)],"] {
      let many = text.replacing("\"params\":{", with: member)
      try many.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: RecordingError.self) { try run.replay(path) }
    }
  }
}
