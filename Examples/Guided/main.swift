// Text of a given form: a choice of a few, several documents of a schema, and code of one's own that edits the logits.
//
// Run: swift run -c release GuidedExample
import Inflight

/// Makes tokens that were used less probable: what `frequency_penalty` does, as a user would write it.
struct Variety: LogitsProcessor {
  let penalty: Float

  func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) {
    for place in promptTokenCount..<tokens.count { logits[Int(tokens[place])] -= penalty }
  }
}

let schema = """
  {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0,
   "maximum": 20}, "kind": {"enum": ["cat", "dog"]}}, "required": ["name", "age", "kind"], "additionalProperties": false}
  """

/// Documents of the schema, as different as the samples are.
func pets(_ count: Int, _ llm: LLM) async throws -> [String] {
  var params = SamplingParams(maxTokens: 60, temperature: 1, seed: 7)
  params.n = count
  let prompt = try llm.prompt(for: [.user("Describe a pet as JSON.")])
  let completions = try await llm.generateSamples(
    prompt, params, addSpecialTokens: false, controls: llm.controls(for: .jsonSchema(schema)))
  return completions.map(\.text)
}

let llm = try await LLM()
let verdict = try await llm.chat([.user("Is water wet?")], controls: llm.controls(for: .choice(["yes", "no"])))
print("water is wet: \(verdict.text)")
for pet in try await pets(3, llm) { print(pet) }

var controls = TokenControls(processors: [Variety(penalty: 2)])
controls.constraint = try llm.controls(for: .regex("[A-Z][a-z ,]{10,60}\\.")).constraint
print(try await llm.generate("Once upon a time", SamplingParams(maxTokens: 24), controls: controls).text)
await llm.shutdown()
