import Guided
import JSON
import Testing

/// Grammars as JSON, as recordings have them.
@Suite struct GrammarJSONTests {
  private static func grammars() throws -> [Grammar] {
    let spaced = JSONFormat(whitespace: .flexible(maximumCount: 3), allowsUndeclaredProperties: false)
    let schema = #"{"type": "object", "properties": {"a": {"enum": [1, 2.5, null, "\u00e9"]}}}"#
    let tags = StructuralTags(
      tags: [
        StructuralTags.Tag(begin: "<a>", content: try .jsonSchema(schema), end: "</a>"),
        StructuralTags.Tag(begin: "<b>", content: .regex("x+"), end: "</b>"),
      ], triggers: ["<a", "<b"], requiresTag: true)
    return [
      try .jsonSchema(schema), try .jsonSchema(schema, format: spaced), .jsonObject(), .jsonObject(format: spaced),
      .regex("[a-z]+\\d"), .grammar("root ::= \"x\" root | \"y\""), .choice(["yes", "no", ""]), .structuralTags(tags),
    ]
  }

  @Test func everyFormComesBack() throws {
    for grammar in try Self.grammars() {
      let text = grammar.json.serialized()
      let again = try #require(Grammar(json: try JSONValue(parsing: text)), "\(text)")
      #expect(again.json == grammar.json)
      #expect("\(again.form)" == "\(grammar.form)")
    }
  }

  /// Without any one of its members a grammar is not one.
  @Test func anythingElseIsRefused() throws {
    for text in ["null", "{}", "[]", #"{"form": "other"}"#, #"{"form": "choice", "texts": ["a", 1]}"#] {
      #expect(Grammar(json: try JSONValue(parsing: text)) == nil, "\(text)")
    }
    for grammar in try Self.grammars() {
      let members = grammar.json.objectValue?.members ?? []
      for left in members.indices {
        var rest = members
        rest.remove(at: left)
        #expect(Grammar(json: .object(JSONObject(rest))) == nil, "\(rest)")
      }
    }
  }
}
