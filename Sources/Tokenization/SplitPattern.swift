/// The patterns that pre-tokenizers split by, as matchers written by hand.
///
/// Real models use a handful of regular expressions, each known by its exact text; any other is refused. A matcher
/// gives what a backtracking engine gives for its expression: the first alternative that matches, extended greedily.
enum SplitPattern: Sendable, Equatable {
  /// GPT-2's expression.
  case gpt2
  /// The expression of GPT-4's cl100k and what came after it: Llama 3 takes up to three digits together, Qwen 2 one.
  case cl100k(maximumDigits: Int)
  /// Up to this many numbers: `\p{N}{1,3}` and `\p{N}`.
  case numbers(maximum: Int)
  /// One number, as the `Digits` pre-tokenizer has it.
  case digit
  /// These very bytes, which are not empty.
  case literal([UInt8])

  /// The matcher for a regular expression; nil if it is not one of the known.
  init?(regularExpression: String) {
    let known: [(String, SplitPattern)] = [
      (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
      (Self.cl100kText(digits: #"\p{N}{1,3}"#), .cl100k(maximumDigits: 3)),
      (Self.cl100kText(digits: #"\p{N}"#), .cl100k(maximumDigits: 1)),
      (#"\p{N}{1,3}"#, .numbers(maximum: 3)),
      (#"\p{N}"#, .numbers(maximum: 1)),
    ]
    guard let match = known.first(where: { $0.0.utf8.elementsEqual(regularExpression.utf8) }) else { return nil }
    self = match.1
  }

  private static func cl100kText(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// Where the match that begins at `index` ends, or nil if none begins there; never `index` itself.
  @inline(__always)
  func matchEnd(in text: ClassifiedText, at index: Int) -> Int? {
    switch self {
    case .gpt2: text.gpt2MatchEnd(at: index)
    case .cl100k(let maximumDigits): text.cl100kMatchEnd(at: index, maximumDigits: maximumDigits)
    case .numbers(let maximum):
      text.classes[text.scalar(at: index).value].contains(.number)
        ? text.skip(from: index, atMost: maximum) { $0.contains(.number) } : nil
    case .digit:
      text.classes[text.scalar(at: index).value].contains(.digit) ? text.scalar(at: index).next : nil
    case .literal(let bytes):
      text.end - index >= bytes.count
        && SpellingTable.equal(text.bytes, index..<index + bytes.count, 0..<0, bytes, 0..<bytes.count)
        ? index + bytes.count : nil
    }
  }
}

/// A piece of valid UTF-8 with the classes of its scalars. The piece is all that a pattern sees: its end is the end.
struct ClassifiedText {
  /// The bytes that the piece lies in.
  let bytes: [UInt8]
  /// Where the piece ends.
  var end: Int
  /// The class of every scalar.
  let classes: ScalarClasses

  /// The scalar at `index`, and where the next one starts.
  @inline(__always)
  func scalar(at index: Int) -> (value: UInt32, next: Int) { UTF8Text.scalar(bytes, at: index) }

  /// The end of the stretch of scalars from `index` that satisfy `condition`, of at most `limit` of them.
  @inline(__always)
  func skip(from index: Int, atMost limit: Int = .max, _ condition: (ScalarClass) -> Bool) -> Int {
    var index = index
    var count = 0
    while index < end, count < limit {
      let (scalar, next) = scalar(at: index)
      guard condition(classes[scalar]) else { break }
      index = next
      count += 1
    }
    return index
  }

  /// GPT-2: a contraction, or a run of letters, of numbers, or of anything else with a space before it, or white space
  /// that leaves its last scalar to what follows.
  @inline(__always)
  func gpt2MatchEnd(at index: Int) -> Int {
    let (scalar, next) = scalar(at: index)
    if scalar == 0x27, let end = contractionEnd(from: next, ignoringCase: false) { return end }
    var first = classes[scalar]
    var rest = next
    if scalar == 0x20, next < end {
      let (following, afterFollowing) = self.scalar(at: next)
      if !classes[following].contains(.whitespace) {
        first = classes[following]
        rest = afterFollowing
      }
    }
    if first.contains(.letter) { return skip(from: rest) { $0.contains(.letter) } }
    if first.contains(.number) { return skip(from: rest) { $0.contains(.number) } }
    if first.isOther { return skip(from: rest) { $0.isOther } }
    return whitespaceEnd(from: index, next: next, breaksAtLines: false)
  }

  /// cl100k: as GPT-2, but contractions in any case, letters with any one character before them that is no letter,
  /// number or line break, numbers alone and in groups, line breaks at the end of other characters and of white space.
  @inline(__always)
  func cl100kMatchEnd(at index: Int, maximumDigits: Int) -> Int {
    let (scalar, next) = scalar(at: index)
    let first = classes[scalar]
    if first.contains(.letter) { return skip(from: next) { $0.contains(.letter) } }
    if first.contains(.number) { return skip(from: index, atMost: maximumDigits) { $0.contains(.number) } }
    if scalar == 0x27, let end = contractionEnd(from: next, ignoringCase: true) { return end }
    if next < end {
      let (following, afterFollowing) = self.scalar(at: next)
      let second = classes[following]
      if second.contains(.letter), !Self.isLineBreak(scalar) {
        return skip(from: afterFollowing) { $0.contains(.letter) }
      }
      if scalar == 0x20, second.isOther { return othersEnd(from: afterFollowing) }
    }
    if first.isOther { return othersEnd(from: next) }
    return whitespaceEnd(from: index, next: next, breaksAtLines: true)
  }

  /// `[^\s\p{L}\p{N}]*[\r\n]*`.
  @inline(__always)
  private func othersEnd(from index: Int) -> Int {
    var index = skip(from: index) { $0.isOther }
    while index < end, Self.isLineBreak(UInt32(bytes[index])) { index += 1 }
    return index
  }

  /// `\s+(?!\S)|\s+` for white space that starts at `index` with one scalar up to `next`: all of it at the end of the
  /// piece, and all but the last scalar before something else. With `\s*[\r\n]+` tried first if `breaksAtLines`: up to
  /// the last line break if there is one.
  @inline(__always)
  private func whitespaceEnd(from index: Int, next: Int, breaksAtLines: Bool) -> Int {
    var last = index
    var run = index
    var lastBreak: Int?
    while run < end {
      let (scalar, next) = scalar(at: run)
      guard classes[scalar].contains(.whitespace) else { break }
      if breaksAtLines, Self.isLineBreak(scalar) { lastBreak = next }
      last = run
      run = next
    }
    return lastBreak ?? (run == end ? run : max(last, next))
  }

  /// The end of a contraction whose apostrophe ends at `index`. Ignoring case, U+017F is an s: its simple folding.
  @inline(__always)
  private func contractionEnd(from index: Int, ignoringCase: Bool) -> Int? {
    guard index < end else { return nil }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    switch bytes[index] | fold {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      // Setting the bit makes no letter of what was none: 0x53 and 0x73 alone become 0x73, and so on.
      return index + 1
    case let letter where index + 1 < end:
      switch (letter, bytes[index + 1] | fold) {
      case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
        (UInt8(ascii: "l"), UInt8(ascii: "l")):
        return index + 2
      default:
        return ignoringCase && bytes[index] == 0xC5 && bytes[index + 1] == 0xBF ? index + 2 : nil
      }
    default:
      return nil
    }
  }

  @inline(__always)
  private static func isLineBreak(_ scalar: UInt32) -> Bool { scalar == 0x0A || scalar == 0x0D }
}

extension ScalarClass {
  /// `[^\s\p{L}\p{N}]`.
  @inline(__always)
  var isOther: Bool { isDisjoint(with: [.letter, .number, .whitespace]) }
}
