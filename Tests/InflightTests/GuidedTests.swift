import Foundation
import Inflight
import Testing

/// Grammars on real weights.
@Suite(.serialized) struct GuidedTests {
  private let schema = """
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer",
     "minimum": 0, "maximum": 120}, "kind": {"enum": ["cat", "dog"]}}, "required": ["name", "age", "kind"],
     "additionalProperties": false}
    """

  private struct Pet: Decodable {
    var name: String
    var age: Int
    var kind: String
  }

  @Test func textsUnderASchemaFollowIt() async throws {
    let llm = try await RealModelTests.llm()
    let controls = try llm.controls(for: .jsonSchema(schema))
    for seed in UInt64(0)..<6 {
      let params = SamplingParams(maxTokens: 200, temperature: seed == 0 ? 0 : 1.5, seed: seed)
      let completion = try await llm.chat([.user("Describe a pet as JSON.")], params, controls: controls)
      #expect(completion.finishReason == .constraintEnded, "\(completion)")
      let pet = try JSONDecoder().decode(Pet.self, from: Data(completion.text.utf8))
      #expect((0...120).contains(pet.age) && ["cat", "dog"].contains(pet.kind) && pet.name.count <= 20)
    }
    await llm.shutdown()
  }

  @Test func aChoiceIsOneOfTheTextsInEverySample() async throws {
    let llm = try await RealModelTests.llm()
    var params = SamplingParams(maxTokens: 20, temperature: 1.5, seed: 1)
    params.n = 8
    let controls = try llm.controls(for: .choice(["red", "green", "dark blue"]))
    let completions = try await llm.generateSamples("My favourite colour is ", params, controls: controls)
    #expect(Set(completions.map(\.text)).isSubset(of: ["red", "green", "dark blue"]))
    #expect(Set(completions.map(\.text)).count > 1)
    await llm.shutdown()
  }

  /// C1 with a grammar: among others the bits are the same as alone.
  @Test func guidedTextsAreTheSameAmongOthers() async throws {
    let llm = try await RealModelTests.llm()
    let controls = try llm.controls(for: .jsonObject())
    let params = SamplingParams(maxTokens: 40, temperature: 1, seed: 3)
    let alone = try await llm.generate("A JSON object: ", params, controls: controls)
    let other = try llm.controls(for: .regex("[a-z ]{5,40}"))
    let among = try await withThrowingTaskGroup { group in
      for index in 0..<7 {
        group.addTask {
          try await llm.generate(
            "Number \(index) ", SamplingParams(maxTokens: 30, temperature: 1),
            controls: index % 2 == 0 ? other : controls)
        }
      }
      let among = try await llm.generate("A JSON object: ", params, controls: controls)
      try await group.waitForAll()
      return among
    }
    #expect(among.tokens == alone.tokens)
    await llm.shutdown()
  }

  @Test func wrongGrammarsAndContradictionsAreRefused() async throws {
    let llm = try await RealModelTests.llm()
    for grammar in [Grammar.regex("("), .choice([]), .grammar("x"), try .jsonSchema(#"{"type": "colour"}"#)] {
      #expect(throws: InflightError.self) { try llm.controls(for: grammar) }
    }
    let controls = try llm.controls(for: .choice(["a"]))
    var params = SamplingParams()
    params.ignoreEndOfSequence = true
    let error = try #require(throws: InflightError.self) { try llm.stream("x", params, controls: controls) }
    #expect(error.kind == .request && error.description.contains("ignore_eos"))
    await llm.shutdown()
  }
}
