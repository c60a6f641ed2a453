extension JSONParser {
  /// More digits than this cannot change a double; longer numbers are refused so that they cost nothing.
  static let maximumNumberLength = 1024

  /// A number; the next byte is '-' or a digit.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    let negative = consume(UInt8(ascii: "-"))
    let firstDigit = offset
    // Accumulated as a negative number, whose range is larger by one.
    var integer: Int64? = 0
    while let byte = peek, Self.isDigit(byte) {
      integer = integer.flatMap { Self.appending(digit: byte, to: $0) }
      offset += 1
    }
    guard offset > firstDigit else { throw error("expected a digit, found \(found)") }
    guard offset == firstDigit + 1 || bytes[firstDigit] != UInt8(ascii: "0") else {
      throw error("a number must not begin with a zero", at: firstDigit)
    }
    var integral = true
    if consume(UInt8(ascii: ".")) {
      integral = false
      try digits(after: "the decimal point")
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      integral = false
      offset += 1
      if !consume(UInt8(ascii: "+")) { _ = consume(UInt8(ascii: "-")) }
      try digits(after: "the exponent's 'e'")
    }
    if integral, let integer {
      if negative { return .integer(integer) }
      if integer != Int64.min { return .integer(-integer) }
    }
    guard offset - start <= Self.maximumNumberLength else {
      throw error("a number has more than \(Self.maximumNumberLength) bytes", at: start)
    }
    guard let value = Double(String(decoding: bytes[start..<offset], as: UTF8.self)), value.isFinite else {
      throw error("a number is too large for a double", at: start)
    }
    return .number(value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func appending(digit: UInt8, to integer: Int64) -> Int64? {
    let (shifted, overflow) = integer.multipliedReportingOverflow(by: 10)
    if overflow { return nil }
    let (sum, overflowOfSum) = shifted.subtractingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
    return overflowOfSum ? nil : sum
  }

  private mutating func digits(after place: String) throws(JSONError) {
    let start = offset
    while let byte = peek, Self.isDigit(byte) { offset += 1 }
    guard offset > start else { throw error("expected a digit after \(place), found \(found)") }
  }

  /// A string; the next byte is the opening quote.
  mutating func string() throws(JSONError) -> String {
    let quote = offset
    offset += 1
    let start = offset
    skipPlainBytes()
    if peek == UInt8(ascii: "\"") {
      // The usual case: no escapes, one slice of the document.
      let end = offset
      offset += 1
      return try text(bytes[start..<end], quote: quote)
    }
    var content = Array(bytes[start..<offset])
    while !consume(UInt8(ascii: "\"")) {
      guard let byte = peek else { throw error("expected '\"' at the end of a string, found the end of the document") }
      guard byte == UInt8(ascii: "\\") else { throw error("a control character in a string must be escaped") }
      try appendEscape(to: &content)
      let run = offset
      skipPlainBytes()
      content.append(contentsOf: bytes[run..<offset])
    }
    return try text(content[...], quote: quote)
  }

  /// Steps to the next quote, backslash or control character.
  private mutating func skipPlainBytes() {
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return }
      offset += 1
    }
  }

  private func text(_ content: ArraySlice<UInt8>, quote: Int) throws(JSONError) -> String {
    guard let text = String(validating: content, as: UTF8.self) else {
      throw error("a string is not valid UTF-8", at: quote)
    }
    return text
  }

  /// Decodes the escape sequence at the current place.
  private mutating func appendEscape(to content: inout [UInt8]) throws(JSONError) {
    let start = offset
    offset += 1
    guard let kind = peek else { throw error("expected an escape, found the end of the document") }
    offset += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(kind)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      content.append(contentsOf: String(Character(try escapedScalar(start: start))).utf8)
    default: throw error("an unknown escape sequence", at: start)
    }
  }

  /// The scalar of `\uXXXX` or of a pair of them; the next byte is the first digit.
  private mutating func escapedScalar(start: Int) throws(JSONError) -> Unicode.Scalar {
    let unit = try hexadecimalUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard unit < 0xdc00, consume(UInt8(ascii: "\\")), consume(UInt8(ascii: "u")) else {
      throw error("half of a surrogate pair", at: start)
    }
    let second = try hexadecimalUnit()
    guard second >= 0xdc00, second < 0xe000,
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (second - 0xdc00))
    else { throw error("half of a surrogate pair", at: start) }
    return scalar
  }

  private mutating func hexadecimalUnit() throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Self.hexadecimalValue(byte) else {
        throw error("expected four hexadecimal digits, found \(found)")
      }
      unit = unit << 4 | digit
      offset += 1
    }
    return unit
  }

  private static func hexadecimalValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
