/// The printf-like formatting of Python's `str % values`.
extension JinjaInterpreter {
  /// One directive such as `%-08.3f`.
  private struct Directive {
    var isLeft = false
    var isZeroPadded = false
    var isAlternate = false
    var sign: UInt8?
    var width = 0
    var precision: Int?
    var conversion: UInt8 = 0
  }

  /// Walks the format and hands out the values.
  private struct Walk {
    let format: [UInt8]
    let values: [JinjaValue]
    let mapping: JinjaDictionary?
    var index = 0
    var used = 0

    mutating func next() -> UInt8? {
      guard index < format.count else { return nil }
      index += 1
      return format[index - 1]
    }
  }

  /// `format % value`.
  func percentFormatted(_ format: JinjaString, _ value: JinjaValue) throws(TemplateError) -> JinjaString {
    if format.isMarkup { throw unsupported("'%' on the result of 'safe' or 'escape' is not supported") }
    try chargeScan(format.utf8.count)
    var walk: Walk
    switch value {
    case .tuple(let tuple): walk = Walk(format: format.utf8, values: tuple.items, mapping: nil)
    case .dictionary(let dictionary): walk = Walk(format: format.utf8, values: [value], mapping: dictionary)
    default: walk = Walk(format: format.utf8, values: [value], mapping: nil)
    }
    var result: [UInt8] = []
    while let byte = walk.next() {
      guard byte == UInt8(ascii: "%") else {
        result.append(byte)
        continue
      }
      let text = try directiveText(&walk)
      try chargeString(result.count + text.utf8.count)
      result += text.utf8
    }
    var takesAll = walk.used >= walk.values.count || walk.mapping != nil
    // Python lets a single value go unused that could be a mapping.
    if case .list = value { takesAll = true }
    if value.isUndefined { takesAll = true }
    guard takesAll else { throw bad("not all values were used by the format") }
    return JinjaString(utf8: result)
  }

  private func directiveText(_ walk: inout Walk) throws(TemplateError) -> JinjaString {
    var directive = Directive()
    var named: JinjaValue?
    guard var byte = walk.next() else { throw bad("the format ends within a directive") }
    if byte == UInt8(ascii: "(") {
      let start = walk.index
      var open = 1
      while open > 0 {
        guard let next = walk.next() else { throw bad("the format has '(' without ')'") }
        open += next == UInt8(ascii: "(") ? 1 : next == UInt8(ascii: ")") ? -1 : 0
      }
      guard let mapping = walk.mapping else { throw bad("the format has names, but the value is no dictionary") }
      let key = JinjaString(utf8: walk.format[start..<(walk.index - 1)])
      guard let value = mapping.value(of: key) else { throw bad("the format's name '\(key.text)' has no value") }
      named = value
      byte = try following(&walk)
    }
    flags: while true {
      switch byte {
      case UInt8(ascii: "-"): directive.isLeft = true
      case UInt8(ascii: "0"): directive.isZeroPadded = true
      case UInt8(ascii: "#"): directive.isAlternate = true
      case UInt8(ascii: "+"): directive.sign = byte
      case UInt8(ascii: " "): directive.sign = directive.sign ?? byte
      default: break flags
      }
      byte = try following(&walk)
    }
    directive.width = try number(&walk, &byte) ?? 0
    if directive.width < 0 {
      directive.isLeft = true
      directive.width = -directive.width
    }
    if byte == UInt8(ascii: ".") {
      byte = try following(&walk)
      directive.precision = max(0, try number(&walk, &byte) ?? 0)
    }
    while byte == UInt8(ascii: "l") || byte == UInt8(ascii: "h") || byte == UInt8(ascii: "L") {
      byte = try following(&walk)
    }
    if byte == UInt8(ascii: "%") { return "%" }
    directive.conversion = byte
    if let named { return try formatted(named, directive) }
    return try formatted(try nextValue(&walk), directive)
  }

  private func following(_ walk: inout Walk) throws(TemplateError) -> UInt8 {
    guard let byte = walk.next() else { throw bad("the format ends within a directive") }
    return byte
  }

  private func nextValue(_ walk: inout Walk) throws(TemplateError) -> JinjaValue {
    guard walk.used < walk.values.count else { throw bad("there are not enough values for the format") }
    walk.used += 1
    return walk.values[walk.used - 1]
  }

  /// A width or precision: digits, or `*` for one of the values.
  private func number(_ walk: inout Walk, _ byte: inout UInt8) throws(TemplateError) -> Int? {
    if byte == UInt8(ascii: "*") {
      let value = try integer(try nextValue(&walk), 0, "%")
      byte = try following(&walk)
      guard value.magnitude <= limits.outputBytes else { throw bad("the width of a directive is too large") }
      return value
    }
    var value: Int?
    while (48...57).contains(byte) {
      value = (value ?? 0) * 10 + Int(byte - 48)
      guard let value, value <= limits.outputBytes else { throw bad("the width of a directive is too large") }
      byte = try following(&walk)
    }
    return value
  }

