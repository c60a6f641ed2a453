/// Reads grammars in the notation of llama.cpp (GBNF): rules `name ::= alternatives`, texts in quotes, classes in
/// brackets, `.`, groups, the quantifiers of regular expressions, and comments after `#`. The text begins with the rule
/// `root`.
///
/// A rule goes on until the next one begins, so that alternatives may stand on lines of their own.
struct TextGrammarParser {
  private(set) var builder: GrammarBuilder
  private let scalars: [UInt32]
  private var offset = 0
  private var ruleOfName: [[UInt32]: RuleID] = [:]
  /// Where a rule that is not defined yet is used first.
  private var firstUses: [(rule: RuleID, offset: Int)] = []
  private var defined: Set<RuleID> = []

  init(_ text: String, builder: GrammarBuilder) {
    self.builder = builder
    scalars = text.unicodeScalars.map(\.value)
  }

  /// Reads all rules and returns what `root` stands for.
  ///
  /// - Throws: ``GuidedError/invalidGrammar(line:column:problem:)`` and ``GuidedError/tooLarge(what:limit:)``.
  mutating func parse() throws(GuidedError) -> ExpressionID {
    skipSpace()
    while offset < scalars.count {
      let start = offset
      guard let name = takeName() else { throw error("expected a rule's name") }
      skipSpace()
      guard take("::=") else { throw error("expected '::=' after a rule's name") }
      skipSpace()
      let rule = try rule(named: name, usedAt: start)
      guard defined.insert(rule).inserted else { throw error("a rule is defined twice", at: start) }
      builder.define(rule, as: try alternatives(depth: 0))
    }
    if let missing = firstUses.first(where: { !defined.contains($0.rule) }) {
      throw error("the rule \"\(builder.rules[missing.rule.index].name)\" is not defined", at: missing.offset)
    }
    guard let root = ruleOfName["root".unicodeScalars.map(\.value)] else {
      throw error("there is no rule \"root\"", at: 0)
    }
    return try builder.add(.rule(root))
  }

  private func error(_ problem: String, at place: Int? = nil) -> GuidedError {
    let before = scalars[..<(place ?? offset)]
    let line = before.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return .invalidGrammar(line: line, column: before.count - start + 1, problem: problem)
  }

  private mutating func rule(named name: [UInt32], usedAt place: Int) throws(GuidedError) -> RuleID {
    if let known = ruleOfName[name] { return known }
    let text = String(String.UnicodeScalarView(name.prefix(64).compactMap(Unicode.Scalar.init)))
    let rule = try builder.addRule(named: text)
    ruleOfName[name] = rule
    firstUses.append((rule, place))
    return rule
  }

  // MARK: Alternatives

  private mutating func alternatives(depth: Int) throws(GuidedError) -> ExpressionID {
    guard depth <= builder.limits.nesting else {
      throw error("groups are nested more than \(builder.limits.nesting) deep")
    }
    var parts = [try sequence(depth: depth)]
    while take("|") {
      skipSpace()
      parts.append(try sequence(depth: depth))
    }
    return try builder.choice(parts)
  }

  private mutating func sequence(depth: Int) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    while offset < scalars.count, !isNext("|"), !isNext(")"), !isRuleNext() {
      parts.append(try item(depth: depth))
      skipSpace()
    }
    if depth == 0, isNext(")") { throw error("a ')' without a '('") }
    return try builder.sequence(parts)
  }

  private mutating func item(depth: Int) throws(GuidedError) -> ExpressionID {
    let start = offset
    var item: ExpressionID
    if take("\"") {
      item = try builder.add(.literal(try quotedText(start)))
    } else if take("[") {
      item = try builder.scalar(of: try characterClass(start))
    } else if take(".") {
      item = try builder.scalar(of: .all)
    } else if take("(") {
      skipSpace()
      item = try alternatives(depth: depth + 1)
      guard take(")") else { throw error("a '(' without a ')'", at: start) }
    } else if let name = takeName() {
      item = try builder.add(.rule(try rule(named: name, usedAt: start)))
    } else {
      throw error("expected a text in quotes, a class, a group or a rule's name")
    }
    while let (minimum, maximum) = try quantifier() {
      item = try builder.repetition(item, minimum: minimum, maximum: maximum)
    }
    return item
  }

  private mutating func quantifier() throws(GuidedError) -> (Int, Int?)? {
    let start = offset
    skipSpace()
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    guard take("{") else {
      offset = start
      return nil
    }
    skipSpace()
    guard let minimum = try number() else { throw error("expected a count after '{'") }
    skipSpace()
    var maximum: Int? = minimum
    if take(",") {
      skipSpace()
      maximum = try number()
      skipSpace()
    }
    guard take("}") else { throw error("expected '}' after a count") }
    if let maximum, maximum < minimum { throw error("counts out of order", at: start) }
    return (minimum, maximum)
  }

  private mutating func number() throws(GuidedError) -> Int? {
    var value: Int?
    while offset < scalars.count, scalars[offset] >= 0x30, scalars[offset] <= 0x39 {
      let sum = (value ?? 0) * 10 + Int(scalars[offset] - 0x30)
      guard sum <= RegexParser.maximumCount else { throw error("a count of more than \(RegexParser.maximumCount)") }
      value = sum
      offset += 1
    }
    return value
  }
}

