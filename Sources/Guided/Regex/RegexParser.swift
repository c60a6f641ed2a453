/// Reads regular expressions of ECMAScript (ECMA-262, 22.2, with the flag u), as far as they are regular.
///
/// Where `\d`, `\w`, `\s` and their opposites stand for other characters in Python's `re`, they stand for those that both
/// have (``DialectSet``): what is generated matches for both. `.` is all but a line feed, as it is there.
struct RegexParser {
  private let scalars: [UInt32]
  private var offset = 0
  private let nesting: Int

  /// The most repetitions a quantifier may ask for.
  static let maximumCount = 100_000

  init(_ pattern: String, nesting: Int) {
    scalars = pattern.unicodeScalars.map(\.value)
    self.nesting = nesting
  }

  /// Reads the whole expression.
  ///
  /// - Throws: ``GuidedError/invalidRegex(offset:problem:)``.
  mutating func parse() throws(GuidedError) -> RegexNode {
    let node = try alternatives(depth: 0)
    guard offset == scalars.count else { throw error("a ')' without a '('") }
    return node
  }

  private func error(_ problem: String, at place: Int? = nil) -> GuidedError {
    .invalidRegex(offset: place ?? offset, problem: problem)
  }

  private var next: UInt32? { offset < scalars.count ? scalars[offset] : nil }

