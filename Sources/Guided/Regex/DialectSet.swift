/// What a class of characters stands for in two dialects of regular expressions: ECMA-262 with the flag u, which JSON schema
/// names, and Python's `re`, with which documents are often checked.
struct DialectSet {
  /// The scalars that it stands for in both.
  private(set) var common: ScalarSet
  /// The scalars that it stands for in one of them at least.
  private var either: ScalarSet

  /// A set on which both agree.
  init(_ ranges: [ClosedRange<UInt32>]) {
    common = ScalarSet(ranges)
    either = common
  }

  private init(common: ScalarSet, either: ScalarSet) {
    self.common = common
    self.either = either
  }

  /// The scalars that are not in the set.
  var inverted: DialectSet { DialectSet(common: either.inverted, either: common.inverted) }

  /// Adds the scalars of `other`.
  mutating func formUnion(_ other: DialectSet) {
    common = common.union(other.common)
    either = either.union(other.either)
  }

  private static let asciiDigits = ScalarSet([0x30...0x39])
  private static let asciiWords = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])

  /// `\d`: ASCII, and in Python all decimal digits.
  static let digits = DialectSet(
    common: asciiDigits, either: asciiDigits.union(ScalarSet(of: [.decimalNumber])))

  /// `\w`: ASCII, and in Python all letters and numbers.
  static let wordCharacters = DialectSet(
    common: asciiWords,
    either: asciiWords.union(
      ScalarSet(of: [
        .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
        .letterNumber, .otherNumber,
      ])))

  /// `\s`: ECMA-262, 12.2 and 12.3, has the byte order mark, and Python five control characters.
  static let whitespace: DialectSet = {
    let common = ScalarSet([
      0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
      0x205F...0x205F, 0x3000...0x3000,
    ])
    return DialectSet(
      common: common, either: common.union(ScalarSet([0x1C...0x1F, 0x85...0x85, 0xFEFF...0xFEFF])))
  }()

  /// What `.` does not match, as in Python and in the engines of other guided decoders; in ECMA-262 there are three more.
  static let lineBreaks = DialectSet([0x0A...0x0A])
}

extension ScalarSet {
  /// The scalars of some general categories. Planes without assigned characters, or with private ones only, are left out.
  fileprivate init(of categories: Set<Unicode.GeneralCategory>) {
    var ranges: [ClosedRange<UInt32>] = []
    for value in (0...0x3FFFF as ClosedRange<UInt32>) {
      guard let scalar = Unicode.Scalar(value), categories.contains(scalar.properties.generalCategory) else { continue }
      if let last = ranges.last, last.upperBound + 1 == value {
        ranges[ranges.count - 1] = last.lowerBound...value
      } else {
        ranges.append(value...value)
      }
    }
    self.init(ranges)
  }
}
