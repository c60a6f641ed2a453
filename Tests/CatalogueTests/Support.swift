import Crypto
import Foundation

/// Whether the long versions of the fuzz tests should run.
let longTests = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"

/// The SHA-256 of `bytes` in hexadecimal digits.
func sha256(_ bytes: [UInt8]) -> String { hex(SHA256.hash(data: bytes)) }

/// The identity of `bytes` as a git blob.
func gitBlob(_ bytes: [UInt8]) -> String { hex(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes)) }

private func hex(_ digest: some Sequence<UInt8>) -> String {
  digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// A variable that closures of one task share.
final class Box<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// A directory that is deleted with the last reference.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "inflight-catalogue-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, with the directories above it, and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) -> String {
    let file = "\(path)/\(name)"
    try? FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: file, contents: Data(bytes))
    return file
  }

  /// Writes a shell script that can be run, and returns its path. Another process makes the file: had this one it open
  /// for writing while another thread starts a program, the system would refuse to run it ("text file busy").
  func writeProgram(_ body: String, to name: String) throws -> String {
    let text = write(Array("#!/bin/sh\n\(body)\n".utf8), to: name + ".text")
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/sh")
    copy.arguments = ["-c", "cp \"$0\" \"$1\" && rm \"$0\" && chmod +x \"$1\"", text, "\(path)/\(name)"]
    try copy.run()
    copy.waitUntilExit()
    return "\(path)/\(name)"
  }

  func read(_ name: String) -> [UInt8]? { FileManager.default.contents(atPath: "\(path)/\(name)").map { Array($0) } }

  /// Every file below, relative to the directory, sorted.
  func files() -> [String] {
    (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter {
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: "\(path)/\($0)", isDirectory: &isDirectory)
        && !isDirectory.boolValue
    }.sorted()
  }
}
