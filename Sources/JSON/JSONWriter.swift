extension JSONValue {
  /// The document as text.
  ///
  /// Numbers are the shortest that parse to the same value; numbers that are not finite become `null`. Only what JSON
  /// demands is escaped. `pretty` puts every member and element on a line of its own, indented by two spaces.
  package func serialized(pretty: Bool = false) -> String {
    String(decoding: serializedBytes(pretty: pretty), as: UTF8.self)
  }

  /// The document as the bytes of its text in UTF-8; see ``serialized(pretty:)``.
  package func serializedBytes(pretty: Bool = false) -> [UInt8] {
    var writer = JSONWriter(pretty: pretty)
    writer.bytes.reserveCapacity(256)
    writer.append(self, depth: 0)
    return writer.bytes
  }
}

private struct JSONWriter {
  let pretty: Bool
  var bytes: [UInt8] = []

  init(pretty: Bool) { self.pretty = pretty }

  mutating func append(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): bytes.append(contentsOf: value.description.utf8)
    case .number(let value): bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    case .string(let value): append(quoted: value)
    case .array(let elements):
      appendList(elements, open: UInt8(ascii: "["), close: UInt8(ascii: "]"), depth: depth) { writer, element in
        writer.append(element, depth: depth + 1)
      }
    case .object(let object):
      appendList(object.members, open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), depth: depth) { writer, member in
        writer.append(quoted: member.key)
        writer.bytes.append(UInt8(ascii: ":"))
        if writer.pretty { writer.bytes.append(UInt8(ascii: " ")) }
        writer.append(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func appendList<Item>(
    _ items: [Item], open: UInt8, close: UInt8, depth: Int, _ appendItem: (inout JSONWriter, Item) -> Void
  ) {
    bytes.append(open)
    for (index, item) in items.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      appendLineBreak(depth: depth + 1)
      appendItem(&self, item)
    }
    if !items.isEmpty { appendLineBreak(depth: depth) }
    bytes.append(close)
  }

  private mutating func appendLineBreak(depth: Int) {
    guard pretty else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
  }

  private mutating func append(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case 0x08: bytes.append(contentsOf: "\\b".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0x0a: bytes.append(contentsOf: "\\n".utf8)
      case 0x0c: bytes.append(contentsOf: "\\f".utf8)
      case 0x0d: bytes.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        bytes.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
