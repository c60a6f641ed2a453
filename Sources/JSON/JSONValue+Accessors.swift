extension JSONValue {
  /// The text of a string; nil for anything else.
  package var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The value of an integer; nil for anything else, a number with a fraction or an exponent included.
  package var intValue: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }

  /// The value of a number or an integer; nil for anything else.
  package var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The value of `true` or `false`; nil for anything else.
  package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The elements of an array; nil for anything else.
  package var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

  /// The members of an object; nil for anything else.
  package var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// Whether the value is `null`.
  package var isNull: Bool { if case .null = self { true } else { false } }

  /// The value of the last member called `key`, by bytes; nil if there is none or the value is no object.
  package subscript(key: String) -> JSONValue? { objectValue?[key] }

  /// The element at `index`; nil if there is none or the value is no array.
  package subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}
