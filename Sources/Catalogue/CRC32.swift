/// The checksum of ZIP archives (ISO 3309, reflected polynomial 0xEDB88320), eight bytes at a time
/// ("slicing-by-8", Kounavis and Berry 2005).
package struct CRC32 {
  private static let tables: [UInt32] = makeTables()
  private var register: UInt32 = 0xffff_ffff

  /// The checksum of nothing.
  package init() {}

  /// The checksum of everything added so far.
  package var value: UInt32 { ~register }

  /// Adds `bytes`.
  package mutating func update(_ bytes: Span<UInt8>) {
    let shared = Self.tables
    let tables = shared.span
    var crc = register
    var position = 0
    while position + 8 <= bytes.count {
      let word = bytes.littleEndianWord(at: position) ^ UInt64(crc)
      crc = tables[1792 + Int(word & 0xff)]
      crc ^= tables[1536 + Int(word >> 8 & 0xff)]
      crc ^= tables[1280 + Int(word >> 16 & 0xff)]
      crc ^= tables[1024 + Int(word >> 24 & 0xff)]
      crc ^= tables[768 + Int(word >> 32 & 0xff)]
      crc ^= tables[512 + Int(word >> 40 & 0xff)]
      crc ^= tables[256 + Int(word >> 48 & 0xff)]
      crc ^= tables[Int(word >> 56)]
      position += 8
    }
    while position < bytes.count {
      crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xff)]
      position += 1
    }
    register = crc
  }

  /// Table `k` at `256 * k`: the effect of a byte that is followed by `k` zero bytes.
  private static func makeTables() -> [UInt32] {
    var tables = [UInt32](repeating: 0, count: 2048)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
      tables[byte] = crc
    }
    for index in 256..<2048 { tables[index] = tables[index - 256] >> 8 ^ tables[Int(tables[index - 256] & 0xff)] }
    return tables
  }
}
