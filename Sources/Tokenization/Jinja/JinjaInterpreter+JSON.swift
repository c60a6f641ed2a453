/// The filter `tojson` as `transformers` defines it: Python's `json.dumps` without escapes for HTML.
extension JinjaInterpreter {
  private struct Style {
    let isASCII: Bool
    let indent: [UInt8]?
    let itemSeparator: [UInt8]
    let keySeparator: [UInt8]
    let sortsKeys: Bool
  }

  /// The JSON text of a value.
  func json(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaString {
    let values = try bind("tojson", arguments, ["ensure_ascii", "indent", "separators", "sort_keys"])
    var indent: [UInt8]?
    if let given = values[1], !given.isNone {
      if case .string(let string) = given {
        indent = string.utf8
      } else {
        indent = try repeated([UInt8(ascii: " ")], try integer(given, 0, "tojson"))
      }
    }
    var itemSeparator = Array((indent == nil ? ", " : ",").utf8)
    var keySeparator = Array(": ".utf8)
    if let given = values[2], !given.isNone {
      let pair = try items(of: given, atMost: 2)
      guard pair.count == 2 else { throw bad("'tojson' needs two separators") }
      itemSeparator = try string(pair[0], "tojson").utf8
      keySeparator = try string(pair[1], "tojson").utf8
    }
    let style = Style(
      isASCII: try flag(values[0]), indent: indent, itemSeparator: itemSeparator, keySeparator: keySeparator,
      sortsKeys: try flag(values[3]))
    var text: [UInt8] = []
    try append(value, style, level: 0, to: &text)
    try chargeString(text.count)
    return JinjaString(utf8: text)
  }

  private func append(
    _ value: JinjaValue, _ style: Style, level: Int, to text: inout [UInt8]
  ) throws(TemplateError) {
    try charge()
    guard text.count <= limits.outputBytes else {
      throw failure(.limit, "the JSON text is larger than \(limits.outputBytes) bytes")
    }
    switch value {
    case .none: text.append(text: "null")
    case .bool(let flag): text.append(text: flag ? "true" : "false")
    case .int(let integer): text.append(text: String(integer))
    case .float(let number): text.append(text: Self.jsonNumber(number))
    case .string(let string): try append(string, style, to: &text)
    case .list(let list), .tuple(let list):
      guard !list.items.isEmpty else { return text.append(text: "[]") }
      text.append(text: "[")
      for (index, item) in list.items.enumerated() {
        if index > 0 { text += style.itemSeparator }
        try newline(style, level: level + 1, to: &text)
        try append(item, style, level: level + 1, to: &text)
      }
      try newline(style, level: level, to: &text)
      text.append(text: "]")
    case .dictionary(let dictionary): try append(dictionary, style, level: level, to: &text)
    default: throw bad("a \(value.typeName) has no JSON form")
    }
  }

  private func append(
    _ dictionary: JinjaDictionary, _ style: Style, level: Int, to text: inout [UInt8]
  ) throws(TemplateError) {
    guard dictionary.count > 0 else { return text.append(text: "{}") }
    var order = Array(0..<dictionary.count)
    if style.sortsKeys {
      order = try sorted(order) { (left, right) throws(TemplateError) in
        try self.isLess(dictionary.keys[left], dictionary.keys[right])
      }
    }
    text.append(text: "{")
    for (count, index) in order.enumerated() {
      if count > 0 { text += style.itemSeparator }
      try newline(style, level: level + 1, to: &text)
      switch dictionary.keys[index] {
      case .string(let key): try append(key, style, to: &text)
      case .none: text.append(text: "\"null\"")
      case .bool(let flag): text.append(text: flag ? "\"true\"" : "\"false\"")
      case .int(let integer): text.append(text: "\"\(integer)\"")
      case .float(let number): text.append(text: "\"" + Self.jsonNumber(number) + "\"")
      default: throw bad("a \(dictionary.keys[index].typeName) cannot be a key in JSON")
      }
      text += style.keySeparator
      try append(dictionary.values[index], style, level: level + 1, to: &text)
    }
    try newline(style, level: level, to: &text)
    text.append(text: "}")
  }

  private func newline(_ style: Style, level: Int, to text: inout [UInt8]) throws(TemplateError) {
    guard let indent = style.indent else { return }
    text.append(10)
    text += try repeated(indent, level)
  }

  private static func jsonNumber(_ number: Double) -> String {
    guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity" }
    return FloatText.representation(number)
  }

  private func append(_ string: JinjaString, _ style: Style, to text: inout [UInt8]) throws(TemplateError) {
    try chargeScan(string.utf8.count)
    text.append(UInt8(ascii: "\""))
    if style.isASCII, !string.isASCII {
      for scalar in string.text.unicodeScalars {
        if scalar.isASCII {
          Self.appendJSON(UInt8(ascii: scalar), to: &text)
        } else {
          for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
            let digits = String(unit, radix: 16)
            text.append(text: "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
          }
        }
      }
    } else {
      for byte in string.utf8 { Self.appendJSON(byte, to: &text) }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func appendJSON(_ byte: UInt8, to text: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): text.append(text: "\\\"")
    case UInt8(ascii: "\\"): text.append(text: "\\\\")
    case 8: text.append(text: "\\b")
    case 9: text.append(text: "\\t")
    case 10: text.append(text: "\\n")
    case 12: text.append(text: "\\f")
    case 13: text.append(text: "\\r")
    case 0..<32: text.append(text: "\\u00" + (byte < 16 ? "0" : "1") + String(byte & 15, radix: 16))
    default: text.append(byte)
    }
  }
}
