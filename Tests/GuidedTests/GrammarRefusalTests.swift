import Guided
import JSON
import Testing

@Suite struct GrammarRefusalTests {
  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + [[]], endOfSequence: [256])

  private func error(_ grammar: Grammar) -> GuidedError? {
    do {
      _ = try CompiledGrammar(grammar, vocabulary: Self.vocabulary)
      return nil
    } catch {
      return error
    }
  }

  /// Keywords that cannot be followed are named, with their place.
  @Test(arguments: [
    ("{\"properties\":{\"a\":{\"not\":{}}}}", "not", "/properties/a/not"),
    ("{\"items\":{\"multipleOf\":3}}", "multipleOf", "/items/multipleOf"),
    ("{\"uniqueItems\":true}", "uniqueItems", "/uniqueItems"),
    ("{\"if\":{},\"then\":{}}", "if", "/if"),
    ("{\"contains\":{}}", "contains", "/contains"),
    ("{\"dependentRequired\":{}}", "dependentRequired", "/dependentRequired"),
    ("{\"unevaluatedProperties\":false}", "unevaluatedProperties", "/unevaluatedProperties"),
    ("{\"$ref\":\"http://example.com/x\"}", "$ref", "/$ref"),
    ("{\"$dynamicRef\":\"#a\"}", "$dynamicRef", "/$dynamicRef"),
    ("{\"format\":\"color\"}", "format", "/format"),
    ("{\"pattern\":\"(?=a)b\"}", "pattern", "/pattern"),
    ("{\"items\":[{}]}", "items", "/items"),
    ("{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "oneOf", "/oneOf"),
    ("{\"minimum\":1e40}", "minimum", "/minimum"),
    ("{\"items\":{\"exclusiveMaximum\":-1e40}}", "exclusiveMaximum", "/items/exclusiveMaximum"),
    ("{\"type\":\"object\",\"minProperties\":3}", "minProperties", "/minProperties"),
    ("{\"patternProperties\":{\"(?=a)/\":{}}}", "patternProperties", "/patternProperties/(?=a)~1"),
    (
      "{\"allOf\":[{\"patternProperties\":{\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"e\":{},\"f\":{},\"g\":{}}}]}",
      "patternProperties",
      "/allOf/0/patternProperties"
    ),
    ("{\"allOf\":[{\"maxLength\":5000},{\"pattern\":\"a\"}],\"type\":\"string\"}", "maxLength", "/allOf/0/maxLength"),
    ("{\"type\":\"string\",\"format\":\"email\",\"minLength\":5000}", "minLength", "/minLength"),
    ("{\"properties\":{\"a/b\":{\"multipleOf\":2}}}", "multipleOf", "/properties/a~1b/multipleOf"),
    // The declared member can never be, so that both would be others.
    (
      "{\"type\":\"object\",\"properties\":{\"ab\":{\"allOf\":[{\"type\":\"integer\"}],\"type\":\"object\"}},"
        + "\"minProperties\":2,\"maxProperties\":2}", "minProperties", "/minProperties"
    ),
    ("{\"const\":12345678901234567890}", "const", "/const"),
    ("{\"enum\":[1,{\"a\":[-12345678901234567890]}]}", "enum", "/enum"),
    (
      "{\"oneOf\":[{\"type\":\"string\",\"format\":\"ipv4\"},{\"type\":\"string\",\"format\":\"hostname\"}]}", "oneOf",
      "/oneOf"
    ),
    ("{\"frobnicate\":1}", "frobnicate", "/frobnicate"),
    ("{\"$defs\":{\"a\":{\"$id\":\"b\"}},\"$ref\":\"#/$defs/a\"}", "$id", "/$defs/a/$id"),
  ])
  func unsupportedKeywordsAreNamed(_ schema: String, _ keyword: String, _ pointer: String) throws {
    let found = error(try .jsonSchema(schema))
    guard case .unsupportedKeyword(keyword, pointer, _) = found else {
      Issue.record("\(schema): \(found?.description ?? "compiled")")
      return
    }
    #expect(found?.description.contains(keyword) == true)
  }

  /// That a format leaves out members that the schema does not mention makes no alternatives exclude each other: whoever
  /// checks the document knows the schema only.
  @Test func whatTheFormatLeavesOutDoesNotTellAlternativesApart() throws {
    let schema =
      "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]},"
      + "{\"type\":\"object\",\"properties\":{\"b\":{}}}]}"
    for isOpen in [true, false] {
      let found = error(try .jsonSchema(schema, format: JSONFormat(allowsUndeclaredProperties: isOpen)))
      guard case .unsupportedKeyword("oneOf", "/oneOf", _) = found else {
        Issue.record("open \(isOpen): \(found?.description ?? "compiled")")
        continue
      }
    }
  }

  @Test(arguments: [
    "{\"type\":\"text\"}", "{\"type\":3}", "{\"properties\":[]}", "{\"required\":\"a\"}", "{\"minItems\":-1}",
    "{\"minLength\":1.5}", "{\"enum\":1}", "{\"anyOf\":[]}", "{\"$ref\":\"#/nowhere\"}", "3", "{\"items\":3}",
    "{\"$ref\":\"#/anyOf/+0\",\"anyOf\":[{}]}", "{\"$ref\":\"#/anyOf/00\",\"anyOf\":[{}]}",
    "{\"$ref\":\"#/$defs/%+1\",\"$defs\":{\"\\u0001\":{}}}", "{\"$ref\":\"#/$defs/~2\",\"$defs\":{\"~\":{}}}",
    "{\"$ref\":\"#/$defs/~\",\"$defs\":{\"~\":{}}}",
    "{\"minimum\":\"1\"}", "{\"properties\":{\"a\":true,\"a\":true}}", "{\"$ref\":\"#\"}",
    "{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"type\":\"null\"}]}},\"$ref\":\"#/$defs/a\"}",
  ])
  func invalidSchemasAreRefused(_ schema: String) throws {
    guard case .invalidSchema = error(try .jsonSchema(schema)) else {
      Issue.record("\(schema) was not refused as invalid")
      return
    }
  }

  /// Of something that is said twice half would be dropped.
  @Test(arguments: [
    (#"{"items":{"type":"null"},"items":{"const":"x"}}"#, "", "the keyword \"items\""),
    (#"{"properties":{"a/b":{"type":"null","title":"","type":"string"}}}"#, "/properties/a~1b", "the keyword \"type\""),
    (#"{"patternProperties":{"^a":{"type":"integer"},"^a":{"type":"null"}}}"#, "/patternProperties", "the key \"^a\""),
    (#"{"$defs":{"a":{},"b":{},"a":{}}}"#, "/$defs", "the key \"a\""),
    (#"{"definitions":{"a":{},"a":{}}}"#, "/definitions", "the key \"a\""),
    (##"{"$ref":"#/x-y/a","x-y":{"a":{},"a":{}}}"##, "/x-y", "the key \"a\""),
    (#"{"properties":{"a":{},"a":{}}}"#, "/properties", "the property \"a\""),
    (#"{"enum":[1,{"b":[{"a":1,"a":2}]}]}"#, "/enum", "the key of a value \"a\""),
  ])
  func whatIsThereTwiceIsNamed(_ schema: String, _ pointer: String, _ words: String) throws {
    guard case .invalidSchema(pointer, let problem) = error(try .jsonSchema(schema)) else {
      Issue.record("\(schema): \(error(try .jsonSchema(schema))?.description ?? "compiled")")
      return
    }
    #expect(problem.hasPrefix(words) && problem.hasSuffix("twice"), "\(problem)")
  }

  /// A separator with which the text would not be JSON.
  @Test(arguments: [(";", ":"), (",", " = "), ("", ":"), (",,", ":"), (",", "\u{A0}:"), (", ", "")])
  func separatorsThatAreNotThoseOfJSONAreRefused(_ item: String, _ key: String) {
    let format = JSONFormat(whitespace: .fixed(itemSeparator: item, keySeparator: key))
    for grammar in [Grammar.jsonObject(format: format), .jsonSchema(.bool(true), format: format)] {
      guard case .invalidRequest(let problem) = error(grammar) else {
        Issue.record("\(item) and \(key) were not refused")
        continue
      }
      #expect(problem.contains("separator"))
    }
  }

  /// A vocabulary need not have every byte. What it cannot write is not begun either.
  @Test func textsThatTheVocabularyCannotWriteDoNotMatch() throws {
    let vocabulary = TokenVocabulary(bytesOfTokens: (0..<0xF1).map { [UInt8($0)] } + [[]], endOfSequence: [0xF1])
    let unknown = "a\u{40000}"
    let matcher = try CompiledGrammar(.choice([unknown, "b"]), vocabulary: vocabulary).makeMatcher()
    #expect(!matcher.allows(0x61) && matcher.allows(0x62))
    #expect { try CompiledGrammar(.choice([unknown]), vocabulary: vocabulary) } throws: {
      if case .unsatisfiable? = $0 as? GuidedError { true } else { false }
    }
    let known = try CompiledGrammar(.regex("[\u{3F000}-\u{41000}]"), vocabulary: vocabulary).makeMatcher()
    #expect(known.allows(0xF0))
  }

  /// What nothing can match is refused when it is compiled, not found out while a text is generated.
  @Test(arguments: [
    "false", "{\"type\":\"integer\",\"minimum\":3,\"maximum\":2}", "{\"enum\":[]}", "{\"type\":\"string\",\"const\":1}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
    "{\"type\":\"array\",\"minItems\":2,\"maxItems\":1}", "{\"allOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}",
    "{\"type\":\"array\",\"minItems\":1,\"items\":false}",
    "{\"type\":\"string\",\"pattern\":\"^a$\",\"minLength\":2}",
    "{\"type\":\"string\",\"pattern\":\"a\",\"minLength\":5,\"maxLength\":3}",
    "{\"type\":\"string\",\"format\":\"date\",\"minLength\":5,\"maxLength\":3}",
    "{\"allOf\":[{\"type\":\"string\",\"pattern\":\"a\",\"minLength\":5},{\"maxLength\":3}]}",
    "{\"type\":\"object\",\"minProperties\":1,\"propertyNames\":{\"minLength\":5,\"maxLength\":3}}",
    "{\"type\":\"object\",\"properties\":{\"a\":false},\"required\":[\"a\"]}",
  ])
  func unsatisfiableSchemasAreRefused(_ schema: String) throws {
    guard case .unsatisfiable = error(try .jsonSchema(schema)) else {
      Issue.record("\(schema) was not refused as unsatisfiable")
      return
    }
  }

  @Test(arguments: [
    ("(", 0), ("a)", 1), ("[a", 0), ("*a", 0), ("a**", 2), ("a{2,1}", 1), ("\\1", 0), ("a(?=b)", 1), ("(?<!b)", 0),
    ("[z-a]", 2), ("\\", 0), ("a\\bc", 1), ("\\ud800", 0), ("a$b", 1), ("(a^)*", 2),
  ])
  func invalidRegexesSayWhere(_ pattern: String, _ offset: Int) {
    guard case .invalidRegex(offset, _) = error(.regex(pattern)) else {
      Issue.record("\(pattern): \(error(.regex(pattern))?.description ?? "compiled")")
      return
    }
  }

  @Test(arguments: [
    ("root ::= x", 1, 10), ("x ::= \"a\"", 1, 1), ("root ::= \"a", 1, 10), ("root ::= (\"a\"", 1, 10),
    ("root ::= \"a\"\nroot ::= \"b\"", 2, 1), ("root ::= [b-a]", 1, 14), ("root = \"a\"", 1, 6),
    ("root ::= \"a\" )", 1, 14),
  ])
  func invalidTextGrammarsSayWhere(_ text: String, _ line: Int, _ column: Int) {
    guard case .invalidGrammar(line, column, _) = error(.grammar(text)) else {
      Issue.record("\(text): \(error(.grammar(text))?.description ?? "compiled")")
      return
    }
  }

  @Test func rulesThatCallEachOtherFirstAreNamed() {
    guard case .invalidRequest(let problem) = error(.grammar("root ::= a \"x\"\na ::= b \"y\" | \"a\"\nb ::= a \"z\""))
    else {
      Issue.record("indirect left recursion was not refused")
      return
    }
    #expect(problem.hasPrefix("the rules a, b call each other before any of them has matched anything"))
  }

  @Test func listsThatMakeNoSenseAreRefused() {
    let tag = StructuralTags.Tag(begin: "<a>", content: .regex("x"), end: "")
    let call = StructuralTags.Tag(begin: "<function=f>", content: .regex("x"), end: "</function>\n")
    for grammar in [
      Grammar.choice([]), .structuralTags(StructuralTags(tags: [], triggers: ["<"])),
      .structuralTags(StructuralTags(tags: [tag], triggers: ["[["])),
      .structuralTags(StructuralTags(tags: [tag], triggers: ["", "<"])),
      // The second trigger comes before the first has ended, so that the tag could never begin.
      .structuralTags(StructuralTags(tags: [call], triggers: ["<function=", "func"])),
      // Behind its end only a tag could follow.
      .structuralTags(StructuralTags(tags: [call], triggers: ["<f", "\n"])),
    ] {
      guard case .invalidRequest = error(grammar) else {
        Issue.record("\(grammar) was not refused")
        continue
      }
    }
  }
}
