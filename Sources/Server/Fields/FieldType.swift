package import JSON

/// The type of a field of a request: checks values and describes itself in the OpenAPI document, so that the document is
/// true.
package indirect enum FieldType: Sendable {
  /// `true` or `false`.
  case boolean
  /// A whole number in a range.
  case integer(ClosedRange<Int>)
  /// A number in a range; if `isOpen`, the lower bound itself is not allowed.
  case number(ClosedRange<Double>, isOpen: Bool = false)
  /// A text of so many characters, counted as Unicode scalars as JSON schema counts them.
  case string(ClosedRange<Int>)
  /// One of some words.
  case choice([String])
  /// A list.
  case array(FieldType, count: ClosedRange<Int>)
  /// An object of any members.
  case object
  /// An object with known members.
  case record([RequestField])
  /// An object whose keys are tokens and whose values are numbers in a range.
  case tokenNumbers(ClosedRange<Double>, count: Int)
  /// One of several types.
  case anyOf([FieldType])
  /// Anything, because the field is refused whatever it holds or is checked by its reader.
  case any

  /// Checks a value, and returns it without the members of records that are null or have no effect.
  ///
  /// - Parameter path: what an error calls the value; asked for where there is one.
  /// - Throws: ``APIError`` that names the innermost value that is wrong.
  package func check(_ value: JSONValue, path: () -> String) throws(APIError) -> JSONValue {
    if let problem = problem(value) { throw .invalid(path(), problem, code: "invalid_type") }
    switch self {
    case .array(let element, _):
      let list = value.arrayValue ?? []
      var checked: [JSONValue] = []
      for (index, item) in list.enumerated() {
        let item = try element.check(item, path: { "\(path())[\(index)]" })
        if element.hasRecords { checked.append(item) }
      }
      return element.hasRecords ? .array(checked) : value
    case .record(let fields):
      guard let object = value.objectValue else { return value }
      return .object(try FieldValues(object, fields: fields, path: path).object)
    case .anyOf(let types):
      let alike = types.filter { $0.isAlike(value) }
      // What is alike to one type only is that, or a mistake in it.
      if alike.count == 1 { return try alike[0].check(value, path: path) }
      for type in alike {
        if let checked = try? type.check(value, path: { "" }) { return checked }
      }
      throw .invalid(path(), "must be " + types.map(\.name).joined(separator: " or "), code: "invalid_type")
    default: return value
    }
  }

  /// Whether a value is of the same kind to JSON, lists by their first element.
  private func isAlike(_ value: JSONValue) -> Bool {
    switch self {
    case .boolean: value.boolValue != nil
    case .integer, .number: value.doubleValue != nil
    case .string, .choice: value.stringValue != nil
    case .array(let element, _): value.arrayValue.map { $0.first.map(element.isAlike) ?? true } ?? false
    case .object, .record, .tokenNumbers: value.objectValue != nil
    case .anyOf(let types): types.contains { $0.isAlike(value) }
    case .any: true
    }
  }

  /// Whether there may be records in a value.
  private var hasRecords: Bool {
    switch self {
    case .record: true
    case .array(let element, _): element.hasRecords
    case .anyOf(let types): types.contains(where: \.hasRecords)
    default: false
    }
  }

  /// What is wrong with a value, without looking into lists, objects and alternatives; nil if nothing is.
  private func problem(_ value: JSONValue) -> String? {
    switch self {
    case .boolean: value.boolValue == nil ? "must be true or false" : nil
    case .integer(let range):
      if let number = value.wholeNumber, range.contains(number) {
        nil
      } else {
        "must be an integer \(Self.words(range))"
      }
    case .number(let range, let isOpen):
      if let number = value.doubleValue, range.contains(number), !isOpen || number > range.lowerBound {
        nil
      } else {
        "must be a number \(isOpen ? "above" : "from") \(range.lowerBound) to \(range.upperBound)"
      }
    case .string(let range):
      if let text = value.stringValue, Self.hasLength(text, in: range) {
        nil
      } else {
        "must be a string of " + (range.lowerBound > 0 ? "\(range.lowerBound) to " : "at most ")
          + "\(range.upperBound) characters"
      }
    case .choice(let words):
      if let word = value.stringValue, words.contains(where: { $0.utf8.elementsEqual(word.utf8) }) {
        nil
      } else {
        "must be one of \(words.joined(separator: ", "))"
      }
    case .array(_, let count):
      if let list = value.arrayValue, count.contains(list.count) {
        nil
      } else {
        "must be a list of \(count.lowerBound) to \(count.upperBound) elements"
      }
    case .object, .record: value.objectValue == nil ? "must be an object" : nil
    case .tokenNumbers(let range, let count):
      if let members = value.objectValue?.members, members.count <= count,
        members.allSatisfy({ member in
          TokenKey.token(member.key) != nil && member.value.doubleValue.map(range.contains) == true
        })
      {
        nil
      } else {
        "must be an object of at most \(count) tokens with numbers from \(range.lowerBound) to \(range.upperBound)"
      }
    case .anyOf, .any: nil
    }
  }

  /// Whether a text has so many scalars, without counting them where the number of bytes tells.
  private static func hasLength(_ text: String, in range: ClosedRange<Int>) -> Bool {
    let count = text.utf8.count
    if count <= range.upperBound, range.lowerBound <= 1 { return count >= range.lowerBound }
    return count / 4 <= range.upperBound && range.contains(text.unicodeScalars.count)
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    range.upperBound >= maximumInteger && range.lowerBound > -maximumInteger
      ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }

  /// The largest whole number that every JSON reader has exactly.
  package static let maximumInteger = 1 << 53

  private var name: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "an integer \(Self.words(range))"
    case .number: "a number"
    case .string: "a string"
    case .choice(let words): "one of " + words.joined(separator: ", ")
    case .array(let element, _): "a list of \(element.name)"
    case .object, .record, .tokenNumbers: "an object"
    case .anyOf(let types): types.map(\.name).joined(separator: " or ")
    case .any: "anything"
    }
  }

  /// The type as a JSON schema.
  package var schema: JSONValue {
    switch self {
    case .boolean: .object([("type", "boolean")])
    case .integer(let range):
      .object([
        ("type", "integer"), ("minimum", .integer(Int64(range.lowerBound))),
        ("maximum", .integer(Int64(range.upperBound))),
      ])
    case .number(let range, let isOpen):
      .object([
        ("type", "number"), (isOpen ? "exclusiveMinimum" : "minimum", .number(range.lowerBound)),
        ("maximum", .number(range.upperBound)),
      ])
    case .string(let range):
      .object([
        ("type", "string"), ("minLength", .integer(Int64(range.lowerBound))),
        ("maxLength", .integer(Int64(range.upperBound))),
      ])
    case .choice(let words): .object([("type", "string"), ("enum", .array(words.map { .string($0) }))])
    case .array(let element, let count):
      .object([
        ("type", "array"), ("items", element.schema), ("minItems", .integer(Int64(count.lowerBound))),
        ("maxItems", .integer(Int64(count.upperBound))),
      ])
    case .object: .object([("type", "object")])
    case .record(let fields): RequestField.schema(of: fields)
    case .tokenNumbers(let range, let count):
      .object([
        ("type", "object"), ("maxProperties", .integer(Int64(count))),
        ("propertyNames", .object([("pattern", "^(0|[1-9][0-9]{0,8})$")])),
        (
          "additionalProperties",
          .object([("type", "number"), ("minimum", .number(range.lowerBound)), ("maximum", .number(range.upperBound))])
        ),
      ])
    case .anyOf(let types): .object([("anyOf", .array(types.map(\.schema)))])
    case .any: .object([])
    }
  }
}

/// Tokens as keys of objects.
enum TokenKey {
  /// The token that a key names, without a sign or leading zeros; nil for anything else.
  static func token(_ key: String) -> Int32? {
    let digits = key.utf8
    guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.first != 0x30 || digits.count == 1
    else { return nil }
    return Int32(key)
  }
}
