import Foundation
import Guided
import JSON
import Testing

/// Schemas of a public test suite, which scripts/check-guided.sh puts where INFLIGHT_SCHEMA_SUITE says.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["INFLIGHT_SCHEMA_SUITE"] != nil))
struct SchemaSuiteTests {
  /// Every schema is compiled or refused by name, and no instance is accepted that is not valid.
  @Test func schemasAreCompiledOrRefused() throws {
    let path = try #require(ProcessInfo.processInfo.environment["INFLIGHT_SCHEMA_SUITE"])
    let entries = try #require(
      try JSONValue(parsing: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))).arrayValue)
    let vocabulary = TokenVocabulary(bytesOfTokens: (0...255).map { [UInt8($0)] } + [[]], endOfSequence: [256])
    var refusals: [String: Int] = [:]
    var (compiled, accepted, valid) = (0, 0, 0)
    for entry in entries {
      let name = entry["name"]?.stringValue ?? ""
      let grammar: CompiledGrammar
      do {
        grammar = try CompiledGrammar(.jsonSchema(entry["schema"] ?? .null), vocabulary: vocabulary)
        compiled += 1
      } catch {
        switch error {
        case .unsupportedKeyword(let keyword, _, _): refusals[keyword, default: 0] += 1
        case .unsatisfiable:
          refusals["no value is valid", default: 0] += 1
          #expect((entry["tests"]?.arrayValue ?? []).allSatisfy { $0[1]?.boolValue == false }, "\(name): \(error)")
        default: Issue.record("\(name): \(error)")
        }
        continue
      }
      for test in entry["tests"]?.arrayValue ?? [] {
        let text = test[0]?.stringValue ?? ""
        var matcher = grammar.makeMatcher()
        var isAccepted = true
        for byte in text.utf8 where isAccepted {
          isAccepted = (try? matcher.accept(Int32(byte))) != nil
        }
        isAccepted = isAccepted && matcher.canEnd
        if test[1]?.boolValue == true {
          valid += 1
          if isAccepted { accepted += 1 }
        } else {
          #expect(!isAccepted, "\(name): \(text) is accepted and is not valid")
        }
      }
    }
    print("\(entries.count) schemas: \(compiled) compiled; \(accepted) of \(valid) valid instances accepted")
    for (reason, count) in refusals.sorted(by: { $0.value > $1.value }) { print("refused \(count): \(reason)") }
    #expect(compiled * 5 > entries.count * 2 && accepted * 10 > valid * 9)
  }
}