  private static func code(_ scalar: Unicode.Scalar) -> UInt32 { scalar.value }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar.value else { return false }
    offset += 1
    return true
  }

  private mutating func take(_ text: String) -> Bool {
    let wanted = text.unicodeScalars.map(\.value)
    guard scalars[offset...].starts(with: wanted) else { return false }
    offset += wanted.count
    return true
  }

  private mutating func alternatives(depth: Int) throws(GuidedError) -> RegexNode {
    guard depth <= nesting else { throw error("groups are nested more than \(nesting) deep") }
    var branches = [try sequence(depth: depth)]
    while take("|") { branches.append(try sequence(depth: depth)) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence(depth: Int) throws(GuidedError) -> RegexNode {
    var nodes: [RegexNode] = []
    while let scalar = next, scalar != Self.code("|"), scalar != Self.code(")") {
      nodes.append(try term(depth: depth))
    }
    return nodes.isEmpty ? .empty : .sequence(nodes)
  }

  private mutating func term(depth: Int) throws(GuidedError) -> RegexNode {
    let start = offset
    let atom = try atom(depth: depth)
    var isAssertion = false
    if case .textStart = atom { isAssertion = true }
    if case .textEnd = atom { isAssertion = true }
    var node = atom
    var isQuantified = false
    while let (minimum, maximum) = try quantifier() {
      guard !isAssertion else { throw error("a quantifier after '^' or '$'", at: start) }
      guard !isQuantified else { throw error("a quantifier after a quantifier", at: offset - 1) }
      isQuantified = true
      node = .repetition(node, minimum: minimum, maximum: maximum)
      // A lazy quantifier matches the same texts.
      if take("?") { continue }
      if next == Self.code("+") { throw error("possessive quantifiers are not supported") }
    }
    return node
  }

  private mutating func quantifier() throws(GuidedError) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = offset
    guard take("{") else { return nil }
    guard let minimum = try number() else {
      offset = start
      throw error("expected a count after '{'; write '\\{' for the character")
    }
    var maximum: Int? = minimum
    if take(",") { maximum = try number() }
    guard take("}") else { throw error("expected '}' after a count") }
    if let maximum, maximum < minimum { throw error("a quantifier whose counts are out of order", at: start) }
    return (minimum, maximum)
  }

  private mutating func number() throws(GuidedError) -> Int? {
    var value: Int?
    while let scalar = next, scalar >= 0x30, scalar <= 0x39 {
      value = (value ?? 0) * 10 + Int(scalar - 0x30)
      guard let value, value <= Self.maximumCount else {
        throw error("a count of more than \(Self.maximumCount)")
      }
      offset += 1
    }
    return value
  }

  private mutating func atom(depth: Int) throws(GuidedError) -> RegexNode {
    let start = offset
    guard let scalar = next else { throw error("the expression ends too early") }
    offset += 1
    switch Unicode.Scalar(scalar) {
    case "^": return .textStart(offset: start)
    case "$": return .textEnd(offset: start)
    case ".": return .scalars(DialectSet.lineBreaks.inverted.common)
    case "[": return .scalars(try characterClass().common)
    case "(": return try group(depth: depth)
    case "\\":
      return .scalars(try escape(inClass: false).set.common)
    case "*", "+", "?": throw error("a quantifier without anything before it", at: start)
    case "{": throw error("a '{' without anything before it; write '\\{' for the character", at: start)
    case "]", "}": return .scalars(ScalarSet([scalar...scalar]))
    default: return .scalars(ScalarSet([scalar...scalar]))
    }
  }

  private mutating func group(depth: Int) throws(GuidedError) -> RegexNode {
    let start = offset - 1
    if take("?") {
      if take("=") || take("!") { throw error("lookahead is not supported", at: start) }
      if take("<=") || take("<!") { throw error("lookbehind is not supported", at: start) }
      if take("P<") || take("<") {
        while let scalar = next, scalar != Self.code(">") {
          guard scalar == 0x5F || scalar == 0x24 || Self.isAlphanumeric(scalar) else {
            throw error("a group's name may have letters, digits and '_' only")
          }
          offset += 1
        }
        guard take(">") else { throw error("expected '>' after a group's name") }
      } else {
        guard take(":") else { throw error("flags in groups are not supported", at: start) }
      }
    }
    let node = try alternatives(depth: depth + 1)
    guard take(")") else { throw error("a '(' without a ')'", at: start) }
    return node
  }

  private static func isAlphanumeric(_ scalar: UInt32) -> Bool {
    (0x30...0x39).contains(scalar) || (0x41...0x5A).contains(scalar) || (0x61...0x7A).contains(scalar)
  }

  /// A class; the next character is the one after '['.
  private mutating func characterClass() throws(GuidedError) -> DialectSet {
    let start = offset - 1
    let isInverted = take("^")
    var set = DialectSet([])
    while !take("]") {
      guard next != nil else { throw error("a '[' without a ']'", at: start) }
      let (first, scalar) = try classMember()
      guard next == Self.code("-"), offset + 1 < scalars.count, scalars[offset + 1] != Self.code("]"), let scalar
      else {
        set.formUnion(first)
        continue
      }
      let place = offset
      offset += 1
      let (second, last) = try classMember()
      guard let last else {
        for part in [first, DialectSet([0x2D...0x2D]), second] { set.formUnion(part) }
        continue
      }
      guard scalar <= last else { throw error("a range whose ends are out of order", at: place) }
      set.formUnion(DialectSet([scalar...last]))
    }
    return isInverted ? set.inverted : set
  }

  private mutating func classMember() throws(GuidedError) -> (set: DialectSet, scalar: UInt32?) {
    guard let scalar = next else { throw error("a '[' without a ']'") }
    offset += 1
    if scalar == Self.code("\\") { return try escape(inClass: true) }
    return (DialectSet([scalar...scalar]), scalar)
  }

  /// An escape; the next character is the one after '\'. With the scalar if it stands for one.
  private mutating func escape(inClass: Bool) throws(GuidedError) -> (set: DialectSet, scalar: UInt32?) {
    let start = offset - 1
    guard let value = next, let scalar = Unicode.Scalar(value) else { throw error("a '\\' at the end", at: start) }
    offset += 1
    func one(_ value: UInt32) -> (DialectSet, UInt32?) { (DialectSet([value...value]), value) }
    switch scalar {
    case "d": return (.digits, nil)
    case "D": return (DialectSet.digits.inverted, nil)
    case "w": return (.wordCharacters, nil)
    case "W": return (DialectSet.wordCharacters.inverted, nil)
    case "s": return (.whitespace, nil)
    case "S": return (DialectSet.whitespace.inverted, nil)
    case "t": return one(0x09)
    case "n": return one(0x0A)
    case "v": return one(0x0B)
    case "f": return one(0x0C)
    case "r": return one(0x0D)
    case "b" where inClass: return one(0x08)
    case "b", "B": throw error("word boundaries are not supported", at: start)
    case "p", "P": throw error("Unicode properties are not supported; write the ranges", at: start)
    case "k": throw error("backreferences are not supported", at: start)
    case "0":
      if let next, next >= 0x30, next <= 0x39 { throw error("octal escapes are not supported", at: start) }
      return one(0)
    case "1"..."9": throw error("backreferences are not supported", at: start)
    case "x": return one(try hexadecimal(count: 2, start))
    case "u": return one(try unicodeEscape(start))
    case "c":
      guard let letter = next, Self.isAlphanumeric(letter), letter >= 0x41 else {
        throw error("expected a letter after '\\c'", at: start)
      }
      offset += 1
      return one(letter % 32)
    default:
      guard !Self.isAlphanumeric(value) else { throw error("an unknown escape '\\\(scalar)'", at: start) }
      return one(value)
    }
  }

  private mutating func hexadecimal(count: Int, _ start: Int) throws(GuidedError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = next, let digit = Unicode.Scalar(scalar).flatMap({ Character($0).hexDigitValue }), scalar < 128
      else { throw error("expected \(count) hexadecimal digits", at: start) }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }

  private mutating func unicodeEscape(_ start: Int) throws(GuidedError) -> UInt32 {
    var value: UInt32 = 0
    if take("{") {
      var count = 0
      while !take("}") {
        value = value << 4 | (try hexadecimal(count: 1, start))
        count += 1
        guard count <= 6 else { throw error("a '\\u{' with more than six digits", at: start) }
      }
      guard count > 0 else { throw error("a '\\u{' without digits", at: start) }
    } else {
      value = try hexadecimal(count: 4, start)
      if (0xD800...0xDBFF).contains(value), take("\\u") {
        let low = try hexadecimal(count: 4, start)
        guard (0xDC00...0xDFFF).contains(low) else { throw error("half of a surrogate pair", at: start) }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
    }
    guard Unicode.Scalar(value) != nil else { throw error("an escape that stands for no character", at: start) }
    return value
  }
}
