import Foundation
import Guided
import JSON
import Testing

/// Numbers within bounds, against Foundation's decimal arithmetic.
@Suite struct NumberBoundsTests {
  private static let bounds = ["-12.75", "-3", "-0.5", "0", "0.001", "2.5", "7", "10", "100"]
  private static let numbers =
    (-13...13).map { "\($0)" } + [
      "-100", "-12.750", "-12.751", "-12.749", "-3.0", "-2.999", "-0.5", "-0.50", "-0.499", "-0.501", "0.0", "0.001",
      "0.0010",
      "0.0009", "0.0011", "2.5", "2.50", "2.49", "2.51", "6.99", "7.0", "7.01", "9.999", "10.000", "10.5", "99", "99.9",
      "100",
      "100.0", "100.1", "101", "1000",
    ]

  @Test(arguments: [true, false], [true, false]) func numbersAreThoseWithinTheBounds(
    isInclusive: Bool, isInteger: Bool
  ) throws {
    let keywords = isInclusive ? ("minimum", "maximum") : ("exclusiveMinimum", "exclusiveMaximum")
    let type = isInteger ? "integer" : "number"
    for (index, lower) in Self.bounds.enumerated() {
      for upper in Self.bounds[index...] {
        let schema = "{\"type\":\"\(type)\",\"\(keywords.0)\":\(lower),\"\(keywords.1)\":\(upper)}"
        let grammar = try? CompiledGrammar(try .jsonSchema(schema), vocabulary: Acceptance.vocabulary)
        let (low, high) = (try Self.decimal(lower), try Self.decimal(upper))
        for text in Self.numbers where !isInteger || !text.contains(".") {
          let number = try Self.decimal(text)
          let isWithin = isInclusive ? low <= number && number <= high : low < number && number < high
          #expect(grammar.map { Acceptance.allows(text, $0) } ?? false == isWithin, "\(text) under \(schema)")
        }
      }
    }
  }

  private static func decimal(_ text: String) throws -> Decimal { try #require(Decimal(string: text)) }
}
