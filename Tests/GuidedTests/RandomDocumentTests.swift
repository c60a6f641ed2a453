import Foundation
import Guided
import JSON
import TestKit
import Testing

@Suite struct RandomDocumentTests {
  /// Random documents of more than a hundred schemas all come to an end, are JSON, and are the ones that the package
  /// jsonschema has found to be valid: scripts/check-guided.sh writes their hashes when they all are.
  @Test func documentsAreThoseThatWereValidated() throws {
    let goldens = try MaskGoldens()
    let schemas = try #require(try MaskGoldens.read("schemas.json").objectValue?.members)
    let summary = try? MaskGoldens.read("documents.json")
    #expect(schemas.count >= 100)
    let dump = ProcessInfo.processInfo.environment["INFLIGHT_GUIDED_DOCUMENTS"]
    let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
    var members: [(String, JSONValue)] = []
    for (index, member) in schemas.enumerated() {
      let grammar = try CompiledGrammar(.jsonSchema(member.value), vocabulary: goldens.vocabulary)
      var generator = SplitMix64(seed: UInt64(index))
      let writer = RandomWriter(vocabulary: goldens.vocabulary)
      var texts: [[UInt8]] = []
      for _ in 0..<20 { texts.append(try #require(try writer.text(grammar, &generator), "\(member.key) does not end")) }
      let hash = fingerprint(of: texts)
      if dump == nil {
        #expect(summary?[member.key]?.stringValue == hash, "\(member.key): other documents than validated")
      }
      // Beyond those of the summary, for the script and for long runs.
      if dump != nil || isLong {
        for _ in 0..<100 {
          texts.append(try #require(try writer.text(grammar, &generator), "\(member.key) does not end"))
        }
      }
      for text in texts {
        do {
          _ = try JSONValue(parsing: text)
        } catch {
          // A number may have more digits or a larger exponent than our parser takes; it is JSON all the same.
          #expect(error.problem.contains("number"), "\(member.key): \(error)")
        }
      }
      members.append(
        (
          member.key,
          .object([
            ("schema", member.value), ("hash", .string(hash)),
            ("documents", .array(texts.map { .string(String(decoding: $0, as: UTF8.self)) })),
          ])
        ))
    }
    if let dump { try Data(JSONValue.object(members).serialized().utf8).write(to: URL(fileURLWithPath: dump)) }
  }
}
