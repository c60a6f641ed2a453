import Foundation
import Guided
import JSON

/// A golden file is missing or is not what it should be.
struct GoldenError: Error, CustomStringConvertible {
  var description: String
}

/// The masks that scripts/goldens/guided_masks.py writes.
struct MaskGoldens {
  /// One grammar, and the masks after some outputs.
  struct Case {
    var name: String
    var grammar: Grammar
    var steps: [(tokens: [Int32], mask: [UInt64])]
  }

  let tokens: [[UInt8]]
  let vocabulary: TokenVocabulary
  let cases: [Case]

  init() throws {
    let document = try Self.read("masks.json")
    tokens = try Self.array(document["vocabulary"]).map { try Self.bytes($0) }
    let end = Int32(try Self.integer(document["end"]))
    let special = Set(try Self.array(document["special"]).map { Int32(try Self.integer($0)) })
    vocabulary = TokenVocabulary(bytesOfTokens: tokens, endOfSequence: [end], special: special)
    let masks = try Self.array(document["masks"]).map { try Self.words(Self.bytes($0)) }
    cases = try Self.array(document["cases"]).map { entry in
      let kind = entry["kind"]?.stringValue ?? ""
      guard let source = entry["source"] else { throw GoldenError(description: "a case without a source") }
      return Case(
        name: "\(kind)/\(entry["name"]?.stringValue ?? "")", grammar: try Self.grammar(kind, source),
        steps: try Self.array(entry["steps"]).map { step in
          let tokens = try Self.array(step[0]).map { Int32(try Self.integer($0)) }
          return (tokens, masks[try Self.integer(step[1])])
        })
    }
  }

  /// A JSON file among the goldens.
  static func read(_ name: String) throws -> JSONValue {
    guard let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil) else {
      throw GoldenError(description: "there is no golden file \(name)")
    }
    return try JSONValue(parsing: [UInt8](try Data(contentsOf: url)))
  }

  /// The grammar of a case, of one of the kinds that the script knows.
  static func grammar(_ kind: String, _ source: JSONValue) throws -> Grammar {
    switch kind {
    case "schema": return .jsonSchema(source)
    case "regex": return .regex(source.stringValue ?? "")
    case "grammar": return .grammar(source.stringValue ?? "")
    case "choice": return .choice(try array(source).compactMap(\.stringValue))
    case "tags":
      let tags = try array(source["tags"]).map { tag in
        StructuralTags.Tag(
          begin: tag["begin"]?.stringValue ?? "", content: .jsonSchema(tag["schema"] ?? .null),
          end: tag["end"]?.stringValue ?? "")
      }
      return .structuralTags(
        StructuralTags(tags: tags, triggers: try array(source["triggers"]).compactMap(\.stringValue)))
    default: throw GoldenError(description: "an unknown kind of grammar, \(kind)")
    }
  }

  static func array(_ value: JSONValue?) throws -> [JSONValue] {
    guard let elements = value?.arrayValue else { throw GoldenError(description: "not an array") }
    return elements
  }

  static func integer(_ value: JSONValue?) throws -> Int {
    guard let integer = value?.intValue else { throw GoldenError(description: "not an integer") }
    return integer
  }

  private static func bytes(_ value: JSONValue) throws -> [UInt8] {
    let digits = Array((value.stringValue ?? "").utf8)
    return try stride(from: 0, to: digits.count - 1, by: 2).map { index in
      guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
        throw GoldenError(description: "not hexadecimal")
      }
      return byte
    }
  }

  private static func words(_ bytes: [UInt8]) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
    for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
    return words
  }
}
