import Guided
import JSON
import Testing

/// Patterns in schemas are ECMA-262's for some and Python's `re` for others. What is generated is valid for both; the
/// expectations here are those of the package jsonschema and of a browser.
@Suite struct DialectTests {
  /// A key that matches a pattern in one dialect only is written if it fits what both say, and not otherwise.
  @Test(arguments: [
    // An Arabic digit is one for Python; Python's '$' matches before a last line feed.
    (#""^\\d$":{"type":"integer"}},"additionalProperties":{"const":"str"}"#, "٣"),
    (#""^a$":{"type":"integer"}},"additionalProperties":{"const":"s"}"#, "a\\n"),
    (#""^\\W$":{"type":"integer"}},"additionalProperties":{"const":"s"}"#, "é"),
    (#""^.$":{"type":"integer"}},"additionalProperties":{"const":"s"}"#, "\u{2028}"),
  ])
  func keysOfOneDialectAreNotWritten(_ properties: String, _ key: String) throws {
    let schema = "{\"type\":\"object\",\"patternProperties\":{\(properties)"
    let names = "\"propertyNames\":{\"const\":\"\(key)\"},\"minProperties\":1"
    guard case .unsatisfiable = Acceptance.refusal(of: try .jsonSchema("\(schema),\(names)}")) else {
      Issue.record("\(schema) was not refused")
      return
    }
    let grammar = try Grammar.jsonSchema(schema + "}")
    let value = properties.contains("\"str\"") ? "\"str\"" : "\"s\""
    #expect(try !Acceptance.allows("{\"\(key)\":1}", grammar) && !Acceptance.allows("{\"\(key)\":\(value)}", grammar))
    #expect(try Acceptance.allows("{\"zz\":\(value)}", grammar) && !Acceptance.allows("{\"zz\":1}", grammar))
  }

  @Test func membersThatAreWrittenFitBothDialects() throws {
    let declared = #"{"type":"object","properties":{"٣":{}},"patternProperties":{"^\\d$":{"type":"integer"}}}"#
    #expect(try Acceptance.allows("{\"٣\":1}", .jsonSchema(declared)))
    #expect(try !Acceptance.allows("{\"٣\":\"x\"}", .jsonSchema(declared)))
    let required =
      #"{"type":"object","required":["٣"],"patternProperties":{"^\\d$":{"type":"integer"}},"#
      + #""additionalProperties":{"enum":[1,"str"]}}"#
    #expect(try Acceptance.allows("{\"٣\":1}", .jsonSchema(required)))
    #expect(try !Acceptance.allows("{\"٣\":\"str\"}", .jsonSchema(required)))
    #expect(try !Acceptance.allows("{\"٣\":2}", .jsonSchema(required)))
    #expect(try Acceptance.allows("{\"٣\":1,\"3\":7}", .jsonSchema(required)))
    guard
      case .unsatisfiable = Acceptance.refusal(
        of: try .jsonSchema(#"{"const":{"٣":"str"},"patternProperties":{"^\\d$":{"type":"integer"}}}"#))
    else {
      Issue.record("a value of one dialect was not refused")
      return
    }
  }

  /// Alternatives exclude each other if they do in both dialects.
  @Test(arguments: [
    #"{"oneOf":[{"type":"string","pattern":"^\\W$"},{"const":"é"}]}"#,
    #"{"oneOf":[{"type":"string","pattern":"^\\d$"},{"const":"٣"}]}"#,
    #"{"oneOf":[{"type":"string","pattern":"^\\d$"},{"type":"string","pattern":"^٣$"}]}"#,
    #"{"oneOf":[{"type":"string","pattern":"^a$"},{"const":"a\n"}]}"#,
    #"{"oneOf":[{"type":"string","pattern":"^a$"},{"type":"string","pattern":"^a\\n$"}]}"#,
    #"{"oneOf":[{"type":"string","pattern":"^.$"},{"const":"\r"}]}"#,
    #"{"oneOf":[{"type":"object","patternProperties":{"^\\d$":{"type":"integer"}},"required":["٣"]},"#
      + #"{"type":"object","properties":{"٣":{"type":"string"}},"required":["٣"]}]}"#,
  ])
  func alternativesOfOneDialectDoNotExcludeEachOther(_ schema: String) throws {
    guard case .unsupportedKeyword("oneOf", "/oneOf", _) = Acceptance.refusal(of: try .jsonSchema(schema)) else {
      Issue.record("\(schema) was not refused")
      return
    }
  }

  @Test(arguments: [
    (#"{"oneOf":[{"type":"string","pattern":"^\\W$"},{"const":"e"}]}"#, "\"-\"", "\"é\""),
    (#"{"oneOf":[{"type":"string","pattern":"^\\d$"},{"type":"string","pattern":"^[a-z]$"}]}"#, "\"7\"", "\"٣\""),
    (#"{"oneOf":[{"type":"string","pattern":"^.$"},{"const":"\n"}]}"#, "\"\\n\"", "\"\\r\""),
    (#"{"oneOf":[{"type":"string","pattern":"^a$"},{"const":"b\n"}]}"#, "\"a\"", "\"a\\n\""),
  ])
  func alternativesThatExcludeEachOtherInBothAreCompiled(_ schema: String, _ valid: String, _ other: String) throws {
    #expect(try Acceptance.allows(valid, .jsonSchema(schema)))
    #expect(try !Acceptance.allows(other, .jsonSchema(schema)))
  }

  /// What a format leaves out is not generated, but whoever checks the document does not know the format.
  @Test func aListedValueIsNotToldApartByTheFormat() throws {
    let schema = #"{"oneOf":[{"const":{"b":1}},{"type":"object","properties":{"a":{}}}]}"#
    let closed = JSONFormat(allowsUndeclaredProperties: false)
    let refusal = Acceptance.refusal(of: try .jsonSchema(schema, format: closed))
    guard case .unsupportedKeyword("oneOf", _, _) = refusal else {
      Issue.record("the format told the alternatives apart")
      return
    }
  }

  /// In a pattern '.' is no end of a line of either dialect; in a regular expression of its own it is what other guided
  /// decoders take it for.
  @Test func aDotIsNoEndOfALine() throws {
    let pattern = try CompiledGrammar(
      .jsonSchema(#"{"type":"string","pattern":"^.$"}"#), vocabulary: Acceptance.vocabulary)
    for text in ["a", "é", "\u{85}", "\\u0000"] { #expect(Acceptance.allows("\"\(text)\"", pattern), "\(text)") }
    for text in ["\\n", "\\r", "\\u000d", "\u{2028}", "\u{2029}", ""] {
      #expect(!Acceptance.allows("\"\(text)\"", pattern), "\(text.debugDescription)")
    }
    for text in ["\r", "\u{2028}", "\u{85}"] { #expect(try Acceptance.allows(text, .regex("."))) }
    #expect(try !Acceptance.allows("\n", .regex(".")))
  }
}
