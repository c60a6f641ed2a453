import Checkpoints
import Foundation
import Testing
import Tokenization

/// The vocabularies of real models, from their GGUF files.
@Suite struct RealModelTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let smollm2 = environment["INFLIGHT_TEST_SMOLLM2"]
  private static let qwen = environment["INFLIGHT_TEST_QWEN"]

  @Test(.enabled(if: smollm2 != nil, "INFLIGHT_TEST_SMOLLM2 does not name the GGUF file"))
  func smollm2GivesTheReferencesTokens() throws {
    try check(#require(Self.smollm2), file: "smollm2.ids.json")
  }

  @Test(.enabled(if: qwen != nil, "INFLIGHT_TEST_QWEN does not name the GGUF file"))
  func qwenGivesTheReferencesTokens() throws {
    try check(#require(Self.qwen), file: "qwen2.5.ids.json")
  }

  private func check(_ path: String, file: String) throws {
    let checkpoint = try Checkpoint.open(path: path)
    let clock = ContinuousClock()
    var times: [Duration] = []
    for _ in 0..<7 {
      times.append(try clock.measure { _ = try Tokenizer(checkpoint.tokenizer) })
    }
    let tokenizer = try Tokenizer(checkpoint.tokenizer)
    try checkGoldens(tokenizer, file: file)
    let text = String(repeating: try Goldens.corpus()[16..<48].joined(separator: "\n"), count: 300)
    var count = 0
    let elapsed = clock.measure { count = tokenizer.encode(text).count }
    let rate = Double(text.utf8.count) / 1e6 / (elapsed / .seconds(1))
    print("\(file): load \(times.min() ?? .zero), first \(times[0]); \(count) tokens at \(Int(rate)) MB/s")
  }
}
