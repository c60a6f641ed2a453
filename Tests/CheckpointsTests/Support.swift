import Checkpoints
import Foundation
import TestKit
import Testing

/// Long fuzzing is asked for by the environment.
let isLongRun = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"

/// Checks that `body` throws a `CheckpointError` whose one-line description contains every one of `parts`.
func expectRefusal<Result>(
  _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) {
  let error = #expect(throws: CheckpointError.self, sourceLocation: sourceLocation) { try body() }
  guard let description = error?.description else { return }
  #expect(!description.contains("\n"), sourceLocation: sourceLocation)
  for part in parts {
    #expect(description.contains(part), "\(part) is not in: \(description)", sourceLocation: sourceLocation)
  }
}

/// Checks that a GGUF file is refused, by file name and by every one of `parts`.
func expectRefusal(
  of writer: GGUFWriter, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try expectRefusal(ofBytes: writer.bytes(), parts, sourceLocation: sourceLocation)
}

/// Checks that the bytes of a GGUF file are refused, by file name and by every one of `parts`.
func expectRefusal(
  ofBytes bytes: [UInt8], _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write(bytes, to: "broken.gguf")
  let error = #expect(throws: CheckpointError.self, sourceLocation: sourceLocation) { try Checkpoint.open(path: path) }
  guard let description = error?.description else { return }
  for part in ["broken.gguf"] + parts {
    #expect(description.contains(part), "\(part) is not in: \(description)", sourceLocation: sourceLocation)
  }
}
