package import JSON

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  /// A string.
  package init(stringLiteral value: String) { self = .string(value) }

  /// An integer.
  package init(integerLiteral value: Int64) { self = .integer(value) }

  /// `true` or `false`.
  package init(booleanLiteral value: Bool) { self = .bool(value) }

  /// The value of a number without a fraction; nil for anything else.
  package var wholeNumber: Int? {
    if let value = intValue { return value }
    return doubleValue.flatMap { Int(exactly: $0) }
  }
}
