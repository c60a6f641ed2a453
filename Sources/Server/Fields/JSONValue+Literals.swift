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

  /// The strings of a list; empty for anything else.
  var strings: [String] { (arrayValue ?? []).compactMap(\.stringValue) }

  /// The numbers by token of an object; the last one of a token that is there twice.
  var tokenNumbers: [Int32: Float] {
    var numbers: [Int32: Float] = [:]
    for member in objectValue?.members ?? [] {
      if let token = TokenKey.token(member.key), let number = member.value.doubleValue {
        numbers[token] = Float(number)
      }
    }
    return numbers
  }
}
