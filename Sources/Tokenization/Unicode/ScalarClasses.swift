/// What a scalar is, as far as tokenizers ask.
struct ScalarClass: OptionSet, Sendable {
  /// The bits.
  let rawValue: UInt8

  /// `\p{L}`.
  static let letter = ScalarClass(rawValue: 1)
  /// `\p{N}`.
  static let number = ScalarClass(rawValue: 2)
  /// `\s`.
  static let whitespace = ScalarClass(rawValue: 4)
  /// A number to the `Digits` pre-tokenizer.
  static let digit = ScalarClass(rawValue: 8)
  /// Part of a word to an added token.
  static let word = ScalarClass(rawValue: 16)
  /// Its presence may mean that a text is not in normalization form C.
  static let normalizationCheck = ScalarClass(rawValue: 32)
}

/// The class of every scalar: a table in two stages, with blocks of 256 scalars, made from the lists of ranges.
///
/// The lists, and not the standard library's properties, decide: they are those of the reference, and do not change
/// with the version of the toolchain, as token identifiers must not.
struct ScalarClasses: Sendable {
  /// The one table; made on first use.
  static let shared = ScalarClasses()

  /// Which block of ``classes`` holds a scalar's upper bits.
  private var blocks: [UInt16]
  private var classes: [ScalarClass]

  private init() {
    blocks = [UInt16](repeating: 0, count: 0x1100)
    classes = [ScalarClass](repeating: [], count: 256)
    var whole: [UInt8: UInt16] = [0: 0]
    // Ranges that cover a block are gathered first, so that planes of ideographs share one block.
    var covered = [UInt8](repeating: 0, count: 0x1100)
    let lists: [([UInt32], ScalarClass)] = [
      (LetterRanges.all, .letter), (NumberRanges.regularExpression, [.number, .digit]),
      (NumberRanges.digitsOnly, .digit), (NumberRanges.whitespace, .whitespace), (WordRanges.all, .word),
      (CombiningClasses.needsCheck, .normalizationCheck),
    ]
    for (bounds, scalarClass) in lists {
      for index in stride(from: 0, to: bounds.count, by: 2) {
        let first = Int(bounds[index] + 255) >> 8
        let end = Int(bounds[index + 1] + 1) >> 8
        for block in first..<max(first, end) { covered[block] |= scalarClass.rawValue }
      }
    }
    for (block, bits) in covered.enumerated() where bits != 0 {
      if whole[bits] == nil {
        whole[bits] = UInt16(classes.count >> 8)
        classes.append(contentsOf: repeatElement(ScalarClass(rawValue: bits), count: 256))
      }
      blocks[block] = whole[bits] ?? 0
    }
    let shared = classes.count
    for (bounds, scalarClass) in lists {
      for index in stride(from: 0, to: bounds.count, by: 2) {
        insert(scalarClass, Int(bounds[index])...Int(bounds[index + 1]), sharedCount: shared)
      }
    }
  }

  /// Adds `scalarClass` to the scalars of `range` where it is missing; a block that is shared is copied first.
  private mutating func insert(_ scalarClass: ScalarClass, _ range: ClosedRange<Int>, sharedCount: Int) {
    var scalar = range.lowerBound
    while scalar <= range.upperBound {
      let block = scalar >> 8
      let last = min(range.upperBound, block << 8 | 255)
      var start = Int(blocks[block]) << 8
      if !classes[start | scalar & 255].isSuperset(of: scalarClass) || start >= sharedCount {
        if start < sharedCount {
          let copy = classes[start..<start + 256]
          start = classes.count
          classes.append(contentsOf: copy)
          blocks[block] = UInt16(start >> 8)
        }
        for each in scalar...last { classes[start | each & 255].formUnion(scalarClass) }
      }
      scalar = last + 1
    }
  }

  /// The class of `scalar`, which is at most U+10FFFF.
  @inline(__always)
  subscript(scalar: UInt32) -> ScalarClass {
    classes[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 255)]
  }
}
