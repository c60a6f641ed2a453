/// Tokens within `{{ }}` and `{% %}`.
extension JinjaLexer {
  /// Scans to the end of the tag whose begin was just passed.
  mutating func scanTag(isVariable: Bool) throws(TemplateError) {
    expectedClosers = []
    let begin = line
    while position < source.count {
      if expectedClosers.isEmpty, endTag(isVariable: isVariable) { return }
      let space = spaceCount()
      if space > 0 {
        advance(space)
      } else {
        try scanToken()
      }
    }
    throw TemplateError(
      kind: .syntax, message: "the tag has no end '\(isVariable ? "}}" : "%}")'", line: begin)
  }

  private mutating func endTag(isVariable: Bool) -> Bool {
    let isSigned =
      byte() == UInt8(ascii: "-") || (!isVariable && byte() == UInt8(ascii: "+"))
    let isTrimming = byte() == UInt8(ascii: "-")
    let offset = isSigned ? 1 : 0
    guard isVariable ? isAt("}}", offset: offset) : isAt("%}", offset: offset) else { return false }
    emit(isVariable ? .variableEnd : .blockEnd)
    advance(offset + 2)
    // A line break after `}}` stays.
    finishTag(isTrimming: isTrimming, isKeeping: isVariable || isSigned)
    return true
  }

  private mutating func scanToken() throws(TemplateError) {
    guard let first = byte(), let (scalar, _) = scalar(at: position) else { return }
    if (48...57).contains(first) {
      try scanNumber()
    } else if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
      try scanString(quote: first)
    } else if scalar == "_" || scalar.properties.isXIDStart {
      scanName()
    } else {
      try scanPunctuation(scalar)
    }
  }

  private mutating func scanName() {
    var end = position
    while end < source.count, let (scalar, length) = scalar(at: end), scalar.properties.isXIDContinue {
      end += length
    }
    let name = JinjaString(utf8: source[position..<end])
    emit(.name(name, JinjaKeyword.byName[name]))
    position = end
  }

  private mutating func scanPunctuation(_ scalar: Unicode.Scalar) throws(TemplateError) {
    var found: JinjaPunctuation?
    if let first = byte(), let second = byte(1), first < 0x80, second < 0x80 {
      found = JinjaPunctuation(rawValue: String(decoding: [first, second], as: UTF8.self))
    }
    if found == nil, scalar.isASCII { found = JinjaPunctuation(rawValue: String(scalar)) }
    guard let punctuation = found else { throw failure("unexpected character '\(scalar.escaped(asASCII: true))'") }
    switch punctuation {
    case .leftBrace: expectedClosers.append(.rightBrace)
    case .leftParenthesis: expectedClosers.append(.rightParenthesis)
    case .leftBracket: expectedClosers.append(.rightBracket)
    case .rightBrace, .rightParenthesis, .rightBracket:
      guard let expected = expectedClosers.popLast() else { throw failure("unexpected '\(punctuation.rawValue)'") }
      guard expected == punctuation else {
        throw failure("unexpected '\(punctuation.rawValue)', expected '\(expected.rawValue)'")
      }
    default: break
    }
    emit(.punctuation(punctuation))
    position += punctuation.rawValue.utf8.count
  }

  // MARK: Numbers

  /// The end of a run of digits that may have single underscores between them, beginning at `start`.
  private func digitsEnd(from start: Int, isDigit: (UInt8) -> Bool) -> Int {
    var end = start
    while end < source.count {
      if isDigit(source[end]) {
        end += 1
      } else if end > start, source[end] == UInt8(ascii: "_"), end + 1 < source.count, isDigit(source[end + 1]) {
        end += 1
      } else {
        break
      }
    }
    return end
  }

  private func isDecimal(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

  private mutating func scanNumber() throws(TemplateError) {
    let whole = digitsEnd(from: position, isDigit: isDecimal)
    var end = whole
    let followsDot = position > 0 && source[position - 1] == UInt8(ascii: ".")
    if !followsDot {
      if end < source.count, source[end] == UInt8(ascii: ".") {
        let fraction = digitsEnd(from: end + 1, isDigit: isDecimal)
        if fraction > end + 1 { end = fraction }
      }
      if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
        var start = end + 1
        if start < source.count, source[start] == UInt8(ascii: "+") || source[start] == UInt8(ascii: "-") { start += 1 }
        let exponent = digitsEnd(from: start, isDigit: isDecimal)
        if exponent > start { end = exponent }
      }
    }
    if end > whole {
      let digits = source[position..<end].filter { $0 != UInt8(ascii: "_") }
      guard let value = Double(String(decoding: digits, as: UTF8.self)) else { throw failure("bad number") }
      emit(.float(value))
      position = end
    } else {
      try scanInteger(decimalEnd: whole)
    }
  }

  private mutating func scanInteger(decimalEnd: Int) throws(TemplateError) {
    var radix = 10
    var start = position
    var end = decimalEnd
    if source[position] == UInt8(ascii: "0") {
      let prefixes: [(UInt8, Int)] = [(UInt8(ascii: "b"), 2), (UInt8(ascii: "o"), 8), (UInt8(ascii: "x"), 16)]
      end = digitsEnd(from: position) { $0 == UInt8(ascii: "0") }
      for (letter, base) in prefixes where byte(1).map({ $0 | 0x20 }) == letter {
        // A prefix may be followed by one underscore.
        let first = position + 2 + (byte(2) == UInt8(ascii: "_") ? 1 : 0)
        let last = digitsEnd(from: first) { digit in
          Int(String(Unicode.Scalar(digit)), radix: base) != nil && digit < 0x80
        }
        if last > first { (radix, start, end) = (base, first, last) }
      }
    }
    let digits = source[start..<end].filter { $0 != UInt8(ascii: "_") }
    guard let value = Int(String(decoding: digits, as: UTF8.self), radix: radix) else {
      throw failure("the integer does not fit into 64 bits")
    }
    emit(.integer(value))
    position = end
  }

  // MARK: Strings

  private mutating func scanString(quote: UInt8) throws(TemplateError) {
    let begin = line
    var end = position + 1
    while end < source.count, source[end] != quote { end += source[end] == UInt8(ascii: "\\") ? 2 : 1 }
    guard end < source.count else { throw failure("the string has no end") }
    let value = try unescaped(source[(position + 1)..<end])
    tokens.append(JinjaToken(kind: .string(JinjaString(utf8: value)), line: begin))
    advance(end + 1 - position)
  }

  /// Resolves backslashes as Python's `unicode-escape` does after Jinja has made the text ASCII.
  private func unescaped(_ text: ArraySlice<UInt8>) throws(TemplateError) -> [UInt8] {
    guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
    var result: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < text.endIndex else {
        result.append(byte)
        continue
      }
      let escape = text[index]
      index += 1
      switch escape {
      case 10: break
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
      case UInt8(ascii: "a"): result.append(7)
      case UInt8(ascii: "b"): result.append(8)
      case UInt8(ascii: "f"): result.append(12)
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "v"): result.append(11)
      case 48...55:
        var end = index
        while end < text.endIndex, end < index + 2, (48...55).contains(text[end]) { end += 1 }
        try result.append(scalar: scalar(digits: text[(index - 1)..<end], radix: 8))
        index = end
      case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
        let length = escape == UInt8(ascii: "x") ? 2 : escape == UInt8(ascii: "u") ? 4 : 8
        guard index + length <= text.endIndex else { throw failure("the escape sequence is cut short") }
        try result.append(scalar: scalar(digits: text[index..<(index + length)], radix: 16))
        index += length
      case UInt8(ascii: "N"):
        throw TemplateError(kind: .unsupported, message: "'\\N{...}' in strings is not supported", line: line)
      case 0x80...:
        // The backslash meets the escape that stands for the character in the ASCII text, and escapes its backslash.
        let length = escape >= 0xF0 ? 4 : escape >= 0xE0 ? 3 : 2
        let end = min(index - 1 + length, text.endIndex)
        let value = String(decoding: text[(index - 1)..<end], as: UTF8.self).unicodeScalars.first?.value ?? 0
        let (letter, width) = value < 0x100 ? ("x", 2) : value < 0x1_0000 ? ("u", 4) : ("U", 8)
        let digits = String(value, radix: 16)
        result.append(text: "\\" + letter + String(repeating: "0", count: width - digits.utf8.count) + digits)
        index = end
      default: result.append(contentsOf: [byte, escape])
      }
    }
    return result
  }

  private func scalar(digits: ArraySlice<UInt8>, radix: Int) throws(TemplateError) -> Unicode.Scalar {
    guard !digits.contains(UInt8(ascii: "+")), !digits.contains(UInt8(ascii: "-")),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
    else { throw failure("bad escape sequence") }
    guard let scalar = Unicode.Scalar(value) else {
      throw failure("the escape sequence is no Unicode scalar (a surrogate, or beyond U+10FFFF)")
    }
    return scalar
  }
}
