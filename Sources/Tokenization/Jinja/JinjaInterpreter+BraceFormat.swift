/// Python's `str.format`.
extension JinjaInterpreter {
  /// `format.format(arguments)`.
  func braceFormatted(_ format: JinjaString, _ arguments: Arguments) throws(TemplateError) -> JinjaString {
    var result: [UInt8] = []
    var automatic = 0
    let bytes = format.utf8
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      let isOpen = byte == UInt8(ascii: "{")
      guard isOpen || byte == UInt8(ascii: "}") else {
        result.append(byte)
        continue
      }
      if index < bytes.count, bytes[index] == byte {
        result.append(byte)
        index += 1
        continue
      }
      guard isOpen, let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
        throw bad("the format has a single '{' or '}'")
      }
      let field = bytes[index..<end]
      guard !field.contains(UInt8(ascii: "{")) else {
        throw unsupported("fields within fields of 'format' are not supported")
      }
      index = end + 1
      let text = try fieldText(field, arguments, &automatic)
      try chargeString(result.count + text.utf8.count)
      result += text.utf8
    }
    return JinjaString(utf8: result)
  }

  /// The text of `{name!conversion:specification}`.
  private func fieldText(
    _ field: ArraySlice<UInt8>, _ arguments: Arguments, _ automatic: inout Int
  ) throws(TemplateError) -> JinjaString {
    var name = field
    var specification: ArraySlice<UInt8> = []
    if let colon = field.firstIndex(of: UInt8(ascii: ":")) {
      name = field[..<colon]
      specification = field[(colon + 1)...]
    }
    var conversion: ArraySlice<UInt8> = []
    if let mark = name.firstIndex(of: UInt8(ascii: "!")) {
      conversion = name[(mark + 1)...]
      name = name[..<mark]
    }
    var value = try fieldValue(name, arguments, &automatic)
    switch conversion.first {
    case nil: break
    case UInt8(ascii: "s") where conversion.count == 1: value = .string(try string(of: value))
    case UInt8(ascii: "r") where conversion.count == 1: value = .string(try representation(of: value))
    default: throw bad("the format has an unknown conversion")
    }
    return try formatted(value, JinjaString(utf8: specification))
  }

  private func fieldValue(
    _ name: ArraySlice<UInt8>, _ arguments: Arguments, _ automatic: inout Int
  ) throws(TemplateError) -> JinjaValue {
    let end = name.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? name.endIndex
    let first = JinjaString(utf8: name[..<end])
    var value: JinjaValue
    if first.isEmpty || first.utf8.allSatisfy({ (48...57).contains($0) }) {
      guard first.isEmpty == (automatic >= 0) || automatic == 0 else {
        throw bad("the format mixes numbered and unnumbered fields")
      }
      let position = first.isEmpty ? automatic : Int(first.text) ?? .max
      automatic = first.isEmpty ? automatic + 1 : -1
      guard position < arguments.positional.count else { throw bad("the format's field \(position) has no value") }
      value = arguments.positional[position]
    } else {
      guard let named = arguments.keyword(first) else { throw bad("the format's '\(first.text)' has no value") }
      value = named
    }
    var rest = name[end...]
    while let mark = rest.popFirst() {
      if mark == UInt8(ascii: ".") {
        let end = rest.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? rest.endIndex
        value = try attribute(AttributeName(JinjaString(utf8: rest[..<end])), of: value)
        rest = rest[end...]
      } else {
        guard mark == UInt8(ascii: "["), let end = rest.firstIndex(of: UInt8(ascii: "]")) else {
          throw bad("the format has a bad field name")
        }
        let key = JinjaString(utf8: rest[..<end])
        let isNumber = key.utf8.allSatisfy { (48...57).contains($0) }
        value = try item(isNumber ? Int(key.text).map { .int($0) } ?? .string(key) : .string(key), of: value)
        rest = rest[(end + 1)...]
      }
    }
    return value
  }

  /// A format specification: `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
  private struct Specification {
    var fill: JinjaString = " "
    var alignment: Alignment?
    var isAfterSign = false
    var sign: UInt8 = UInt8(ascii: "-")
    var isAlternate = false
    var width = 0
    var grouping: UInt8?
    var precision: Int?
    var type: UInt8?
  }

  private func parse(_ text: JinjaString) throws(TemplateError) -> Specification {
    var specification = Specification()
    var scalars = text.scalars[...]
    func alignment(_ scalar: Unicode.Scalar?) -> Alignment? {
      switch scalar {
      case "<": .left
      case ">", "=": .right
      case "^": .formatCenter
      default: nil
      }
    }
    if let second = scalars.dropFirst().first, let found = alignment(second), let fill = scalars.first {
      specification.fill = JinjaString(scalars: [fill])
      specification.alignment = found
      specification.isAfterSign = second == "="
      scalars = scalars.dropFirst(2)
    } else if let first = scalars.first, let found = alignment(first) {
      specification.alignment = found
      specification.isAfterSign = first == "="
      scalars = scalars.dropFirst()
    }
    if let first = scalars.first, first == "+" || first == "-" || first == " " {
      specification.sign = UInt8(ascii: first)
      scalars = scalars.dropFirst()
    }
    if scalars.first == "#" {
      specification.isAlternate = true
      scalars = scalars.dropFirst()
    }
    if scalars.first == "0" {
      if specification.alignment == nil {
        specification.fill = "0"
        specification.alignment = .right
        specification.isAfterSign = true
      }
      scalars = scalars.dropFirst()
    }
    specification.width = try number(&scalars) ?? 0
    if let first = scalars.first, first == "," || first == "_" {
      specification.grouping = UInt8(ascii: first)
      scalars = scalars.dropFirst()
    }
    if scalars.first == "." {
      scalars = scalars.dropFirst()
      guard let precision = try number(&scalars) else { throw bad("the format has no precision behind '.'") }
      specification.precision = precision
    }
    if let first = scalars.first, first.isASCII {
      specification.type = UInt8(ascii: first)
      scalars = scalars.dropFirst()
    }
    guard scalars.isEmpty else { throw bad("the format specification '\(text.text)' is not valid") }
    return specification
  }

  private func number(_ scalars: inout ArraySlice<Unicode.Scalar>) throws(TemplateError) -> Int? {
    var value: Int?
    while let first = scalars.first, (48...57).contains(first.value) {
      value = (value ?? 0) * 10 + Int(first.value - 48)
      guard let value, value <= limits.outputBytes else { throw bad("a width in a format is too large") }
      scalars = scalars.dropFirst()
    }
    return value
  }

  /// Python's `format(value, specification)`.
  private func formatted(_ value: JinjaValue, _ text: JinjaString) throws(TemplateError) -> JinjaString {
    if text.isEmpty { return try string(of: value) }
    let specification = try parse(text)
    switch value {
    case .string(let string): return try formatted(string, specification)
    case .int(let number):
      switch specification.type {
      case nil, UInt8(ascii: "d"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"), UInt8(ascii: "b"):
        return try formatted(number, specification)
      default: return try formatted(Double(number), specification)
      }
    case .bool(let flag):
      if specification.type == nil { return try formatted(JinjaString(flag ? "True" : "False"), specification) }
      return try formatted(flag ? 1 : 0, specification)
    case .float(let number): return try formatted(number, specification)
    default: throw bad("a \(value.typeName) has no format specification")
    }
  }

  private func formatted(_ string: JinjaString, _ specification: Specification) throws(TemplateError) -> JinjaString {
    guard specification.type == nil || specification.type == UInt8(ascii: "s"), !specification.isAlternate,
      specification.grouping == nil, specification.sign == UInt8(ascii: "-")
    else { throw bad("the format specification is not one for strings") }
    guard !specification.isAfterSign || specification.fill == "0" else {
      throw bad("the alignment '=' is not one for strings")
    }
    var string = string
    if let precision = specification.precision {
      string = JinjaString(utf8: string.utf8[..<string.byteOffset(ofScalar: precision)])
    }
    let alignment = specification.isAfterSign ? .left : specification.alignment ?? .left
    return try padded(string, to: specification.width, with: specification.fill, alignment)
  }

  private func formatted(_ number: Int, _ specification: Specification) throws(TemplateError) -> JinjaString {
    guard specification.precision == nil else { throw bad("an int takes no precision in a format") }
    let radix: Int
    switch specification.type {
    case UInt8(ascii: "x"), UInt8(ascii: "X"): radix = 16
    case UInt8(ascii: "o"): radix = 8
    case UInt8(ascii: "b"): radix = 2
    default: radix = 10
    }
    let digits = String(number.magnitude, radix: radix, uppercase: specification.type == UInt8(ascii: "X"))
    var prefix: [UInt8] = []
    if specification.isAlternate, radix != 10, let type = specification.type { prefix = [48, type] }
    return try assembled(
      Array(digits.utf8), [], prefix, isNegative: number < 0, specification, group: radix == 10 ? 3 : 4)
  }

  private func formatted(_ number: Double, _ specification: Specification) throws(TemplateError) -> JinjaString {
    var text: String
    var isPercent = false
    switch specification.type {
    case nil:
      if let precision = specification.precision {
        text = FloatText.general(number, count: min(precision, 4096), keepsZeros: false)
        if number.isFinite, !text.utf8.contains(UInt8(ascii: ".")), !text.utf8.contains(UInt8(ascii: "e")) {
          text += ".0"
        }
      } else {
        text = FloatText.representation(number.magnitude)
      }
    case UInt8(ascii: "%"):
      isPercent = true
      let scaled = number * 100
      text = try floatText(scaled, UInt8(ascii: "f"), precision: specification.precision, isAlternate: false) ?? ""
    case let letter?:
      guard
        let found = try floatText(
          number, letter, precision: specification.precision, isAlternate: specification.isAlternate)
      else { throw bad("the format specification has an unknown type") }
      text = found
    }
    var bytes = Array(text.utf8)
    if bytes.first == UInt8(ascii: "-") { bytes.removeFirst() }
    if isPercent { bytes.append(UInt8(ascii: "%")) }
    let end = bytes.firstIndex { !(48...57).contains($0) } ?? bytes.endIndex
    let isNegative = number.sign == .minus && !number.isNaN
    return try assembled(
      Array(bytes[..<end]), Array(bytes[end...]), [], isNegative: isNegative, specification, group: 3)
  }

  /// Sign, prefix, grouped whole digits and the rest, padded.
  private func assembled(
    _ digits: [UInt8], _ rest: [UInt8], _ prefix: [UInt8], isNegative: Bool, _ specification: Specification,
    group: Int
  ) throws(TemplateError) -> JinjaString {
    var sign = prefix
    if isNegative {
      sign.insert(UInt8(ascii: "-"), at: 0)
    } else if specification.sign != UInt8(ascii: "-") {
      sign.insert(specification.sign, at: 0)
    }
    var whole = digits
    if let separator = specification.grouping, digits.count > group {
      if specification.isAfterSign, specification.fill == "0" {
        throw unsupported("zero padding together with grouping is not supported in a format")
      }
      whole = []
      for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % group == 0 { whole.append(separator) }
        whole.append(digit)
      }
    }
    let body = JinjaString(utf8: whole + rest)
    if specification.isAfterSign {
      let inner = try padded(body, to: specification.width - sign.count, with: specification.fill, .right)
      return JinjaString(utf8: sign + inner.utf8)
    }
    let text = JinjaString(utf8: sign + body.utf8)
    return try padded(text, to: specification.width, with: specification.fill, specification.alignment ?? .right)
  }
}
