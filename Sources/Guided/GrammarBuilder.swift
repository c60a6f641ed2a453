/// One piece of a grammar. Pieces refer to each other by their place in a ``GrammarBuilder``.
enum Expression {
  /// The empty text.
  case empty
  /// No text at all.
  case never
  /// One byte out of these.
  case bytes([ClosedRange<UInt8>])
  /// These bytes.
  case literal([UInt8])
  /// One after the other.
  case sequence([ExpressionID])
  /// Any one of them.
  case choice([ExpressionID])
  /// Between `minimum` and `maximum` times; without a maximum any number of times.
  case repetition(ExpressionID, minimum: Int, maximum: Int?)
  /// What a rule stands for.
  case rule(RuleID)
  /// What a finished automaton accepts.
  case automaton(Int)
  /// The paths of a small automaton whose edges are expressions.
  case graph(ExpressionGraph)
}

/// The place of an expression in its ``GrammarBuilder``.
struct ExpressionID: Hashable, Sendable { var index: Int }

/// The place of a rule in its ``GrammarBuilder``.
struct RuleID: Hashable, Sendable { var index: Int }

/// An automaton whose edges are expressions, or nil for the empty text; it starts in state 0.
struct ExpressionGraph {
  var stateCount = 1
  var edges: [(from: Int, expression: ExpressionID?, to: Int)] = []
  var accepting: [Int] = []

  mutating func addState() -> Int {
    stateCount += 1
    return stateCount - 1
  }
}

/// Collects the expressions and rules of a grammar; counts them against the limits.
struct GrammarBuilder {
  struct Rule {
    var name: String
    var body: ExpressionID?
  }

  let limits: GrammarLimits
  private(set) var expressions: [Expression] = []
  /// How many expressions lie inside each other below an expression, itself included.
  private var heights: [Int] = []
  private(set) var rules: [Rule] = []
  private(set) var automata: [ByteAutomaton] = []
  var budget: WorkBudget
  /// Whether large counts are written out instead of becoming rules, which automata that are combined cannot call.
  var unrollsCounts = false
  private var blocks: [BlockKey: ExpressionID] = [:]

  private struct BlockKey: Hashable {
    var expression: ExpressionID
    var count: Int
    var isExact: Bool
  }

  init(limits: GrammarLimits) {
    self.limits = limits
    budget = WorkBudget(limit: limits.work)
  }

  subscript(id: ExpressionID) -> Expression { expressions[id.index] }

  /// Adds an expression.
  mutating func add(_ expression: Expression) throws(GuidedError) -> ExpressionID {
    guard expressions.count < limits.expressionCount else {
      throw .tooLarge(what: "it has too many parts", limit: limits.expressionCount)
    }
    var below = 0
    switch expression {
    case .sequence(let parts), .choice(let parts): for part in parts { below = max(below, heights[part.index]) }
    case .repetition(let part, _, _): below = heights[part.index]
    case .graph(let graph):
      for edge in graph.edges { if let part = edge.expression { below = max(below, heights[part.index]) } }
    default: break
    }
    guard below < 4 * limits.nesting else {
      throw .tooLarge(what: "its parts are nested too deeply", limit: 4 * limits.nesting)
    }
    expressions.append(expression)
    heights.append(below + 1)
    return ExpressionID(index: expressions.count - 1)
  }

  mutating func literal(_ text: String) throws(GuidedError) -> ExpressionID { try add(.literal(Array(text.utf8))) }

  mutating func sequence(_ parts: [ExpressionID]) throws(GuidedError) -> ExpressionID {
    if parts.count == 1 { return parts[0] }
    return try add(parts.isEmpty ? .empty : .sequence(parts))
  }

  mutating func choice(_ parts: [ExpressionID]) throws(GuidedError) -> ExpressionID {
    if parts.count == 1 { return parts[0] }
    return try add(parts.isEmpty ? .never : .choice(parts))
  }

