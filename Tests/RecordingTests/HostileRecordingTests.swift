import Executor
import Foundation
import ModelEngines
import Recording
import Requests
import TestKit
import Testing

/// Any file is replayed or refused.
@Suite struct HostileRecordingTests {
  static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"

  private static func replay(_ path: String, hasContents: Bool) {
    guard let reader = try? RecordingReader(path: path) else { return }
    guard
      var replay = hasContents && reader.header.hasContents
        ? try? ExecutionReplay(reader, engine: FakeModelEngine()) : try? .withoutContents(reader)
    else { return }
    _ = try? replay.run()
  }

  @Test(arguments: [true, false]) func damagedFilesAreReplayedOrRefused(hasContents: Bool) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    run.hasContents = hasContents
    try await run.record(path) { try await RecordingTests.work($0, count: 12, seed: 51) }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var generator = SplitMix64(seed: 8)
    let numbers = ["0", "-1", "1", "99999999", "9223372036854775807", "1e300", "null", "[]", "\"x\""]
    for round in 0..<(Self.isLong ? 20_000 : 400) {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch round % 4 {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator)))
        case 2: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 60)], at: place)
        default:
          // Another number where there is one.
          guard let start = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) else { continue }
          let end = bytes[start...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
          let number = numbers.randomElement(using: &generator) ?? "0"
          bytes.replaceSubrange(start..<end, with: Array(number.utf8))
        }
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      Self.replay(path, hasContents: hasContents)
    }
  }

  @Test(arguments: [
    "", "\n", "{}\n", "[1]\n", "{\"inflight_recording\":2}\n", "{\"inflight_recording\":1}\n", "not json\n",
  ]) func whatIsNoRecordingIsSaidToBeNone(text: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(text, to: "run.jsonl")
    do {
      _ = try RecordingReader(path: path)
      Issue.record("\(text) was read")
    } catch {
      #expect("\(error)".contains("line 1 of the recording"), "\(error)")
    }
  }

  /// What says how much memory is needed is not believed.
  @Test func sizesThatNoMemoryHasAreRefusedOrOfNoConsequence() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    var run = RecordingTests.Run()
    run.configuration.secondTier = .memory(byteCount: 3200)
    try await run.record(path) { try await RecordingTests.work($0, count: 3, seed: 5) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let prompt = try #require(text.firstMatch(of: /"prompt_tokens":\d+,"prompt":\[[^\]]*\]/))
    for count in ["1099511627776", "9223372036854775807"] {
      let lying = text.replacing(prompt.0, with: "\"prompt_tokens\":\(count)")
      try lying.write(toFile: path, atomically: true, encoding: .utf8)
      let reader = try RecordingReader(path: path)
      var replay = try ExecutionReplay(reader, engine: FakeModelEngine())
      #expect(throws: RecordingError.self) { try replay.run() }
    }
    run.hasContents = false
    try await run.record(path) { try await RecordingTests.work($0, count: 3, seed: 5) }
    let lengths = try String(contentsOfFile: path, encoding: .utf8)
    let expected = try run.replay(path)
    #expect(lengths.contains("\"second_tier_bytes\":3200"))
    for (old, new) in [
      ("\"second_tier_bytes\":3200", "\"second_tier_bytes\":9223372036854775807"),
      ("\"blocks\":256", "\"blocks\":4194304"),
    ] {
      try lengths.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try run.replay(path) == expected)
    }
  }

  @Test func missingFilesAndOtherEnginesAreRefused() async throws {
    #expect(throws: RecordingError.self) { try RecordingReader(path: "/nowhere") }
    let directory = try TemporaryDirectory()
    let path = directory.path + "/run.jsonl"
    let run = RecordingTests.Run()
    try await run.record(path) { _ in }
    let reader = try RecordingReader(path: path)
    #expect(throws: RecordingError.self) {
      try ExecutionReplay(reader, engine: FakeModelEngine(blockCount: 255))
    }
  }
}
