/// How characters are spelled in the JSON strings that are generated: quotation marks, backslashes and control
/// characters, 0x7F among them, are escaped, and nothing else is. So a text has one spelling but for control characters.
enum JSONText {
  /// The ways in which a character that must be escaped can be; the usual one first.
  static func escapes(of scalar: UInt32) -> [String] {
    let short: String? =
      switch scalar {
      case 0x08: "\\b"
      case 0x09: "\\t"
      case 0x0A: "\\n"
      case 0x0C: "\\f"
      case 0x0D: "\\r"
      default: nil
      }
    switch scalar {
    case 0x22: return ["\\\""]
    case 0x5C: return ["\\\\"]
    default:
      let digits = String(scalar, radix: 16)
      let lower = String(repeating: "0", count: 4 - digits.count) + digits
      let upper = lower.uppercased()
      let long = ["\\u" + lower] + (upper == lower ? [] : ["\\u" + upper])
      return (short.map { [$0] } ?? []) + long
    }
  }

  /// `text` in its usual spelling, without quotation marks.
  static func body(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F {
        bytes += Array((escapes(of: UInt32(byte)).first ?? "").utf8)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}
