/// Python's `str` and `repr` of values.
extension JinjaInterpreter {
  /// `str(value)`, which is also what printing shows.
  func string(of value: JinjaValue) throws(TemplateError) -> JinjaString {
    switch value {
    case .string(let string): return string
    case .undefined: return JinjaString(utf8: [])
    default:
      var text: [UInt8] = []
      try appendRepresentation(of: value, to: &text, depth: 0)
      try chargeString(text.count)
      return JinjaString(utf8: text)
    }
  }

  /// `repr(value)`.
  func representation(of value: JinjaValue) throws(TemplateError) -> JinjaString {
    var text: [UInt8] = []
    try appendRepresentation(of: value, to: &text, depth: 0)
    return JinjaString(utf8: text)
  }

  private func appendRepresentation(
    of value: JinjaValue, to text: inout [UInt8], depth: Int
  ) throws(TemplateError) {
    try charge()
    guard depth <= TemplateLimits.valueDepth else {
      throw failure(.limit, "the value to print nests deeper than \(TemplateLimits.valueDepth) levels")
    }
    guard text.count <= limits.outputBytes else {
      throw failure(.limit, "the text of a value is larger than \(limits.outputBytes) bytes")
    }
    switch value {
    case .undefined: text.append(text: "Undefined")
    case .none: text.append(text: "None")
    case .bool(let flag): text.append(text: flag ? "True" : "False")
    case .int(let value): text.append(text: String(value))
    case .float(let value): text.append(text: FloatText.representation(value))
    case .string(let string):
      if string.isMarkup { text.append(text: "Markup(") }
      try chargeScan(string.utf8.count)
      Self.appendRepresentation(of: string, to: &text)
      if string.isMarkup { text.append(text: ")") }
    case .list(let list): try append(list.items, "[", "]", to: &text, depth: depth)
    case .tuple(let list): try append(list.items, "(", list.items.count == 1 ? ",)" : ")", to: &text, depth: depth)
    case .dictionary(let dictionary): try append(dictionary, to: &text, depth: depth)
    case .view(let view):
      text.append(text: view.part.typeName + "(")
      var items: [JinjaValue] = []
      for index in 0..<view.dictionary.count { items.append(view.item(at: index)) }
      try append(items, "[", "]", to: &text, depth: depth)
      text.append(text: ")")
    case .range(let range):
      let step = range.step == 1 ? "" : ", \(range.step)"
      text.append(text: "range(\(range.start), \(range.stop)\(step))")
    case .namespace(let namespace):
      text.append(text: "<Namespace ")
      try append(namespace.attributes, to: &text, depth: depth)
      text.append(text: ">")
    case .loop(let loop): text.append(text: "<LoopContext \(loop.index0 + 1)/\(try loop.length())>")
    case .macro(let macro):
      text.append(text: "<Macro ")
      if let name = macro.definition.name {
        Self.appendRepresentation(of: name, to: &text)
      } else {
        text.append(text: "anonymous")
      }
      text.append(text: ">")
    case .iterator, .method, .function, .cycler, .joiner:
      throw bad("a \(value.typeName) cannot be printed; turn it into a list, or call it")
    }
  }

  private func append(
    _ items: [JinjaValue], _ open: String, _ close: String, to text: inout [UInt8], depth: Int
  ) throws(TemplateError) {
    text.append(text: open)
    for (index, item) in items.enumerated() {
      if index > 0 { text.append(text: ", ") }
      try appendRepresentation(of: item, to: &text, depth: depth + 1)
    }
    text.append(text: close)
  }

  private func append(
    _ dictionary: JinjaDictionary, to text: inout [UInt8], depth: Int
  ) throws(TemplateError) {
    text.append(text: "{")
    for index in 0..<dictionary.count {
      if index > 0 { text.append(text: ", ") }
      try appendRepresentation(of: dictionary.keys[index], to: &text, depth: depth + 1)
      text.append(text: ": ")
      try appendRepresentation(of: dictionary.values[index], to: &text, depth: depth + 1)
    }
    text.append(text: "}")
  }

  /// A string as Python's `repr` shows it: in single quotes unless it has some and no double ones.
  static func appendRepresentation(of string: JinjaString, to text: inout [UInt8]) {
    let hasSingle = string.utf8.contains(UInt8(ascii: "'"))
    let hasDouble = string.utf8.contains(UInt8(ascii: "\""))
    let quote: Unicode.Scalar = hasSingle && !hasDouble ? "\"" : "'"
    text.append(scalar: quote)
    for scalar in string.text.unicodeScalars {
      switch scalar {
      case "\\": text.append(text: "\\\\")
      case quote:
        text.append(text: "\\")
        text.append(scalar: quote)
      case "\n": text.append(text: "\\n")
      case "\r": text.append(text: "\\r")
      case "\t": text.append(text: "\\t")
      default:
        if scalar.isPythonPrintable {
          text.append(scalar: scalar)
        } else {
          let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x1_0000 ? ("u", 4) : ("U", 8)
          let digits = String(scalar.value, radix: 16)
          text.append(text: "\\" + letter + String(repeating: "0", count: width - digits.utf8.count) + digits)
        }
      }
    }
    text.append(scalar: quote)
  }

  // MARK: Markup

  /// The string with the characters escaped that mean something in HTML; markup stays as it is.
  func escaped(_ string: JinjaString) throws(TemplateError) -> JinjaString {
    if string.isMarkup { return string }
    try chargeString(string.utf8.count * 5)
    var result: [UInt8] = []
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "&"): result.append(text: "&amp;")
      case UInt8(ascii: "<"): result.append(text: "&lt;")
      case UInt8(ascii: ">"): result.append(text: "&gt;")
      case UInt8(ascii: "'"): result.append(text: "&#39;")
      case UInt8(ascii: "\""): result.append(text: "&#34;")
      default: result.append(byte)
      }
    }
    return JinjaString(utf8: result, isMarkup: true)
  }
}
