internal import JSON

/// Reading of UTF-8 bytes.
enum UTF8Text {
  /// The scalar at `index` of valid UTF-8, and where the next one starts.
  @inline(__always)
  static func scalar(_ bytes: [UInt8], at index: Int) -> (value: UInt32, next: Int) {
    let first = UInt32(bytes[index])
    if first < 0x80 { return (first, index + 1) }
    let second = UInt32(bytes[index + 1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, index + 2) }
    let third = UInt32(bytes[index + 2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, index + 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(bytes[index + 3] & 0x3F), index + 4)
  }

  /// The scalar that ends before `index` of valid UTF-8, and where it starts; `index` is greater than 0.
  static func scalar(_ bytes: [UInt8], before index: Int) -> (value: UInt32, start: Int) {
    var start = index - 1
    while bytes[start] >> 6 == 0b10 { start -= 1 }
    return (scalar(bytes, at: start).value, start)
  }

  /// Appends the UTF-8 of a scalar.
  static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    switch scalar {
    case 0..<0x80:
      bytes.append(UInt8(scalar))
    case 0x80..<0x800:
      bytes.append(UInt8(0xC0 | scalar >> 6))
      bytes.append(UInt8(0x80 | scalar & 0x3F))
    case 0x800..<0x10000:
      bytes.append(UInt8(0xE0 | scalar >> 12))
      bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
      bytes.append(UInt8(0x80 | scalar & 0x3F))
    default:
      bytes.append(UInt8(0xF0 | scalar >> 18 & 0x07))
      bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
      bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
      bytes.append(UInt8(0x80 | scalar & 0x3F))
    }
  }

  /// The offset of the first byte that does not begin a well-formed sequence (Unicode 3.9, table 3-7); nil if all do.
  static func firstInvalidOffset(_ bytes: [UInt8]) -> Int? {
    var index = 0
    while index < bytes.count {
      let first = bytes[index]
      if first < 0x80 {
        index += 1
        continue
      }
      guard let form = UTF8Form.form(first), index + form.count < bytes.count, form.second.contains(bytes[index + 1])
      else {
        return index
      }
      for offset in 1...form.count where bytes[index + offset] >> 6 != 0b10 { return index }
      index += form.count + 1
    }
    return nil
  }
}
