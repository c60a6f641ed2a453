/// Reads regular expressions of ECMAScript (ECMA-262, 22.2, with the flag u), as far as they are regular.
///
/// What Python's `re` reads differently is read both ways (``DialectSet``), or refused: what is generated matches for both. A
/// ']' or '}' that closes nothing stands for itself, as it does there and without the flag.
struct RegexParser {
  let scalars: [UInt32]
  var offset = 0
  private let nesting: Int
  private let dot: DialectSet
  /// What is left of the work of compiling.
  var budget: WorkBudget

  /// The most repetitions a quantifier may ask for.
  static let maximumCount = 100_000

  /// - Parameter target: what the expression is about: in a text of its own `.` is what other guided decoders take it for.
  init(_ pattern: String, for target: RegexTarget, nesting: Int, budget: WorkBudget) {
    scalars = pattern.unicodeScalars.map(\.value)
    self.nesting = nesting
    self.budget = budget
    dot = target == .text ? .allButLineFeed : .dot
  }

  /// Reads the whole expression.
  ///
  /// - Throws: ``GuidedError/invalidRegex(offset:problem:)`` and ``GuidedError/tooLarge(what:limit:)``.
  mutating func parse() throws(GuidedError) -> RegexNode {
    let node = try alternatives(depth: 0)
    guard offset == scalars.count else { throw error("a ')' without a '('") }
    return node
  }

  func error(_ problem: String, at place: Int? = nil) -> GuidedError {
    .invalidRegex(offset: place ?? offset, problem: problem)
  }

  var next: UInt32? { offset < scalars.count ? scalars[offset] : nil }

  static func code(_ scalar: Unicode.Scalar) -> UInt32 { scalar.value }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar.value else { return false }
    offset += 1
    return true
  }

  mutating func take(_ text: String) -> Bool {
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
    // About as many allocations.
    try budget.spend(4)
    offset += 1
    switch Unicode.Scalar(scalar) {
    case "^": return .textStart(offset: start)
    case "$": return .textEnd(offset: start)
    case ".": return .scalars(dot)
    case "[": return .scalars(try characterClass())
    case "(": return try group(depth: depth)
    case "\\":
      switch try escape(inClass: false) {
      case .scalar(let scalar): return .scalars(DialectSet(scalar))
      case .named(let name): return .scalars(.named(name))
      }
    case "*", "+", "?": throw error("a quantifier without anything before it", at: start)
    case "{": throw error("a '{' without anything before it; write '\\{' for the character", at: start)
    default: return .scalars(DialectSet(scalar))
    }
  }

  private mutating func group(depth: Int) throws(GuidedError) -> RegexNode {
    let start = offset - 1
    if take("?") { try groupKind(start) }
    let node = try alternatives(depth: depth + 1)
    guard take(")") else { throw error("a '(' without a ')'", at: start) }
    return node
  }

  /// What stands between '(?' and a group's content.
  private mutating func groupKind(_ start: Int) throws(GuidedError) {
    if take(":") { return }
    if take("=") || take("!") { throw error("lookahead is not supported", at: start) }
    if take("<=") || take("<!") { throw error("lookbehind is not supported", at: start) }
    if take("P=") { throw error("backreferences are not supported", at: start) }
    if take(">") { throw error("atomic groups are not supported", at: start) }
    if take("(") { throw error("conditions are not supported", at: start) }
    if take("#") { throw error("comments are not supported", at: start) }
    guard take("P<") || take("<") else { throw error("flags in groups are not supported", at: start) }
    let nameStart = offset
    while let scalar = next, scalar != Self.code(">") {
      guard scalar == 0x5F || scalar == 0x24 || Self.isAlphanumeric(scalar) else {
        throw error("a group's name may have letters, digits and '_' only")
      }
      offset += 1
    }
    guard offset > nameStart, !(0x30...0x39).contains(scalars[nameStart]) else {
      throw error("a group's name must begin with a letter or '_'", at: nameStart)
    }
    guard take(">") else { throw error("expected '>' after a group's name") }
  }

  static func isAlphanumeric(_ scalar: UInt32) -> Bool {
    (0x30...0x39).contains(scalar) || (0x41...0x5A).contains(scalar) || (0x61...0x7A).contains(scalar)
  }
}

extension GrammarBuilder {
  /// Reads a regular expression.
  ///
  /// - Throws: ``GuidedError/invalidRegex(offset:problem:)`` and ``GuidedError/tooLarge(what:limit:)``.
  mutating func node(of pattern: String, for target: RegexTarget) throws(GuidedError) -> RegexNode {
    var parser = RegexParser(pattern, for: target, nesting: limits.nesting, budget: budget)
    defer { budget = parser.budget }
    return try parser.parse()
  }
}
