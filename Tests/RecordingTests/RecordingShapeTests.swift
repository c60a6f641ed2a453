import Decoding
import Executor
import Foundation
import Recording
import Requests
import TestKit
import Testing

/// A recording is what is written, or it is refused: nothing in it becomes a default in silence.
@Suite struct RecordingShapeTests {
  private struct Anything: TokenConstraint {
    mutating func fillMask(_ words: inout [UInt64]) { for word in words.indices { words[word] = .max } }
    mutating func accept(_ token: TokenID) throws(DecodingError) {}
    var isFinished: Bool { false }
  }

  /// A recording with every member there is.
  private static func record(_ path: String) async throws {
    var run = RecordingTests.Run()
    run.configuration.maximumChunkSize = 64
    run.configuration.maximumPrefillTokensPerStep = 32
    run.configuration.targetInterTokenLatency = .milliseconds(50)
    run.configuration.secondTier = .memory(byteCount: 4000)
    run.customParts = ["scheduler"]
    try await run.record(path) { executor in
      var request = GenerationRequest(
        promptTokens: RecordingTests.prompt(20, seed: 1), params: RecordedControlsTests.params, priority: 2, tag: 7,
        endOfSequenceTokenIDs: [9],
        cache: CacheOptions(
          isReused: false, salt: "a",
          retention: CacheRetention(ranges: [.init(start: 0, end: 8, priority: 80, seconds: 1)])))
      (request.bannedSequences, request.firstSampleIndex) = ([[1, 2], [3]], 5)
      let beams = BeamSearchParams(
        width: 3, maxTokens: 10, n: 2, lengthPenalty: 0.5, earlyStopping: .never, stopTokenIDs: [9])
      let controls = TokenControls(constraint: Anything()) { "anything" }
      let long = GenerationRequest(promptTokens: [1, 2, 3], params: SamplingParams(maxTokens: 400))
      let cancelled = try executor.submit(long)
      let stopped = try executor.submit(long)
      let submissions = [
        cancelled, stopped, try executor.submit(request),
        try executor.submit(GenerationRequest(promptTokens: [1, 2], beams: beams)),
        try executor.submit(
          GenerationRequest(promptTokens: [5], params: SamplingParams(maxTokens: 3)), controls: controls),
      ]
      for submission in submissions {
        var count = 0
        for await _ in submission.outputs {
          count += 1
          guard count == 3 else { continue }
          if submission.id == cancelled.id { executor.cancel(submission.id) }
          if submission.id == stopped.id { executor.endSample(0, of: submission.id, for: .stopString("x")) }
        }
      }
    }
  }

  /// All values that differ from `value` in one place: something of another kind there, or another member.
  private static func wrongs(_ value: Any, path: String = "") -> [(path: String, value: Any)] {
    var wrongs: [(String, Any)] = []
    if let object = value as? [String: Any] {
      wrongs.append((path, [] as [Any]))
      for (name, member) in object {
        for (place, wrong) in Self.wrongs(member, path: "\(path).\(name)") {
          wrongs.append((place, object.merging([name: wrong]) { $1 }))
        }
      }
      wrongs.append((path + ".other", object.merging(["other": 1]) { $1 }))
    } else {
      wrongs.append((path, [:] as [String: Any]))
      for (index, element) in (value as? [Any] ?? []).enumerated() {
        for (place, wrong) in Self.wrongs(element, path: path + "[]") {
          var array = value as? [Any] ?? []
          array[index] = wrong
          wrongs.append((place, array))
        }
      }
    }
    return wrongs
  }

  @Test func whatIsOfAnotherKindIsRefusedWithItsName() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    try await Self.record(path)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    func error(of lines: [String]) throws -> RecordingError? {
      try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
      do throws(RecordingError) {
        var reader = try RecordingReader(path: path)
        while try reader.next() != nil {}
        return nil
      } catch {
        return error
      }
    }
    var seen: Set<String> = []
    for (place, line) in lines.enumerated() {
      let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
      for (member, wrong) in Self.wrongs(value) {
        // A shape that was seen in another line, or in another element, is read by the same code.
        guard seen.insert((place == 0 ? "header" : "step") + member).inserted else { continue }
        var changed = lines
        changed[place] = String(decoding: try JSONSerialization.data(withJSONObject: wrong), as: UTF8.self)
        guard case .damaged(let number, let reason) = try error(of: changed) else {
          Issue.record("\(member) of line \(place + 1) may be anything: \(changed[place])")
          continue
        }
        #expect(number == place + 1)
        let name = member.split(separator: ".").last?.prefix { $0 != "[" } ?? ""
        // What stands in an array of an array has no name of its own.
        #expect(name.isEmpty || reason.contains("\"") || place == 0, "\(member): \(reason)")
      }
    }
    #expect(try error(of: lines) == nil)
    for member in [
      "step.arrive[].params.max_tokens", "step.arrive[].params.echo", "step.arrive[].controls", "step.arrive[].reuse",
      "step.arrive[].beams.width", "step.arrive[].retention[][]", "step.arrive[].grammar", "step.cancel[]",
      "step.stop[]", "step.end[][]", "step.logprobs[]", "step.plan[]", "step.start[]", "step.prefill",
      "header.custom_parts[]", "header.engine.sliding_window", "header.executor.chunk_size",
    ] {
      let isSeen = seen.contains(member)
      #expect(isSeen, "\(member) was not in the recording")
    }
  }

  /// Nothing out of range is clamped.
  @Test(arguments: ["0", "-1", "4294967296", "1.5"]) func sizesOutOfRangeAreRefused(size: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    run.configuration.maximumChunkSize = 64
    try await run.record(path) { _ in }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for member in ["\"chunk_size\":64", "\"sliding_window\":null", "\"max_prefill_tokens_per_step\":null"] {
      #expect(text.contains(member))
      let name = member.prefix { $0 != ":" }
      try text.replacing(member, with: "\(name):\(size)").write(toFile: path, atomically: true, encoding: .utf8)
      do {
        _ = try RecordingReader(path: path)
        Issue.record("\(name):\(size) was read")
      } catch {
        #expect("\(error)".contains(name.dropFirst().dropLast()), "\(error)")
      }
    }
  }
}
