import Foundation
import JSON
import Tokenization

/// A file that a test needs is missing or is not what it should be.
struct GoldenError: Error, CustomStringConvertible {
  var description: String
}

/// The golden files, which scripts/goldens/tokenizer_cases.py makes.
enum Goldens {
  /// The bytes of a file.
  static func bytes(_ name: String) throws -> [UInt8] {
    guard let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil) else {
      throw GoldenError(description: "there is no golden file \(name)")
    }
    return [UInt8](try Data(contentsOf: url))
  }

  /// A JSON file.
  static func json(_ name: String) throws -> JSONValue { try JSONValue(parsing: bytes(name)) }

  /// The strings that every tokenizer is tried on.
  static func corpus() throws -> [String] { try strings(json("corpus.json")) }

  /// An array of strings.
  static func strings(_ value: JSONValue?) throws -> [String] {
    guard let elements = value?.arrayValue else { throw GoldenError(description: "not an array") }
    return try elements.map {
      guard let string = $0.stringValue else { throw GoldenError(description: "not a string") }
      return string
    }
  }

  /// An array of token identifiers.
  static func ids(_ value: JSONValue?) throws -> [Int32] {
    guard let elements = value?.arrayValue else { throw GoldenError(description: "not an array") }
    return try elements.map {
      guard let id = $0.intValue else { throw GoldenError(description: "not an integer") }
      return Int32(id)
    }
  }

  /// The small tokenizer `name`.
  static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(huggingFaceJSON: bytes("\(name).tokenizer.json"), configuration: nil)
  }

  /// The small tokenizers.
  static let names = ["gpt2", "smollm", "qwen2", "llama3"]
}

/// `text` by its scalars, for messages that must show what differs.
func scalars(_ text: String) -> String {
  text.unicodeScalars.map { "U+" + String($0.value, radix: 16, uppercase: true) }.joined(separator: " ")
}

/// A small generator of random numbers (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

/// Whether the long tests were asked for.
let runsLongTests = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
