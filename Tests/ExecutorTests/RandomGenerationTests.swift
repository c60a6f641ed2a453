import Decoding
import Executor
import Foundation
import Guided
import JSON
import Requests
import TestKit
import Testing

/// An engine that wants garbage, under more than a hundred schemas: all of it is documents of these schemas, and ends.
///
/// scripts/check-guided.sh has the package jsonschema validate what is generated here.
@Suite struct RandomGenerationTests {
  private static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
  private static let end: TokenID = 256 + 12
  private static let texts: [[UInt8]] =
    (0...255).map { [UInt8($0)] }
    + ["{\"", "\":", "\",\"", "\"}", ",\"", "[{", "}]", "true", "00", "é", " a", "ab\""].map { Array($0.utf8) } + [[]]
  private static let vocabulary = TokenVocabulary(bytesOfTokens: texts, endOfSequence: [end])

  /// The most tokens of a document. Under some schemas a string must contain a text that may be drawn at any time, or never:
  /// those generations would not end by themselves, and come to their end because of this.
  private static let maximumTokens = 1000

  @Test func everythingEndsAsADocument() async throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../GuidedTests/Goldens/schemas.json")
    let document = try JSONValue(parsing: [UInt8](try Data(contentsOf: file)))
    let schemas = try #require(document.objectValue?.members)
    #expect(schemas.count >= 100)
    let countPerSchema = Self.isLong ? 100 : 2
    let engine = FakeModelEngine(
      vocabularySize: Self.texts.count, maximumSequenceLength: 8192, blockSize: 32, blockCount: 4096)
    let executor = try Executor(engine: engine)
    var count = 0
    var shortenedCount = 0
    var members: [(String, JSONValue)] = []
    for (index, schema) in schemas.enumerated() {
      let grammar = try CompiledGrammar(.jsonSchema(schema.value), vocabulary: Self.vocabulary)
      var submissions: [Executor.Submission] = []
      for seed in 0..<countPerSchema {
        let params = SamplingParams(maxTokens: Self.maximumTokens, temperature: 1.5, seed: UInt64(1000 * index + seed))
        let request = GenerationRequest(
          promptTokens: [TokenID(index), TokenID(seed)], params: params, endOfSequenceTokenIDs: [Self.end])
        submissions.append(
          try executor.submit(
            request, controls: TokenControls(constraint: GrammarConstraint(matcher: grammar.makeMatcher()))))
      }
      var texts: [JSONValue] = []
      for submission in submissions {
        let output = await submission.outputs.collect()
        count += 1
        if output.reason == .length { shortenedCount += 1 }
        #expect(
          ["stop", "length"].contains(output.reason?.name), "\(schema.key): \(String(describing: output.reason))")
        let text = output.tokenIDs.flatMap { Self.texts[Int($0)] }
        do {
          _ = try JSONValue(parsing: text)
        } catch {
          // A number may have more digits or a larger exponent than our parser takes; it is JSON all the same.
          #expect(error.problem.contains("number"), "\(schema.key): \(error)")
        }
        texts.append(.string(String(decoding: text, as: UTF8.self)))
      }
      members.append(
        (schema.key, .object([("schema", schema.value), ("hash", .string("")), ("documents", .array(texts))])))
    }
    await executor.shutdown()
    let statistics = executor.statistics()
    print(
      "random logits: \(count) generations under \(schemas.count) schemas, of which \(shortenedCount) had to end before they had "
        + "\(Self.maximumTokens) tokens; \(statistics.generatedTokenCount) tokens, of which "
        + "\(statistics.jumpedTokenCount) were forced")
    #expect(count == countPerSchema * schemas.count && shortenedCount > 0)
    if let dump = ProcessInfo.processInfo.environment["INFLIGHT_GENERATED_DOCUMENTS"] {
      try Data(JSONValue.object(members).serialized().utf8).write(to: URL(filePath: dump))
    }
  }
}
