/// A canonical Huffman code (RFC 1951, section 3.2.2) as a table that is looked up by the next bits of the stream.
///
/// The table has `2^rootBits` entries; codes that are longer continue in a subtable behind them. An entry is a `UInt32`:
/// bits 0–7 the bits to consume, 8–12 the extra bits that follow (in a link: the bits that index the subtable),
/// 13–15 the ``Kind``, 16–30 the value (a base, or where the subtable begins). A literal byte has bit 31 set, so that
/// the most frequent case is the test of one sign.
struct HuffmanTable {
  /// What an entry that is not a literal stands for.
  enum Kind {
    static let invalid: UInt32 = 0
    static let base: UInt32 = 1
    static let end: UInt32 = 2
    static let link: UInt32 = 3
  }

  /// Lengths that are not the lengths of a code.
  struct InvalidLengths: Error {}

  /// The entries of the root, then those of the subtables.
  private(set) var entries: [UInt32] = []
  /// The number of bits that index the root.
  let rootBits: Int

  init(rootBits: Int) { self.rootBits = rootBits }

  /// The entry of a literal byte, without its code length.
  static func literal(_ byte: UInt8) -> UInt32 { 1 << 31 | UInt32(byte) << 16 }

  /// An entry that is not a literal, without its code length.
  static func entry(_ kind: UInt32, value: Int = 0, extraBits: Int = 0) -> UInt32 {
    UInt32(value) << 16 | kind << 13 | UInt32(extraBits) << 8
  }

  /// Builds the table for the symbols `0..<lengths.count`, where `lengths[s]` is the code length of symbol `s` (0: not
  /// used, at most 15) and `meanings[s]` its entry. A code must be complete, but for one of a single one-bit symbol
  /// and one without symbols, which RFC 1951 allows for distances.
  mutating func build(lengths: ArraySlice<UInt8>, meanings: [UInt32]) throws(InvalidLengths) {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var available = 1
    var next = [Int](repeating: 0, count: 16)
    for length in 1...15 {
      next[length] = (next[length - 1] + counts[length - 1]) << 1
      available = available << 1 - counts[length]
      guard available >= 0 else { throw InvalidLengths() }
    }
    let longest = counts.lastIndex { $0 > 0 } ?? 0
    guard available == 0 || longest <= 1 else { throw InvalidLengths() }

    entries.removeAll(keepingCapacity: true)
    entries.append(contentsOf: repeatElement(0, count: 1 << rootBits))
    let symbols = assignCodes(lengths, &next)
    linkSubtables(symbols)
    for symbol in symbols { fill(symbol, meaning: meanings[symbol.index]) }
  }

  /// A symbol with its code, whose first bit in the stream is the lowest.
  private struct Symbol {
    var index: Int
    var length: Int
    var code: Int
  }

  private func assignCodes(_ lengths: ArraySlice<UInt8>, _ next: inout [Int]) -> [Symbol] {
    var symbols: [Symbol] = []
    symbols.reserveCapacity(lengths.count)
    for (index, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      let code = Int(UInt16(next[length]).bitReversed >> (16 - length))
      next[length] += 1
      symbols.append(Symbol(index: index, length: length, code: code))
    }
    return symbols
  }

  /// Puts a link, and room for a subtable, wherever a code is longer than the root.
  private mutating func linkSubtables(_ symbols: [Symbol]) {
    let mask = 1 << rootBits - 1
    for symbol in symbols where symbol.length > rootBits {
      let bits = symbol.length - rootBits
      let present = Int(entries[symbol.code & mask])
      if present < bits { entries[symbol.code & mask] = UInt32(bits) }
    }
    for prefix in 0...mask where entries[prefix] > 0 {
      let bits = Int(entries[prefix])
      entries[prefix] = Self.entry(Kind.link, value: entries.count, extraBits: bits) | UInt32(rootBits)
      entries.append(contentsOf: repeatElement(0, count: 1 << bits))
    }
  }

  private mutating func fill(_ symbol: Symbol, meaning: UInt32) {
    var first = 0
    var end = 1 << rootBits
    var length = symbol.length
    var code = symbol.code
    if length > rootBits {
      let link = entries[code & (end - 1)]
      first = Int(link >> 16)
      end = 1 << Int(link >> 8 & 31)
      length -= rootBits
      code >>= rootBits
    }
    while code < end {
      entries[first + code] = meaning | UInt32(length)
      code += 1 << length
    }
  }
}

extension UInt16 {
  /// The same bits in the opposite order.
  fileprivate var bitReversed: UInt16 {
    var x = self
    x = (x >> 1) & 0x5555 | (x & 0x5555) << 1
    x = (x >> 2) & 0x3333 | (x & 0x3333) << 2
    x = (x >> 4) & 0x0f0f | (x & 0x0f0f) << 4
    return x >> 8 | x << 8
  }
}