  private func formatted(_ value: JinjaValue, _ directive: Directive) throws(TemplateError) -> JinjaString {
    var body: JinjaString
    var sign: [UInt8] = []
    var isNumber = true
    switch directive.conversion {
    case UInt8(ascii: "s"), UInt8(ascii: "r"), UInt8(ascii: "a"):
      isNumber = false
      if directive.conversion == UInt8(ascii: "a") { throw unsupported("the directive '%a' is not supported") }
      body = try directive.conversion == UInt8(ascii: "s") ? string(of: value) : representation(of: value)
      if let precision = directive.precision {
        body = JinjaString(utf8: body.utf8[..<body.byteOffset(ofScalar: precision)])
      }
    case UInt8(ascii: "c"):
      isNumber = false
      if case .string(let string) = value, string.count == 1 {
        body = string
      } else if let code = integer(value), let scalar = UInt32(exactly: code).flatMap({ Unicode.Scalar($0) }) {
        body = JinjaString(scalars: [scalar])
      } else {
        throw bad("'%c' needs a character or its number")
      }
    case UInt8(ascii: "d"), UInt8(ascii: "i"), UInt8(ascii: "u"):
      let number = try truncated(value, "%d")
      if number < 0 { sign = [UInt8(ascii: "-")] }
      body = try zeroFilled(String(number.magnitude), to: directive.precision ?? 0)
    case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"):
      guard let number = integer(value) else { throw bad("the directive needs an int, not a \(value.typeName)") }
      if number < 0 { sign = [UInt8(ascii: "-")] }
      let isOctal = directive.conversion == UInt8(ascii: "o")
      let isUpper = directive.conversion == UInt8(ascii: "X")
      let digits = String(number.magnitude, radix: isOctal ? 8 : 16, uppercase: isUpper)
      body = try zeroFilled(digits, to: directive.precision ?? 0)
      if directive.isAlternate { sign += [48, isOctal ? UInt8(ascii: "o") : directive.conversion] }
    default:
      guard let number = try floatValue(value) else { throw bad("the directive needs a number") }
      if number.sign == .minus, !number.isNaN { sign = [UInt8(ascii: "-")] }
      guard
        let text = try floatText(
          number, directive.conversion, precision: directive.precision, isAlternate: directive.isAlternate)
      else {
        throw bad("unknown directive '%\(Unicode.Scalar(directive.conversion).escaped(asASCII: true))'")
      }
      body = JinjaString(text)
    }
    if isNumber, sign.first != UInt8(ascii: "-"), let plus = directive.sign { sign.insert(plus, at: 0) }
    if isNumber, directive.isZeroPadded, !directive.isLeft {
      body = try padded(body, to: directive.width - sign.count, with: "0", .right)
    }
    let whole = JinjaString(utf8: sign + body.utf8)
    return try padded(whole, to: directive.width, with: " ", directive.isLeft ? .left : .right)
  }

  private func zeroFilled(_ digits: String, to count: Int) throws(TemplateError) -> JinjaString {
    try padded(JinjaString(digits), to: count, with: "0", .right)
  }

  private func truncated(_ value: JinjaValue, _ callee: String) throws(TemplateError) -> Int {
    if case .float(let number) = value {
      guard number.isFinite else { throw bad("'\(callee)' needs a finite number") }
      guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw integerOverflow }
      return integer
    }
    return try integer(value, 0, callee)
  }

  private func floatValue(_ value: JinjaValue) throws(TemplateError) -> Double? {
    if case .undefined(let reason) = value { throw undefined(reason) }
    return double(value)
  }

  /// The magnitude of a number in one of the forms e, E, f, F, g and G; nil for another letter.
  func floatText(
    _ number: Double, _ letter: UInt8, precision: Int?, isAlternate: Bool
  ) throws(TemplateError) -> String? {
    let form = letter | 0x20
    guard form == UInt8(ascii: "e") || form == UInt8(ascii: "f") || form == UInt8(ascii: "g") else { return nil }
    let isUpper = letter & 0x20 == 0
    guard number.isFinite else {
      let text = number.isNaN ? "nan" : "inf"
      return isUpper ? text.uppercased() : text
    }
    let precision = precision ?? 6
    guard precision <= 4096 else { throw bad("the precision \(precision) is too large") }
    try charge(64)
    let exponentLetter = isUpper ? "E" : "e"
    switch form {
    case UInt8(ascii: "e"):
      return FloatText.scientific(number, places: precision, letter: exponentLetter)
    case UInt8(ascii: "f"): return FloatText.fixed(number, places: precision)
    default: return FloatText.general(number, count: precision, keepsZeros: isAlternate, letter: exponentLetter)
    }
  }
}
