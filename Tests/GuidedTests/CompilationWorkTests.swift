import Foundation
import Guided
import JSON
import Testing

/// What compiling costs is counted where it arises, so that the budget bounds it. The tests count work and not time; the
/// time limits are there for what is not counted, which took minutes and longer.
@Suite(.timeLimit(.minutes(1))) struct CompilationWorkTests {
  private static let outOfWork = GuidedError.tooLarge(
    what: "compiling it takes too many steps", limit: GrammarLimits().work)

  private func work(_ grammar: Grammar) throws -> Int {
    try CompiledGrammar(grammar, vocabulary: Acceptance.vocabulary).work
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(members) }

  private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

  /// Grammars of a size, with the least work for each unit of it and the most.
  private static let families: [(name: String, least: Int, most: Int, grammar: @Sendable (Int) -> Grammar)] = [
    // Scattered characters, which stay ranges of their own.
    ("class", 10, 2_000, { .regex("[" + scattered($0) + "]") }),
    ("class of one character", 2, 20, { .regex("[" + String(repeating: "a", count: $0) + "]") }),
    ("class of classes", 2, 1_000, { .regex("[" + String(repeating: "\\W\\s", count: $0) + "]") }),
    ("literal", 5, 50, { .regex(String(repeating: "a", count: $0)) }),
    (
      "references", 50, 5_000,
      { count in
        let names = (0..<count).map { "a\($0)" }
        return .jsonSchema(
          object([
            ("type", .string("object")), ("required", strings(names)),
            ("properties", object(names.map { ($0, object([("$ref", .string("#/$defs/\($0)"))])) })),
            ("$defs", object(names.map { ($0, object([("type", .string("null"))])) })),
          ]))
      }
    ),
    (
      "values with many members", 300, 50_000,
      { count in
        let members = (0..<20).map { ("k\($0)", JSONValue.integer(0)) }
        func list(_ range: Range<Int>) -> JSONValue {
          object([("enum", .array(range.map { object(members + [("z", .integer(Int64($0)))]) }))])
        }
        return .jsonSchema(object([("oneOf", .array([list(0..<count), list(count..<2 * count)]))]))
      }
    ),
    (
      "declared keys and patterns", 6 * 9, 40_000,
      { count in
        let keys = (0..<count).map { ("key\(10_000 + $0)", object([])) }
        let patterns = (0..<6).map { ("^zz\($0)", object([])) }
        return .jsonSchema(
          object([
            ("type", .string("object")), ("required", strings(keys.map(\.0))), ("properties", object(keys)),
            ("patternProperties", object(patterns)),
            ("additionalProperties", .bool(false)),
          ]))
      }
    ),
  ]

  private static func scattered(_ count: Int) -> String {
    String(String.UnicodeScalarView((0..<count).compactMap { Unicode.Scalar(UInt32(0x4E00 + 2 * $0)) }))
  }

  @Test(arguments: 0..<7) func workGrowsWithTheSize(family: Int) throws {
    let (name, least, most, grammar) = Self.families[family]
    let small = try work(grammar(400))
    let large = try work(grammar(800))
    let growth = large - small
    #expect(growth >= 400 * least, "\(name): \(growth)")
    #expect(growth <= 400 * most && large < 3 * small, "\(name): \(small), \(large)")
  }

  /// Every pattern reads every value.
  @Test func valuesAreReadByEveryPattern() throws {
    func schema(patterns: Int) -> JSONValue {
      Self.object([
        ("enum", Self.strings([String(repeating: "ab", count: 5_000)])),
        ("allOf", .array((0..<patterns).map { Self.object([("pattern", .string("^(ab|\($0))*"))]) })),
      ])
    }
    let few = try work(.jsonSchema(schema(patterns: 2)))
    #expect(try work(.jsonSchema(schema(patterns: 22))) >= few + 20 * 10_000)
  }

  /// Alternatives in all combinations take along what is beside them.
  @Test func whatAlternativesCopyIsCounted() {
    let alternatives = (0..<13).map { index in
      Self.object([
        ("anyOf", .array(["p", "q"].map { Self.object([("required", Self.strings(["\($0)\(index)"]))]) }))
      ])
    }
    let schema = Self.object([
      ("type", .string("object")), ("required", Self.strings((0..<20_000).map { "r\($0)" })),
      ("allOf", .array(alternatives)),
    ])
    #expect(Acceptance.refusal(of: .jsonSchema(schema)) == Self.outOfWork)
  }

  /// Twenty thousand keys, and four thousand patterns of which six are allowed.
  @Test func patternsAreCountedBeforeTheyAreTried() {
    let keys = (0..<20_000).map { ("key\(10_000 + $0)", Self.object([])) }
    let patterns = (0..<4_000).map { ("^zz\($0)", Self.object([])) }
    let schema = Self.object([
      ("type", .string("object")), ("properties", .object(keys)), ("patternProperties", .object(patterns)),
    ])
    guard case .unsupportedKeyword("patternProperties", _, _) = Acceptance.refusal(of: .jsonSchema(schema)) else {
      Issue.record("4,000 patterns were not refused")
      return
    }
  }

  /// What the square of their number would make endless.
  @Test func largeGrammarsEnd() throws {
    // All the characters that fit into the largest pattern.
    _ = try work(.regex("[" + Self.scattered(25_000) + String(repeating: "aé", count: 60_000) + "]"))
    #expect(Acceptance.refusal(of: .regex(String(repeating: "\\W", count: 131_000))) != nil)
    #expect(Acceptance.refusal(of: .regex(String(repeating: "[\\W]", count: 65_000))) != nil)
    let names = (0..<20_000).map { "a\($0)" }
    let references = names.map { Self.object([("$ref", .string("#/$defs/\($0)"))]) }
    let schema = Self.object([
      ("anyOf", .array(references)), ("$defs", .object(names.map { ($0, Self.object([("type", .string("null"))])) })),
    ])
    guard case .tooLarge = Acceptance.refusal(of: .jsonSchema(schema)) else {
      Issue.record("20,000 alternatives were compiled")
      return
    }
    let members = (0..<60).map { ("k\($0)", JSONValue.integer(0)) }
    let lists = [0, 800].map { start in
      Self.object([
        ("enum", .array((0..<800).map { Self.object(members + [("z", .integer(Int64(start + $0)))]) }))
      ])
    }
    let listed = Acceptance.refusal(of: .jsonSchema(Self.object([("oneOf", .array(lists))])))
    guard listed == nil || listed == .tooLarge(what: "it has too many parts", limit: GrammarLimits().expressionCount)
    else {
      Issue.record("\(listed?.description ?? "")")
      return
    }
  }

  /// A long key is in the pointer of everything below it.
  @Test func longPointersAreCounted() throws {
    func schema(_ length: Int) -> JSONValue {
      let keywords = (0..<200).map { ("x-\($0)", JSONValue.null) }
      return Self.object([("properties", Self.object([(String(repeating: "k", count: length), Self.object(keywords))]))]
      )
    }
    let short = try work(.jsonSchema(schema(100)))
    #expect(try work(.jsonSchema(schema(16_100))) >= short + 200 * 1_000)
  }
}
