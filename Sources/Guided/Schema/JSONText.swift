import JSON

/// The one way in which we write characters that JSON strings must escape.
enum JSONText {
  /// The escape of a control character, a quotation mark or a backslash.
  static func escape(_ scalar: UInt32) -> String {
    switch scalar {
    case 0x22: return "\\\""
    case 0x5C: return "\\\\"
    case 0x08: return "\\b"
    case 0x09: return "\\t"
    case 0x0A: return "\\n"
    case 0x0C: return "\\f"
    case 0x0D: return "\\r"
    default:
      let digits = String(scalar, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }

  /// `text` between quotation marks.
  static func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }
}
