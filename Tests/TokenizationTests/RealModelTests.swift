import Catalogue
import Checkpoints
import Foundation
import Testing
import Tokenization

/// The vocabularies of real models, from their GGUF files. The default model is fetched as a user's would be.
@Suite struct RealModelTests {
  private static let qwen = ProcessInfo.processInfo.environment["INFLIGHT_TEST_QWEN"]

  @Test func smollm2GivesTheReferencesTokens() async throws {
    try check(try await ModelCatalogue().resolve(nil), file: "smollm2.ids.json")
  }

  @Test(.enabled(if: qwen != nil, "INFLIGHT_TEST_QWEN does not name the GGUF file"))
  func qwenGivesTheReferencesTokens() throws {
    try check(#require(Self.qwen), file: "qwen2.5.ids.json")
  }

  private func check(_ path: String, file: String) throws {
    try checkGoldens(try Tokenizer(try Checkpoint.open(path: path).tokenizer), file: file)
  }
}
