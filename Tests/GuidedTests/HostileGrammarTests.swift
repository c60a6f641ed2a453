import Foundation
import Guided
import JSON
import TestKit
import Testing

@Suite struct HostileGrammarTests {
  private static let rounds = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1" ? 20_000 : 400

  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + [Array("\":".utf8), Array("ab".utf8), []], endOfSequence: [258])

  /// Limits that are reached soon, so that many rounds take little time.
  private static let small: GrammarLimits = {
    var limits = GrammarLimits()
    limits.work = 300_000
    limits.stateCount = 5_000
    limits.depth = 32
    limits.rememberedByteCount = 100_000
    return limits
  }()

  /// Random combinations of what regular expressions are made of are compiled or refused, and what is compiled can be
  /// followed.
  @Test func randomRegexesReturnOrThrow() {
    let pieces = [
      "a", "b", "é", ".", "[a-z]", "[^x]", "[", "]", "(", ")", "(?:", "(?=", "|", "*", "+", "?", "{2}", "{3,}", "{0,9}",
      "{99999}", "{", "}", "^", "$", "\\d", "\\W", "\\", "\\u00e9", "\\x4", "\\1", "-", "\u{10FFFF}", "\\p{L}", "\\b",
    ]
    var generator = SplitMix64(seed: 1)
    for _ in 0..<Self.rounds { follow(.regex(Self.joined(pieces, count: 12, &generator)), &generator) }
  }

  /// The same for text grammars.
  @Test func randomTextGrammarsReturnOrThrow() {
    let pieces = [
      "root ::= ", "a ::= ", "b ::= ", "root", " a ", " b ", "\"x\"", "\"\\n\"", "\"", "[a-z]", "[^\\]]", "[", "(", ")",
      "|", "*", "+", "?", "{3}", "{2,70}", "\n", "# x\n", ".", "\\", "{", "::=", "é",
    ]
    var generator = SplitMix64(seed: 2)
    for _ in 0..<Self.rounds {
      follow(.grammar("root ::= " + Self.joined(pieces, count: 16, &generator)), &generator)
    }
  }

  /// The same for schemas of random keywords with random values.
  @Test func randomSchemasReturnOrThrow() {
    var generator = SplitMix64(seed: 3)
    // Most are small.
    for _ in 0..<10 * Self.rounds { follow(.jsonSchema(Self.schema(&generator, depth: 0)), &generator) }
  }

  /// Grammars that would take forever or all memory come to an error before their work is spent.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      ("(((((a{99}){99}){99}){99}){99}){99}", true), ("(a|b)*a(a|b){25}", false), ("((a{0,90}){0,90}){0,90}b", true),
      ("(.{1,900}){1,900}x", true), (String(repeating: "(", count: 50_000), false),
      (String(repeating: "a|", count: 100_000), true),
      (String(repeating: "(a?", count: 90) + String(repeating: ")*", count: 90), true),
    ])
  func exponentialRegexesEnd(_ pattern: String, isCompiled: Bool) {
    do {
      let grammar = try CompiledGrammar(.regex(pattern), vocabulary: Self.vocabulary)
      #expect(isCompiled)
      #expect(grammar.work < 10_000_000)
    } catch {
      #expect(!isCompiled, "\(error)")
    }
  }

  @Test func limitsAreErrorsInWords() throws {
    #expect(throws: GuidedError.self) {
      try CompiledGrammar(.regex("(a|b)*a(a|b){25}"), vocabulary: Self.vocabulary, limits: Self.small)
    }
    let deep = JSONValue.array((0..<300).map { .object([("const", .integer($0))]) })
    let product = JSONValue.object([("allOf", .array((0..<4).map { _ in .object([("anyOf", deep)]) }))])
    do {
      _ = try CompiledGrammar(.jsonSchema(product), vocabulary: Self.vocabulary)
      Issue.record("300 to the power of 4 alternatives were compiled")
    } catch {
      guard case .tooLarge = error else {
        Issue.record("another error: \(error)")
        return
      }
      #expect(error.description.contains("too large"))
    }
  }

  /// Large schemas are compiled, or come to an error.
  @Test(.timeLimit(.minutes(1))) func largeSchemasEnd() throws {
    let count: Int64 = 20_000
    let keys = (0..<count).map { "a common beginning \($0)" }
    let names = JSONValue.array(keys.map { .string($0) })
    let numbers = JSONValue.array((0..<count).map { .integer($0) })
    let properties = JSONValue.object(keys.map { ($0, .bool(false)) })
    let twice = JSONValue.object([("enum", numbers)])
    let either = JSONValue.object([("anyOf", .array([.bool(true), .bool(true)]))])
    let long = JSONValue.object([("pattern", .string(String(repeating: "a", count: 200_000)))])
    let schemas: [(JSONValue, isCompiled: Bool)] = [
      (.object([("enum", names)]), true), (.object([("enum", numbers)]), true),
      (.object([("type", .string("object")), ("properties", properties)]), false),
      (.object([("allOf", .array([twice, twice]))]), true),
      (.object([("allOf", .array([long] + Array(repeating: either, count: 20)))]), false),
    ]
    for (index, (schema, isCompiled)) in schemas.enumerated() {
      do {
        _ = try CompiledGrammar(.jsonSchema(schema), vocabulary: Self.vocabulary)
        #expect(isCompiled, "schema \(index)")
      } catch {
        #expect(!isCompiled, "schema \(index): \(error)")
      }
    }
    // Required members have places of their own in the automaton.
    _ = try? CompiledGrammar(
      .jsonSchema(.object([("type", .string("object")), ("required", names)])), vocabulary: Self.vocabulary)
  }

  /// A text that may follow its grammar in very many ways costs a bounded amount of work for each mask: what would take
  /// more has no mask, which fails its request.
  @Test func ambiguousGrammarsDoNotHoldUpOthers() throws {
    let letters: [UInt8] = Array(0x61...0x7A)
    var tokens: [[UInt8]] = (0...255).map { [UInt8($0)] }
    for first in letters {
      for second in letters {
        tokens.append([first, second])
        for third in letters { tokens.append([first, second, third]) }
      }
    }
    tokens.append([])
    let vocabulary = TokenVocabulary(bytesOfTokens: tokens, endOfSequence: [Int32(tokens.count - 1)])
    let choices = (0..<7).map { "[a-z ]" + String(repeating: " s", count: $0) }.joined(separator: " | ")
    let grammar = try CompiledGrammar(.grammar("root ::= s\ns ::= \(choices)"), vocabulary: vocabulary)
    var matcher = grammar.makeMatcher()
    var mask = [UInt64](repeating: 0, count: vocabulary.wordCount)
    var generator = SplitMix64(seed: 6)
    for _ in 0..<40 {
      do {
        try matcher.fillMask(into: &mask)
      } catch {
        #expect(error == .tooAmbiguous)
        return
      }
      let token = Int32(letters[Int(generator.next() % 26)])
      let bit = mask[Int(token) / 64] >> UInt64(token % 64) & 1
      #expect(bit == 1)
      guard (try? matcher.accept(token)) != nil else { return }
    }
  }

  /// Texts that are nested as deeply as the limit allows can still end.
  @Test func depthIsBoundedAndComesToAnEnd() throws {
    var limits = GrammarLimits()
    limits.depth = 20
    let grammar = try CompiledGrammar(
      .grammar("root ::= \"(\" root \")\" | \"x\""), vocabulary: Self.vocabulary, limits: limits)
    var matcher = grammar.makeMatcher()
    var depth = 0
    while matcher.allows(Int32(UInt8(ascii: "("))) {
      try matcher.accept(Int32(UInt8(ascii: "(")))
      depth += 1
      #expect(depth <= 20)
      guard depth <= 20 else { return }
    }
    #expect(depth >= 10)
    try matcher.accept(Int32(UInt8(ascii: "x")))
    for _ in 0..<depth { try matcher.accept(Int32(UInt8(ascii: ")"))) }
    #expect(matcher.canEnd)
  }

  /// Compiles a grammar and, if that succeeds, follows it with random tokens for a while.
  private func follow(_ grammar: Grammar, _ generator: inout SplitMix64) {
    guard let compiled = try? CompiledGrammar(grammar, vocabulary: Self.vocabulary, limits: Self.small) else { return }
    var matcher = compiled.makeMatcher()
    var mask = [UInt64](repeating: 0, count: Self.vocabulary.wordCount)
    for _ in 0..<24 where !matcher.isFinished {
      #expect(throws: Never.self) { try matcher.fillMask(into: &mask) }
      let allowed = (0..<Int32(Self.vocabulary.tokenCount)).filter { mask[Int($0) / 64] >> UInt64($0 % 64) & 1 == 1 }
      // A vocabulary with every byte always has a way on.
      #expect(!allowed.isEmpty, "\(grammar) comes to a dead end")
      guard !allowed.isEmpty else { return }
      let token = allowed[Int(generator.next() % UInt64(allowed.count))]
      #expect(throws: Never.self) { try matcher.accept(token) }
    }
  }

  private static func joined(_ pieces: [String], count: Int, _ generator: inout SplitMix64) -> String {
    (0...Int(generator.next() % UInt64(count))).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }
      .joined()
  }

  private static func schema(_ generator: inout SplitMix64, depth: Int) -> JSONValue {
    if depth > 3 || generator.next() % 12 == 0 { return .bool(generator.next() % 4 > 0) }
    let keywords = [
      "type", "properties", "required", "additionalProperties", "patternProperties", "enum", "const", "items",
      "prefixItems", "minItems", "maxItems", "minimum", "exclusiveMaximum", "pattern", "format", "minLength",
      "maxLength",
      "anyOf", "oneOf", "allOf", "$ref", "$defs", "minProperties", "maxProperties", "propertyNames", "not",
    ]
    var members: [(String, JSONValue)] = []
    for _ in 0..<(1 + generator.next() % 4) {
      let keyword = keywords[Int(generator.next() % UInt64(keywords.count))]
      members.append((keyword, value(of: keyword, &generator, depth: depth)))
    }
    return .object(members)
  }

  private static func value(of keyword: String, _ generator: inout SplitMix64, depth: Int) -> JSONValue {
    if generator.next() % 20 == 0 { return [.null, .integer(-3), .string("?"), .array([])][Int(generator.next() % 4)] }
    func pick(_ values: [JSONValue]) -> JSONValue { values[Int(generator.next() % UInt64(values.count))] }
    switch keyword {
    case "type":
      return pick(["object", "array", "string", "integer", "number", "null", "x"].map { .string($0) })
    case "properties", "patternProperties", "$defs":
      return .object([
        ("a", schema(&generator, depth: depth + 1)), ("^b|c$", schema(&generator, depth: depth + 1)),
      ])
    case "required": return pick([.array([.string("a")]), .array([.string("z"), .string("a")])])
    case "enum": return .array([.integer(1), .string("a"), .number(1.5), .object([("a", .null)])])
    case "const": return pick([.string("é\u{7}"), .array([.integer(1)]), .bool(true)])
    case "prefixItems", "anyOf", "oneOf", "allOf":
      return .array([schema(&generator, depth: depth + 1), schema(&generator, depth: depth + 1)])
    case "minimum", "exclusiveMaximum":
      return pick([
        .integer(.max), .integer(.min), .number(1e300), .number(.leastNonzeroMagnitude), .integer(7), .number(-0.25),
      ])
    case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
      return pick([.integer(0), .integer(3), .integer(70), .integer(.max), .number(2)])
    case "pattern": return pick([.string("^a+$"), .string("b"), .string("("), .string("^[^a]{3}$")])
    case "format": return pick([.string("date"), .string("ipv6"), .string("nothing")])
    case "$ref": return pick([.string("#"), .string("#/$defs/a"), .string("#/properties/a"), .string("#/x/%zz")])
    default: return schema(&generator, depth: depth + 1)
    }
  }
}
