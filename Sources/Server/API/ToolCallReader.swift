internal import JSON

/// Reads the JSON object of one call byte by byte, and knows as early as can be that it is one: when it has named a tool that
/// there is and its arguments begin. From then on the arguments are handed on as they come, without white space
/// between their values; whether they are right JSON is for the caller of the API to see, as with OpenAI's.
struct ToolCallReader: Sendable {
  /// What a byte has done.
  enum Progress {
    /// More is to come.
    case reading
    /// The object is complete with this byte.
    case ended
    /// No call has this byte here. If the call was certain already, its object is over before the byte.
    case failed
  }

  /// Where in the object the next byte is.
  private enum Place {
    case beforeObject
    case beforeKey
    case key
    case beforeColon
    case beforeValue
    case value
    case afterValue
  }

  /// The tool that is called, once it is certain that one is.
  private(set) var name: String?
  /// What is known of the arguments and was not taken yet; of a call that is certain only.
  private var arguments: [UInt8] = []

  private let tools: [String]
  private let needsArguments: Bool
  private var place = Place.beforeObject
  /// The tool that is named, before there are arguments.
  private var named: String?
  /// Whether the arguments were there.
  private var hasArguments = false
  private var key: [UInt8] = []
  private var value: [UInt8] = []
  /// Lists and objects that are open within the value.
  private var depth = 0
  private var isQuoted = false
  private var isEscaped = false

  /// Creates a reader before the object.
  ///
  /// - Parameters:
  ///   - tools: the names that are calls.
  ///   - needsArguments: whether an object without arguments is no call, because answers may be JSON of any form.
  init(tools: [String], needsArguments: Bool) {
    self.tools = tools
    self.needsArguments = needsArguments
  }

  /// The arguments that came since the last time.
  mutating func takeArguments() -> [UInt8] {
    guard name != nil else { return [] }
    defer { arguments = [] }
    return arguments
  }

  /// Reads the next byte.
  mutating func take(_ byte: UInt8) -> Progress {
    switch place {
    case .beforeObject: return expect("{", byte, then: .beforeKey)
    case .beforeKey:
      if byte == UInt8(ascii: "}") { return end() }
      key = [byte]
      return expect("\"", byte, then: .key)
    case .key:
      key.append(byte)
      if endsString(byte) { place = .beforeColon }
      return .reading
    case .beforeColon: return expect(":", byte, then: .beforeValue)
    case .beforeValue:
      if byte.isWhiteSpace { return .reading }
      (place, value, depth) = (.value, [], 0)
      return takeValue(byte)
    case .value: return takeValue(byte)
    case .afterValue:
      if byte == UInt8(ascii: "}") { return end() }
      return expect(",", byte, then: .beforeKey)
    }
  }

  private mutating func expect(_ wanted: Unicode.Scalar, _ byte: UInt8, then next: Place) -> Progress {
    if byte.isWhiteSpace { return .reading }
    guard byte == UInt8(ascii: wanted) else { return .failed }
    place = next
    return .reading
  }

  /// The object is complete.
  private mutating func end() -> Progress {
    if name != nil { return .ended }
    guard let named, !needsArguments else { return .failed }
    begin(named, Array("{}".utf8))
    return .ended
  }

  /// Whether `byte` ends the string in which it is.
  private mutating func endsString(_ byte: UInt8) -> Bool {
    if isEscaped {
      isEscaped = false
    } else if byte == UInt8(ascii: "\\") {
      isEscaped = true
    } else {
      return byte == UInt8(ascii: "\"")
    }
    return false
  }

  // MARK: - Values

  private mutating func takeValue(_ byte: UInt8) -> Progress {
    if isQuoted {
      keep(byte)
      guard endsString(byte) else { return .reading }
      isQuoted = false
      return depth == 0 ? endValue() : .reading
    }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth > 0 || value.isEmpty else { return .failed }
      if byte == UInt8(ascii: "\"") {
        keep(byte)
        isQuoted = true
        return .reading
      }
      if depth == 0, byte == UInt8(ascii: "{"), isArguments, let named { begin(named, []) }
      depth += 1
      keep(byte)
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      guard depth > 0 else { return endScalar(byte) }
      keep(byte)
      depth -= 1
      if depth == 0 { return endValue() }
    case UInt8(ascii: ",") where depth == 0: return endScalar(byte)
    case _ where byte.isWhiteSpace:
      if depth == 0 { return endValue() }
    default: keep(byte)
    }
    return .reading
  }

  /// Whether the value is that of the arguments, the first one.
  private var isArguments: Bool {
    !hasArguments && (key.elementsEqual("\"arguments\"".utf8) || key.elementsEqual("\"parameters\"".utf8))
  }

  private mutating func keep(_ byte: UInt8) {
    if name == nil { value.append(byte) } else if isArguments { arguments.append(byte) }
  }

  /// A number or a word has ended before `byte`.
  private mutating func endScalar(_ byte: UInt8) -> Progress {
    let progress = endValue()
    if case .reading = progress { return take(byte) }
    return progress
  }

  /// A value is complete.
  private mutating func endValue() -> Progress {
    place = .afterValue
    if isArguments {
      hasArguments = true
      if name != nil { return .reading }
      guard let text = Self.arguments(value) else { return .failed }
      arguments = text
    } else if name == nil, named == nil, key.elementsEqual("\"name\"".utf8) {
      guard let text = Self.string(value), tools.contains(where: { $0.utf8.elementsEqual(text.utf8) }) else {
        return .failed
      }
      named = text
    }
    if name == nil, hasArguments, let named { begin(named, arguments) }
    return .reading
  }

  /// It is a call.
  private mutating func begin(_ tool: String, _ text: [UInt8]) {
    name = tool
    arguments = text
  }

  /// The arguments that a value says: an object, one in a string, or none.
  private static func arguments(_ value: [UInt8]) -> [UInt8]? {
    if value.first == UInt8(ascii: "{") { return value }
    if value.elementsEqual("null".utf8) { return Array("{}".utf8) }
    return string(value).map { Array($0.utf8) }
  }

  private static func string(_ value: [UInt8]) -> String? { (try? JSONValue(parsing: value))?.stringValue }
}

extension UInt8 {
  /// Whether it is white space to JSON.
  var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0a).contains(self) || self == 0x0d }
}