  /// One scalar of `set`, in UTF-8.
  mutating func scalar(of set: ScalarSet) throws(GuidedError) -> ExpressionID {
    try budget.spend(set.ranges.count)
    var parts: [ExpressionID] = []
    for bytes in set.byteSequences {
      try budget.spend()
      var sequence: [ExpressionID] = []
      for range in bytes { sequence.append(try add(.bytes([range]))) }
      parts.append(try self.sequence(sequence))
    }
    return try choice(parts)
  }

  /// `part` between `minimum` and `maximum` times.
  ///
  /// Large counts become rules that stand for powers of 16 repetitions, so that the grammar grows with the logarithm of
  /// the count; the place in the text then says how far the count is.
  mutating func repetition(
    _ part: ExpressionID, minimum: Int, maximum: Int?
  ) throws(GuidedError) -> ExpressionID {
    if let maximum, maximum < minimum { return try add(.never) }
    guard max(minimum, maximum ?? 0) > Self.radix * 2, !unrollsCounts else {
      return try add(.repetition(part, minimum: minimum, maximum: maximum))
    }
    let small = try namedIfLarge(part)
    let first = try exactly(minimum, small)
    guard let maximum else { return try sequence([first, try add(.repetition(small, minimum: 0, maximum: nil))]) }
    return try sequence([first, try upTo(maximum - minimum, small)])
  }

  private static let radix = 16

  private mutating func namedIfLarge(_ part: ExpressionID) throws(GuidedError) -> ExpressionID {
    switch self[part] {
    case .sequence, .graph, .automaton, .repetition: try add(.rule(try addRule(named: "repeated", body: part)))
    default: part
    }
  }

  private mutating func exactly(_ count: Int, _ part: ExpressionID) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    var rest = count
    var power = part
    while rest > 0 {
      let digit = rest % Self.radix
      if digit > 0 { parts.append(try add(.repetition(power, minimum: digit, maximum: digit))) }
      rest /= Self.radix
      if rest > 0 { power = try block(of: power, count: Self.radix, isExact: true) }
    }
    return try sequence(parts.reversed())
  }

  private mutating func upTo(_ count: Int, _ part: ExpressionID) throws(GuidedError) -> ExpressionID {
    guard count > Self.radix else { return try add(.repetition(part, minimum: 0, maximum: count)) }
    var power = part
    var size = 1
    while count / size >= Self.radix {
      power = try block(of: power, count: Self.radix, isExact: true)
      size *= Self.radix
    }
    let digit = count / size
    let full = try sequence([
      try add(.repetition(power, minimum: digit, maximum: digit)), try upTo(count % size, part),
    ])
    let fewer = try sequence([
      try add(.repetition(power, minimum: 0, maximum: digit - 1)), try block(of: part, count: size - 1, isExact: false),
    ])
    return try choice([fewer, full])
  }

  /// A rule for `count` repetitions, or for up to as many; the same one when asked again.
  private mutating func block(
    of part: ExpressionID, count: Int, isExact: Bool
  ) throws(GuidedError) -> ExpressionID {
    let key = BlockKey(expression: part, count: count, isExact: isExact)
    if let known = blocks[key] { return known }
    let body = isExact ? try add(.repetition(part, minimum: count, maximum: count)) : try upTo(count, part)
    let rule = try add(.rule(try addRule(named: "block", body: body)))
    blocks[key] = rule
    return rule
  }

  /// Adds a rule; without a body it must be given one with ``define(_:as:)`` later.
  mutating func addRule(named name: String, body: ExpressionID? = nil) throws(GuidedError) -> RuleID {
    guard rules.count < limits.ruleCount else {
      throw .tooLarge(what: "it has too many rules", limit: limits.ruleCount)
    }
    rules.append(Rule(name: name, body: body))
    return RuleID(index: rules.count - 1)
  }

  mutating func define(_ rule: RuleID, as body: ExpressionID) { rules[rule.index].body = body }

  /// Adds a finished automaton as an expression.
  mutating func add(_ automaton: ByteAutomaton) throws(GuidedError) -> ExpressionID {
    automata.append(automaton)
    return try add(.automaton(automata.count - 1))
  }
}
