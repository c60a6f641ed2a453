extension JSONValue {
  /// Parses one JSON document (RFC 8259), strictly.
  ///
  /// The bytes are UTF-8. Integers without fraction and exponent that fit an `Int64` are kept exactly, other numbers
  /// become doubles. Lone surrogates, control characters in strings, leading zeros, and anything but white space after
  /// the value are refused. Repeated keys are kept; look-up finds the last.
  ///
  /// - Throws: ``JSONError`` with the place and what was expected.
  package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    var parser = JSONParser(bytes: bytes, limits: limits)
    self = try parser.document()
  }

  /// Parses one JSON document; see ``init(parsing:limits:)-([UInt8],_)``. The bytes are copied once.
  package init(parsing bytes: RawSpan, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    guard bytes.byteCount <= limits.byteCount else { throw JSONParser.tooLong(limits) }
    // The pointer does not leave the closure, which copies what it points to.
    try self.init(parsing: unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }, limits: limits)
  }

  /// Parses one JSON document; see ``init(parsing:limits:)-([UInt8],_)``.
  package init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}

/// A recursive-descent parser over bytes; the recursion is bounded by the limits.
struct JSONParser {
  let bytes: [UInt8]
  let limits: JSONLimits
  var offset = 0

  init(bytes: [UInt8], limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  static func tooLong(_ limits: JSONLimits) -> JSONError {
    JSONError(offset: 0, line: 1, column: 1, problem: "the document has more than \(limits.byteCount) bytes")
  }

  /// The whole document: one value between white space.
  mutating func document() throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.byteCount else { throw Self.tooLong(limits) }
    skipWhitespace()
    let value = try value(depth: 0)
    skipWhitespace()
    guard offset == bytes.count else { throw error("expected the end of the document, found \(found)") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard offset < bytes.count else { throw error("expected a value, found the end of the document") }
    switch bytes[offset] {
    case UInt8(ascii: "{"):
      return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["):
      return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""):
      return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return try number()
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    default:
      throw error("expected a value, found \(found)")
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    try checkDepth(depth)
    offset += 1
    var members: [JSONObject.Member] = []
    skipWhitespace()
    if consume(UInt8(ascii: "}")) { return JSONObject(members) }
    while true {
      guard peek == UInt8(ascii: "\"") else { throw error("expected a key in quotes, found \(found)") }
      let key = try string()
      skipWhitespace()
      guard consume(UInt8(ascii: ":")) else { throw error("expected ':' after a key, found \(found)") }
      skipWhitespace()
      members.append(JSONObject.Member(key: key, value: try value(depth: depth)))
      skipWhitespace()
      if consume(UInt8(ascii: "}")) { return JSONObject(members) }
      guard consume(UInt8(ascii: ",")) else { throw error("expected ',' or '}' in an object, found \(found)") }
      skipWhitespace()
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try checkDepth(depth)
    offset += 1
    var elements: [JSONValue] = []
    skipWhitespace()
    if consume(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value(depth: depth))
      skipWhitespace()
      if consume(UInt8(ascii: "]")) { return elements }
      guard consume(UInt8(ascii: ",")) else { throw error("expected ',' or ']' in an array, found \(found)") }
      skipWhitespace()
    }
  }

  private mutating func literal(_ word: String) throws(JSONError) {
    let end = offset + word.utf8.count
    guard end <= bytes.count, bytes[offset..<end].elementsEqual(word.utf8) else {
      throw error("expected a value, found a word that is not \(word)")
    }
    offset = end
  }

  private func checkDepth(_ depth: Int) throws(JSONError) {
    guard depth <= limits.depth else { throw error("arrays and objects are nested more than \(limits.depth) deep") }
  }
}

// MARK: - Bytes

extension JSONParser {
  /// The next byte, or nil at the end.
  var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  /// Steps over `byte` if it is next.
  mutating func consume(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    offset += 1
    return true
  }

  private mutating func skipWhitespace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): offset += 1
      default: return
      }
    }
  }

  /// The next byte in words.
  var found: String {
    guard let byte = peek else { return "the end of the document" }
    guard byte > 0x20, byte < 0x7f else { return "byte 0x" + String(byte, radix: 16) }
    return "'\(Character(Unicode.Scalar(byte)))'"
  }

  /// An error at the current place.
  func error(_ problem: String) -> JSONError { error(problem, at: offset) }

  /// An error at `place`; counts the lines before it.
  func error(_ problem: String, at place: Int) -> JSONError {
    let before = bytes[..<min(place, bytes.count)]
    let line = before.reduce(into: 1) { line, byte in if byte == UInt8(ascii: "\n") { line += 1 } }
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return JSONError(offset: place, line: line, column: place - lineStart + 1, problem: problem)
  }
}
