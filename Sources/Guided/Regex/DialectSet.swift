/// In how many of the two dialects of regular expressions something holds: ECMA-262 with the flag u, which JSON schema names,
/// and Python's `re`, with which documents are often checked.
enum Dialects {
  /// In both: so must hold whatever is generated.
  case both
  /// In one of them at least: so does what must be ruled out before two things can be said to exclude each other.
  case either
}

/// What a class of characters stands for in two dialects of regular expressions; see ``Dialects``.
struct DialectSet {
  /// The scalars that it stands for in both.
  private var common: ScalarSet
  /// The scalars that it stands for in one of them at least.
  private var either: ScalarSet

  /// A set on which both agree.
  init(_ ranges: [ClosedRange<UInt32>]) { self.init(common: ScalarSet(ranges)) }

  /// One scalar.
  init(_ scalar: UInt32) { self.init(common: ScalarSet(scalar)) }

  /// The scalars of `ranges` and of some sets with names.
  init(_ ranges: [ClosedRange<UInt32>], _ names: Set<Name>) {
    let sets = names.map(Self.named)
    common = ScalarSet(ranges + sets.flatMap(\.common.ranges))
    either = names.isEmpty ? common : ScalarSet(ranges + sets.flatMap(\.either.ranges))
  }

  private init(common: ScalarSet, either: ScalarSet? = nil) {
    self.common = common
    self.either = either ?? common
  }

  /// The scalars that it stands for in so many dialects.
  subscript(dialects: Dialects) -> ScalarSet { dialects == .both ? common : either }

  /// How many ranges it is made of, which is what it takes to make it.
  var rangeCount: Int { common.ranges.count + either.ranges.count }

  /// The scalars that are not in the set.
  var inverted: DialectSet { DialectSet(common: either.inverted, either: common.inverted) }
}

// MARK: - Sets with names

extension DialectSet {
  /// The sets that escapes stand for.
  enum Name: Hashable {
    case digit, notDigit, word, notWord, space, notSpace
  }

  /// What an escape stands for.
  static func named(_ name: Name) -> DialectSet {
    switch name {
    case .digit: digits
    case .notDigit: othersThanDigits
    case .word: wordCharacters
    case .notWord: othersThanWordCharacters
    case .space: whitespace
    case .notSpace: othersThanWhitespace
    }
  }

  private static let asciiDigits = ScalarSet([0x30...0x39])
  private static let asciiWords = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])

  /// `\d`: ASCII, and in Python all decimal digits.
  private static let digits = DialectSet(
    common: asciiDigits, either: asciiDigits.union(ScalarSet(of: [.decimalNumber])))

  /// `\w`: ASCII, and in Python all letters and numbers.
  private static let wordCharacters = DialectSet(
    common: asciiWords,
    either: asciiWords.union(
      ScalarSet(of: [
        .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
        .letterNumber, .otherNumber,
      ])))

  /// `\s`: ECMA-262, 12.2 and 12.3, has the byte order mark, and Python five control characters.
  private static let whitespace: DialectSet = {
    let common = ScalarSet([
      0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
      0x205F...0x205F, 0x3000...0x3000,
    ])
    return DialectSet(
      common: common, either: common.union(ScalarSet([0x1C...0x1F, 0x85...0x85, 0xFEFF...0xFEFF])))
  }()

  // Made once, however often a pattern has them.
  private static let othersThanDigits = digits.inverted
  private static let othersThanWordCharacters = wordCharacters.inverted
  private static let othersThanWhitespace = whitespace.inverted

  /// `.`: all but a line feed, and in ECMA-262 (12.3) three other ends of lines.
  static let dot = DialectSet(
    common: ScalarSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029]).inverted, either: ScalarSet(0x0A).inverted)

  /// All but a line feed: `.` in Python and in the engines of other guided decoders.
  static let allButLineFeed = DialectSet(common: ScalarSet(0x0A).inverted)
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
