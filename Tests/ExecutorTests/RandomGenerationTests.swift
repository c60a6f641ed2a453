import Decoding
import Executor
import Foundation
import Guided
import JSON
import Requests
import TestKit
import Testing

/// An engine that wants garbage, under more than a hundred schemas: what ends by itself is a document of its schema.
///
/// scripts/check-guided.sh has the package jsonschema validate what is generated here.
@Suite struct RandomGenerationTests {
  private static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
  private static let end: TokenID = 256 + 12
  private static let texts: [[UInt8]] =
    (0...255).map { [UInt8($0)] }
    + ["{\"", "\":", "\",\"", "\"}", ",\"", "[{", "}]", "true", "00", "é", " a", "ab\""].map { Array($0.utf8) } + [[]]
  private static let vocabulary = TokenVocabulary(bytesOfTokens: texts, endOfSequence: [end])

  /// The schemas of strings that cannot end before a certain text in them was drawn, which may take any number of tokens;
  /// what else is not bounded ends soon, since a quotation mark or a bracket is drawn soon.
  private static let searches: Set<String> = ["pattern-properties", "all-of-patterns", "pattern-inner-anchors"]

  /// A document may be as long as that.
  private static let maximumTokens = 6000

  @Test func everythingEndsButWhatSearchesForAText() async throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../GuidedTests/Goldens/schemas.json")
    let document = try JSONValue(parsing: [UInt8](try Data(contentsOf: file)))
    let schemas = try #require(document.objectValue?.members)
    #expect(schemas.count >= 100)
    let countPerSchema = Self.isLong ? 100 : 2
    let engine = FakeModelEngine(
      vocabularySize: Self.texts.count, maximumSequenceLength: 8192, blockSize: 32, blockCount: 4096)
    let executor = try Executor(engine: engine)
    var endedCount = 0
    var cutCount = 0
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
        if output.reason == .length {
          cutCount += 1
          #expect(Self.searches.contains(schema.key), "\(schema.key) does not end")
          continue
        }
        #expect(output.reason?.name == "stop", "\(schema.key): \(String(describing: output.reason))")
        endedCount += 1
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
      "random logits: \(endedCount) of \(endedCount + cutCount) generations under \(schemas.count) schemas ended, "
        + "\(cutCount) were cut at \(Self.maximumTokens) tokens; \(statistics.generatedTokenCount) tokens, of which "
        + "\(statistics.jumpedTokenCount) were forced")
    #expect(endedCount >= countPerSchema * (schemas.count - Self.searches.count))
    if let dump = ProcessInfo.processInfo.environment["INFLIGHT_GENERATED_DOCUMENTS"] {
      try Data(JSONValue.object(members).serialized().utf8).write(to: URL(filePath: dump))
    }
  }
}
