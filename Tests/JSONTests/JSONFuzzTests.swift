import Foundation
import JSON
import TestKit
import Testing

@Suite struct JSONFuzzTests {
  private static let rounds = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1" ? 200_000 : 3_000

  @Test func whatIsWrittenReadsBack() throws {
    var generator = SplitMix64(seed: 1)
    for _ in 0..<Self.rounds {
      let value = Self.randomValue(&generator, depth: 0)
      #expect(try JSONValue(parsing: value.serialized()) == value)
      #expect(try JSONValue(parsing: value.serialized(pretty: true)) == value)
    }
  }

  /// Damaged texts are refused or mean something; whatever they mean survives writing and reading.
  @Test func damagedTextsNeverTrap() throws {
    var generator = SplitMix64(seed: 2)
    let spice = Array("{}[]\",:\\u0eE+-.ntf\u{0}\u{7f}".utf8) + [0x80, 0xc3, 0xed, 0xff]
    for _ in 0..<Self.rounds {
      var bytes = Array(Self.randomValue(&generator, depth: 0).serialized().utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        guard let index = bytes.indices.randomElement(using: &generator) else { break }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.remove(at: index)
        case 1: bytes[index] = spice.randomElement(using: &generator) ?? 0
        case 2: bytes.insert(spice.randomElement(using: &generator) ?? 0, at: index)
        default: bytes.removeSubrange(index...)
        }
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      #expect(try JSONValue(parsing: value.serialized()) == value)
    }
  }

  /// Foundation's parser agrees about what is JSON, for documents that do not repeat keys.
  @Test func agreesWithFoundation() throws {
    var generator = SplitMix64(seed: 3)
    for _ in 0..<500 {
      let text = JSONValue.array([Self.randomValue(&generator, depth: 0)]).serialized()
      #expect(throws: Never.self, "\(text)") { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    }
  }

  private static func randomValue(_ generator: inout SplitMix64, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth < 4 ? 8 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .integer(Int64(bitPattern: generator.next()) >> Int64.random(in: 0..<64, using: &generator))
    case 3:
      let number = Double(bitPattern: generator.next())
      return .number(number.isFinite ? number : 0.5)
    case 4, 5: return .string(randomText(&generator))
    case 6:
      let count = Int.random(in: 0..<5, using: &generator)
      return .array((0..<count).map { _ in randomValue(&generator, depth: depth + 1) })
    default:
      let count = Int.random(in: 0..<5, using: &generator)
      return .object(
        JSONObject(
          (0..<count).map { _ in
            .init(key: randomText(&generator), value: randomValue(&generator, depth: depth + 1))
          }))
    }
  }

  private static func randomText(_ generator: inout SplitMix64) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0..<12, using: &generator) {
      let ranges: [ClosedRange<UInt32>] = [0...0x7f, 0x20...0x7e, 0x80...0x7ff, 0x800...0xd7ff, 0x10000...0x10ffff]
      let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) { text.unicodeScalars.append(scalar) }
    }
    return text
  }
}
