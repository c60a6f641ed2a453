import Guided
import JSON
import TestKit
import Testing

@Suite struct GrammarMatcherTests {
  /// All bytes, some longer tokens, a special one and one that ends the sequence.
  private static let texts = ["ab", "abc", "\"}", "true", "tr", "</s>", "<end>"]
  private static let special: Int32 = 261
  private static let end: Int32 = 262
  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + texts.map { Array($0.utf8) }, endOfSequence: [end],
    special: [special])

  private func matcher(_ grammar: Grammar, _ limits: GrammarLimits = GrammarLimits()) throws -> GrammarMatcher {
    try CompiledGrammar(grammar, vocabulary: Self.vocabulary, limits: limits).makeMatcher()
  }

  private func accept(_ text: String, _ matcher: inout GrammarMatcher) throws {
    for byte in text.utf8 { try matcher.accept(Int32(byte)) }
  }

  private func allowed(_ matcher: inout GrammarMatcher) -> [Int32] {
    var mask = [UInt64](repeating: .max, count: Self.vocabulary.wordCount + 1)
    #expect(throws: Never.self) { try matcher.fillMask(into: &mask) }
    #expect(mask.last == 0)
    return (0..<Int32(Self.vocabulary.tokenCount)).filter { mask[Int($0) / 64] >> UInt64($0 % 64) & 1 == 1 }
  }

  private func allows(_ text: String, _ grammar: Grammar) throws -> Bool {
    var matcher = try matcher(grammar)
    for byte in text.utf8 where (try? matcher.accept(Int32(byte))) == nil { return false }
    return matcher.canEnd
  }

  @Test func aMaskHasOneBitForEachToken() throws {
    var matcher = try matcher(.choice(["abc", "tree"]))
    #expect(allowed(&matcher) == [0x61, 0x74, 256, 257, 260])
    try matcher.accept(256)
    #expect(allowed(&matcher) == [0x63])
    try matcher.accept(0x63)
    #expect(allowed(&matcher) == [Self.end])
    #expect(matcher.canEnd && matcher.isComplete && !matcher.isFinished)
    try matcher.accept(Self.end)
    #expect(matcher.isFinished)
    #expect(allowed(&matcher).isEmpty)
    #expect(throws: GuidedError.tokenRefused(token: 0x61)) { try matcher.accept(0x61) }
  }

  @Test func specialTokensAndTokensThatDoNotExistAreNeverPartOfAText() throws {
    var matcher = try matcher(.regex("(.|\\n)*"))
    #expect(!allowed(&matcher).contains(Self.special))
    #expect(allowed(&matcher).contains(Self.end))
    for token in [Self.special, -1, 263, .max] {
      #expect(throws: GuidedError.tokenRefused(token: token)) { try matcher.accept(token) }
    }
  }

  /// A refused token changes nothing.
  @Test func aRefusedTokenLeavesTheMatcherAsItWas() throws {
    var matcher = try matcher(.choice(["abc"]))
    try matcher.accept(0x61)
    #expect(throws: GuidedError.tokenRefused(token: 0x78)) { try matcher.accept(0x78) }
    #expect(throws: GuidedError.tokenRefused(token: Self.end)) { try matcher.accept(Self.end) }
    #expect(allowed(&matcher) == [0x62])
  }

  @Test func aCopyGoesItsOwnWay() throws {
    var first = try matcher(.choice(["ax", "ay"]))
    try first.accept(0x61)
    var second = first
    try first.accept(0x78)
    try second.accept(0x79)
    #expect(first.canEnd && second.canEnd)
    #expect(!first.allows(0x79))
  }

  /// A token is forced only if the mask has no other: "true" is one text and several tokens.
  @Test func onlyTokensWithoutAnAlternativeAreForced() throws {
    let truth = try matcher(.jsonSchema(.object([("const", .bool(true))])))
    #expect(truth.forcedBytes() == Array("true".utf8))
    #expect(truth.forcedTokens().isEmpty)
    var other = try matcher(.choice(["x12", "y"]))
    #expect(other.forcedBytes().isEmpty && other.forcedTokens().isEmpty)
    try other.accept(Int32(UInt8(ascii: "x")))
    #expect(other.forcedBytes() == Array("12".utf8))
    #expect(other.forcedTokens() == [0x31, 0x32, Self.end])
    #expect(other.forcedTokens(limit: 1) == [0x31])
  }

  /// To append forced tokens gives what choosing from the masks gives, whatever is chosen.
  @Test func forcedTokensAreWhatIsGeneratedAnyway() throws {
    let grammar = try CompiledGrammar(
      .regex("(ab|cd)x{3}(true|zz)q*"), vocabulary: Self.vocabulary)
    var generator = SplitMix64(seed: 4)
    for _ in 0..<200 {
      var matcher = grammar.makeMatcher()
      var forced: [Int32] = []
      for _ in 0..<30 where !matcher.isFinished {
        forced = forced.isEmpty ? matcher.forcedTokens() : forced
        let choices = allowed(&matcher)
        let token = choices[Int(generator.next() % UInt64(choices.count))]
        if !forced.isEmpty { #expect(token == forced.removeFirst()) }
        try matcher.accept(token)
      }
    }
  }

  @Test func theShortestEndingIsFound() throws {
    let node = JSONValue.object([
      ("type", .string("object")),
      ("properties", .object([("a", .object([("$ref", .string("#"))])), ("b", .object([("type", .string("null"))]))])),
      ("required", .array([.string("b")])), ("additionalProperties", .bool(false)),
    ])
    var matcher = try matcher(.jsonSchema(node))
    #expect(matcher.shortestEnding() == Array("{\"b\":null}".utf8))
    try accept("{\"a\":{", &matcher)
    #expect(matcher.shortestEnding() == Array("\"b\":null},\"b\":null}".utf8))
    #expect(matcher.shortestEnding(limit: 5) == nil)
    try accept("\"b\":null},\"b\":null}", &matcher)
    #expect(matcher.shortestEnding() == [])
  }

  /// When too many places are remembered they are forgotten, and matchers that are on their way go on.
  @Test func forgettingChangesNothing() throws {
    var small = GrammarLimits()
    small.rememberedByteCount = 3000
    let source = Grammar.jsonObject()
    let forgetful = try CompiledGrammar(source, vocabulary: Self.vocabulary, limits: small)
    let usual = try CompiledGrammar(source, vocabulary: Self.vocabulary)
    var generator = SplitMix64(seed: 5)
    var pairs = (0..<4).map { _ in (forgetful.makeMatcher(), usual.makeMatcher()) }
    for _ in 0..<400 {
      let index = Int(generator.next() % 4)
      let choices = allowed(&pairs[index].1)
      #expect(allowed(&pairs[index].0) == choices)
      guard !pairs[index].1.isFinished else {
        pairs[index] = (forgetful.makeMatcher(), usual.makeMatcher())
        continue
      }
      let token = choices[Int(generator.next() % UInt64(choices.count))]
      try pairs[index].0.accept(token)
      try pairs[index].1.accept(token)
    }
  }

  /// Characters may be cut between tokens, and what is not UTF-8 is never allowed.
  @Test func charactersMayBeCutBetweenTokens() throws {
    var matcher = try matcher(.jsonSchema(.object([("type", .string("string"))])))
    try accept("\"", &matcher)
    for refused in [0x80, 0xC0, 0xF5, 0xFF, 0x0A, 0x7F] as [Int32] { #expect(!matcher.allows(refused)) }
    try matcher.accept(0xF0)
    #expect(allowed(&matcher) == Array(0x90...0xBF))
    try matcher.accept(0x9F)
    try matcher.accept(0x91)
    #expect(!matcher.allows(Int32(UInt8(ascii: "\""))))
    try matcher.accept(0x8D)
    try accept("\"", &matcher)
    #expect(matcher.canEnd)
    var surrogate = try self.matcher(.jsonSchema(.object([("type", .string("string"))])))
    try accept("\"", &surrogate)
    try surrogate.accept(0xED)
    #expect(!surrogate.allows(0xA0))
  }

  /// Classes stand for what they stand for in ECMA-262 and in Python's `re`.
  @Test func classesAreThoseOfBothDialects() throws {
    for (pattern, matching, others) in [
      (".", ["a", "é", "\r"], ["\n"]), ("\\d", ["7"], ["٣", "a"]),
      ("\\D", ["a", "é"], ["7", "٣"]),
      ("\\w", ["a", "_"], ["é", "-"]), ("\\W", ["-", "’"], ["a", "é", "²", "中"]),
      ("\\s", [" ", "\u{3000}"], ["\u{FEFF}"]),
      ("\\S", ["é"], [" ", "\u{FEFF}", "\u{85}", "\u{1F}"]), ("[^\\s]", ["é"], ["\u{FEFF}", "\u{85}"]),
      ("[^\\w-]", ["."], ["é", "-", "a"]), ("[^a]", ["é", "\n"], ["a"]), ("[\\W\\w]", ["a", "-"], ["é"]),
    ] {
      for text in matching { #expect(try allows(text, .regex(pattern)), "\(pattern) and \(text.debugDescription)") }
      for text in others { #expect(try !allows(text, .regex(pattern)), "\(pattern) and \(text.debugDescription)") }
    }
  }

  @Test func whiteSpaceIsWhatTheFormatSays() throws {
    let schema = JSONValue.object([("type", .string("array")), ("items", .object([("const", .integer(1))]))])
    let wide = JSONFormat(whitespace: .fixed(itemSeparator: ", ", keySeparator: ": "))
    let free = JSONFormat(whitespace: .flexible(maximumCount: 2))
    #expect(try allows("[1,1]", .jsonSchema(schema)))
    #expect(try !allows("[1, 1]", .jsonSchema(schema)))
    #expect(try allows("[1, 1]", .jsonSchema(schema, format: wide)))
    #expect(try !allows("[1,1]", .jsonSchema(schema, format: wide)))
    #expect(try allows("[ \n1\t,1]", .jsonSchema(schema, format: free)))
    #expect(try !allows("[   1]", .jsonSchema(schema, format: free)))
    #expect(try allows("{ }", .jsonObject(format: free)))
    #expect(try allows("{\"a\" : [ ] }", .jsonObject(format: free)))
  }

  @Test func objectsCanBeClosedByDefault() throws {
    let schema = JSONValue.object([
      ("type", .string("object")), ("properties", .object([("a", .object([("type", .string("null"))]))])),
    ])
    let closed = JSONFormat(allowsUndeclaredProperties: false)
    #expect(try allows("{\"a\":null,\"b\":1}", .jsonSchema(schema)))
    #expect(try !allows("{\"a\":null,\"b\":1}", .jsonSchema(schema, format: closed)))
    #expect(try allows("{\"a\":null}", .jsonSchema(schema, format: closed)))
  }

  @Test func structuralTagsCanBeDemandedAndCanEndTheText() throws {
    let tag = StructuralTags.Tag(begin: "<t>", content: .regex("[0-9]+"), end: "</t>")
    let free = Grammar.structuralTags(StructuralTags(tags: [tag], triggers: ["<t"]))
    let demanded = Grammar.structuralTags(StructuralTags(tags: [tag], triggers: ["<t"], requiresTag: true))
    let last = Grammar.structuralTags(StructuralTags(tags: [tag], triggers: ["<t"], endsAfterFirstTag: true))
    #expect(try allows("no tag <", free) && allows("a<t>12</t>b<t>3</t>", free))
    #expect(try !allows("a<t", free) && !allows("a<tx", free) && !allows("a<t>12", free))
    #expect(try !allows("no tag", demanded) && allows("a<t>1</t>b", demanded))
    let nested = Grammar.structuralTags(StructuralTags(tags: [tag], triggers: ["<t>", "<"]))
    #expect(try allows("a<t>1</t>", nested) && !allows("a<b", nested))
    // The end of a tag can be the beginning of a trigger.
    let lined = StructuralTags.Tag(begin: "\n<f>", content: .regex("[0-9]+"), end: "</f>\n")
    let lines = Grammar.structuralTags(StructuralTags(tags: [lined], triggers: ["\n<f"]))
    #expect(try allows("a\n<f>1</f>\n<f>2</f>\n", lines) && allows("a\n<f>1</f>\n<g", lines))
    #expect(try !allows("a\n<f>1</f>\n<fx", lines))
    #expect(try allows("no tag", last) && allows("a<t>1</t>", last) && !allows("a<t>1</t>b", last))
  }
}
