/// A 256-bit hash of contents that come in pieces, fast enough for a model's weights: four lanes of 64 bits, each of which
/// multiplies eight bytes to 128 bits with what came before and folds, as wyhash does (Wang Yi, 2019).
///
/// Against accidents: two different models have different hashes. It is no protection against somebody who makes two that
/// have the same.
package struct ContentHash: Sendable {
  private var lanes: (UInt64, UInt64, UInt64, UInt64)
  private var byteCount: UInt64 = 0

  /// The hash of nothing so far.
  package init() {
    lanes = (0x2D35_8DCC_AA6C_78A5, 0x8BB8_4B93_962E_ACC9, 0x4B33_A62E_D433_D4A3, 0x4D5A_2DA5_1DE1_AA47)
  }

  /// Adds a piece. Where one piece ends and the next begins is part of what is hashed.
  package mutating func add(_ bytes: RawSpan) {
    let count = bytes.byteCount
    var offset = 0
    while offset + 32 <= count {
      lanes.0 = Self.fold(lanes.0, Self.word(bytes, offset))
      lanes.1 = Self.fold(lanes.1, Self.word(bytes, offset + 8))
      lanes.2 = Self.fold(lanes.2, Self.word(bytes, offset + 16))
      lanes.3 = Self.fold(lanes.3, Self.word(bytes, offset + 24))
      offset += 32
    }
    while offset < count {
      var word: UInt64 = 0
      for place in 0..<min(8, count - offset) {
        word |= UInt64(bytes.littleEndian(at: offset + place, as: UInt8.self) ?? 0) << UInt64(8 * place)
      }
      lanes = (lanes.1, lanes.2, lanes.3, Self.fold(lanes.0, word))
      offset += 8
    }
    byteCount &+= UInt64(truncatingIfNeeded: count)
    lanes.0 = Self.fold(lanes.0, byteCount)
  }

  /// Adds a piece.
  package mutating func add(_ bytes: [UInt8]) { add(bytes.span.bytes) }

  /// Adds text.
  package mutating func add(_ text: String) { add(Array(text.utf8)) }

  /// The 32 bytes of the hash.
  package func digest() -> [UInt8] {
    var words = [lanes.0, lanes.1, lanes.2, lanes.3]
    // Twice around, so that every bit of a lane reaches every other lane.
    for place in 0..<8 { words[(place + 1) % 4] = Self.fold(words[(place + 1) % 4], words[place % 4]) }
    return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
  }

  @inline(__always)
  private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
    // The callers have checked that eight bytes are there; any bit pattern is a valid integer.
    UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private static func fold(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    let product = (sum ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: word ^ 0x8EBC_6AF0_9C88_C6E3)
    return (product.high ^ product.low) &+ (sum << 1 | sum >> 63)
  }
}