// MARK: - Characters

extension TextGrammarParser {
  private func isNext(_ scalar: Unicode.Scalar) -> Bool { offset < scalars.count && scalars[offset] == scalar.value }

  private mutating func take(_ text: String) -> Bool {
    let wanted = text.unicodeScalars.map(\.value)
    guard scalars[offset...].starts(with: wanted) else { return false }
    offset += wanted.count
    return true
  }

  private mutating func skipSpace() {
    while offset < scalars.count {
      switch Unicode.Scalar(scalars[offset]) {
      case " ", "\t", "\r", "\n": offset += 1
      case "#": while offset < scalars.count, scalars[offset] != 0x0A, scalars[offset] != 0x0D { offset += 1 }
      default: return
      }
    }
  }

  private mutating func takeName() -> [UInt32]? {
    let start = offset
    while offset < scalars.count {
      switch scalars[offset] {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: offset += 1
      default: return offset > start ? Array(scalars[start..<offset]) : nil
      }
    }
    return offset > start ? Array(scalars[start..<offset]) : nil
  }

  /// Whether a new rule begins here: a name with `::=` after it.
  private mutating func isRuleNext() -> Bool {
    let start = offset
    defer { offset = start }
    guard takeName() != nil else { return false }
    skipSpace()
    return take("::=")
  }

  private mutating func quotedText(_ start: Int) throws(GuidedError) -> [UInt8] {
    var text = String.UnicodeScalarView()
    while !take("\"") {
      guard offset < scalars.count else { throw error("a '\"' without a second one", at: start) }
      guard let scalar = Unicode.Scalar(try character()) else { throw error("an escape that stands for no character") }
      text.append(scalar)
    }
    return Array(String(text).utf8)
  }

  private mutating func characterClass(_ start: Int) throws(GuidedError) -> ScalarSet {
    let isInverted = take("^")
    var ranges: [ClosedRange<UInt32>] = []
    while !take("]") {
      guard offset < scalars.count else { throw error("a '[' without a ']'", at: start) }
      let first = try character()
      var last = first
      if isNext("-"), offset + 1 < scalars.count, scalars[offset + 1] != 0x5D {
        offset += 1
        last = try character()
      }
      guard first <= last else { throw error("a range whose ends are out of order") }
      ranges.append(first...last)
    }
    let set = ScalarSet(ranges)
    return isInverted ? set.inverted : set
  }

  private mutating func character() throws(GuidedError) -> UInt32 {
    let scalar = scalars[offset]
    offset += 1
    guard scalar == 0x5C else { return scalar }
    guard offset < scalars.count, let kind = Unicode.Scalar(scalars[offset]) else { throw error("a '\\' at the end") }
    offset += 1
    switch kind {
    case "x": return try hexadecimal(count: 2)
    case "u": return try hexadecimal(count: 4)
    case "U": return try hexadecimal(count: 8)
    case "t": return 0x09
    case "r": return 0x0D
    case "n": return 0x0A
    case "\\", "\"", "[", "]", "-", "^", "'", "/", ".": return kind.value
    default: throw error("an unknown escape", at: offset - 2)
    }
  }

  private mutating func hexadecimal(count: Int) throws(GuidedError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard offset < scalars.count, scalars[offset] < 0x80,
        let digit = Unicode.Scalar(scalars[offset]).flatMap({ Character($0).hexDigitValue })
      else { throw error("expected \(count) hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    guard Unicode.Scalar(value) != nil else { throw error("an escape that stands for no character") }
    return value
  }
}
