/// A 64-bit checksum of bytes, against accidents: words of eight bytes are multiplied to 128 bits with what came before
/// and folded, as wyhash does (Wang Yi, 2019). It is no protection against somebody who wants to deceive.
enum Checksum {
  /// The checksum of `bytes`; `seed` makes that of equal bytes in other places different.
  static func of(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    let span = bytes.span
    var sum = fold(UInt64(truncatingIfNeeded: bytes.count), seed ^ 0xA076_1D64_78BD_642F)
    var index = 0
    while index + 8 <= span.count {
      var word: UInt64 = 0
      for offset in 0..<8 { word |= UInt64(span[index + offset]) << UInt64(8 * offset) }
      sum = fold(sum, word)
      index += 8
    }
    var word: UInt64 = 0
    while index < span.count {
      word = word << 8 | UInt64(span[index])
      index += 1
    }
    return fold(sum, word)
  }

  private static func fold(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    // The odd constants keep a factor from being zero for the zeros that blocks are full of.
    let product = (sum ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: word ^ 0x8EBC_6AF0_9C88_C6E3)
    return (product.high ^ product.low) &+ (sum << 1 | sum >> 63)
  }
}
