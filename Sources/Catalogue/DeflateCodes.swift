/// The constants of RFC 1951, section 3.2.5 to 3.2.7.
enum DeflateCodes {
  /// What the 288 symbols of the literal/length alphabet stand for; 286 and 287 are never valid.
  static let literalMeanings: [UInt32] =
    (0..<256).map { HuffmanTable.literal(UInt8($0)) }
    + [HuffmanTable.entry(HuffmanTable.Kind.end)]
    + bases(first: 3, extraBits: (0..<28).map { $0 < 8 ? 0 : $0 / 4 - 1 })
    + [HuffmanTable.entry(HuffmanTable.Kind.base, value: 258), 0, 0]

  /// What the 32 symbols of the distance alphabet stand for; 30 and 31 are never valid.
  static let distanceMeanings: [UInt32] = bases(first: 1, extraBits: (0..<30).map { $0 < 4 ? 0 : $0 / 2 - 1 }) + [0, 0]

  /// The symbols of the code in which code lengths are written; the value is the symbol.
  static let lengthCodeMeanings: [UInt32] = (0..<19).map { HuffmanTable.entry(HuffmanTable.Kind.base, value: $0) }

  /// The order in which the lengths of that code appear.
  static let lengthCodeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// The code lengths of a block with fixed codes: 288 literals and lengths, then 32 distances.
  static let fixedLengths: [UInt8] =
    [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
    + [UInt8](repeating: 8, count: 8) + [UInt8](repeating: 5, count: 32)

  /// Consecutive ranges, the first of which begins at `first`, each of two to the power of its extra bits.
  private static func bases(first: Int, extraBits: [Int]) -> [UInt32] {
    var base = first
    return extraBits.map { bits in
      defer { base += 1 << bits }
      return HuffmanTable.entry(HuffmanTable.Kind.base, value: base, extraBits: bits)
    }
  }
}
