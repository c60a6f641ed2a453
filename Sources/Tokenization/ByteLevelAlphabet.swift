/// The 256 characters in which byte-level vocabularies are spelled (Radford et al., GPT-2, 2019): printable Latin-1
/// stands for itself, and the other 68 bytes are U+0100 and following, in order.
enum ByteLevelAlphabet {
  /// The scalar that stands for each byte.
  static let scalars: [UInt16] = {
    var scalars: [UInt16] = []
    var next: UInt16 = 0x100
    for byte in UInt16(0)...255 {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        scalars.append(byte)
      default:
        scalars.append(next)
        next += 1
      }
    }
    return scalars
  }()

  /// The byte that each scalar below U+0144 stands for, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// Appends the spelling of `byte` to `spelling`, as UTF-8.
  @inline(__always)
  static func append(spellingOf byte: UInt8, to spelling: inout [UInt8]) {
    let scalar = scalars[Int(byte)]
    if scalar < 0x80 {
      spelling.append(UInt8(scalar))
    } else {
      spelling.append(UInt8(0xC0 | scalar >> 6))
      spelling.append(UInt8(0x80 | scalar & 0x3F))
    }
  }

  /// The bytes that `spelling` stands for. A spelling with any other character stands for itself, whole, as the
  /// reference's decoder has it: so do most special tokens.
  static func decode(_ spelling: ArraySlice<UInt8>, into output: inout [UInt8]) {
    let start = output.count
    let bytes = bytes
    var index = spelling.startIndex
    while index < spelling.endIndex {
      var scalar = Int(spelling[index])
      index += 1
      if scalar >> 5 == 0b110, index < spelling.endIndex, spelling[index] >> 6 == 0b10 {
        scalar = (scalar & 0x1F) << 6 | Int(spelling[index] & 0x3F)
        index += 1
      } else if scalar >= 0x80 {
        scalar = bytes.count
      }
      guard scalar < bytes.count, bytes[scalar] >= 0 else {
        output.removeSubrange(start...)
        output.append(contentsOf: spelling)
        return
      }
      output.append(UInt8(bytes[scalar]))
    }
  }
}
