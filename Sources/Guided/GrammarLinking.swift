extension GrammarBuilder {
  /// Rules with at most this many parts are put in place of their calls.
  private static let inlinedSize = 48

  /// Turns all rules that `root` needs into one network, of texts of the `bytes` that are marked.
  ///
  /// - Throws: ``GuidedError``: a grammar that is too large, that no text matches, or in which a rule calls itself
  ///   through others before it has matched anything.
  mutating func network(
    root: ExpressionID, bytes: [Bool] = Array(repeating: true, count: 256)
  ) throws(GuidedError) -> RuleNetwork {
    let rootRule = try addRule(named: "root", body: root)
    let inlined = try rulesToInline()
    var automata: [NondeterministicAutomaton] = []
    for rule in rules.indices {
      guard let body = rules[rule].body else { preconditionFailure("rule \(rules[rule].name) has no body") }
      let isNeeded = rule == rootRule.index || !inlined.contains(rule)
      automata.append(
        isNeeded ? try nondeterministicAutomaton(of: body, inlined: inlined) : NondeterministicAutomaton())
    }
    let isNullable = try bypassNullableCalls(&automata)
    for rule in automata.indices { try removeLeftRecursion(of: Int32(rule), in: &automata[rule]) }
    var finished: [ByteAutomaton] = []
    var stateCount = 0
    for automaton in automata {
      var automaton = try automaton.determinized(limits: limits, budget: &budget)
      automaton.states[0].isAccepting = false
      automaton.keep(bytes: bytes)
      finished.append(automaton)
      stateCount += automaton.states.count
      guard stateCount <= limits.stateCount else {
        throw .tooLarge(what: "its automata have too many states", limit: limits.stateCount)
      }
    }
    return try RuleNetwork(
      automata: finished, isNullable: isNullable, ranks: try ranks(of: finished), root: rootRule.index,
      limits: limits, budget: &budget)
  }

  /// Small rules that call none but such rules.
  private mutating func rulesToInline() throws(GuidedError) -> Set<Int> {
    var sizes: [Int: (size: Int, height: Int)] = [:]
    var isUnchanged = false
    while !isUnchanged {
      isUnchanged = true
      for (index, rule) in rules.enumerated() where sizes[index] == nil {
        guard let body = rule.body, let size = try inlinedSize(of: body, sizes), size.size <= Self.inlinedSize,
          size.height <= 2 * limits.nesting
        else { continue }
        sizes[index] = size
        isUnchanged = false
      }
    }
    return Set(sizes.keys)
  }

  /// How many parts an expression has once small rules are in place, and how deeply they are nested; nil if it calls
  /// others or is large.
  private mutating func inlinedSize(
    of id: ExpressionID, _ sizes: [Int: (size: Int, height: Int)]
  ) throws(GuidedError) -> (size: Int, height: Int)? {
    try budget.spend()
    switch self[id] {
    case .empty, .never, .bytes: return (1, 1)
    case .literal(let bytes): return (bytes.count, 1)
    case .rule(let rule): return sizes[rule.index].map { ($0.size, $0.height + 1) }
    case .automaton, .graph: return nil
    case .repetition(let part, let minimum, let maximum):
      guard let size = try inlinedSize(of: part, sizes) else { return nil }
      let copies = max(1, maximum ?? (minimum + 1))
      return size.size <= Self.inlinedSize ? (size.size * copies, size.height + 1) : nil
    case .sequence(let parts), .choice(let parts):
      var sum = 0
      var height = 0
      for part in parts {
        guard let size = try inlinedSize(of: part, sizes) else { return nil }
        sum += size.size
        height = max(height, size.height)
        guard sum <= Self.inlinedSize else { return nil }
      }
      return (sum, height + 1)
    }
  }

  /// Finds the rules that match the empty text, and leads paths around their calls.
  private mutating func bypassNullableCalls(
    _ automata: inout [NondeterministicAutomaton]
  ) throws(GuidedError) -> [Bool] {
    var isNullable = [Bool](repeating: false, count: automata.count)
    var callers: [[Int]] = Array(repeating: [], count: automata.count)
    for (rule, automaton) in automata.enumerated() {
      for edge in automaton.edges {
        if case .call(let callee) = edge.label, callers[Int(callee)].last != rule { callers[Int(callee)].append(rule) }
      }
    }
    var marks = MarkSet()
    var pending = Array(automata.indices)
    while let rule = pending.popLast() {
      guard !isNullable[rule] else { continue }
      try budget.spend(automata[rule].stateCount)
      let reached = automata[rule].closure([NondeterministicAutomaton.start], marks: &marks)
      guard reached.contains(NondeterministicAutomaton.end) else { continue }
      isNullable[rule] = true
      for caller in callers[rule] {
        try budget.spend(automata[caller].stateCount)
        automata[caller].bypass(calls: Int32(rule))
        pending.append(caller)
      }
    }
    return isNullable
  }

  /// Makes a rule that begins with itself a loop: `A = A x | y` becomes `A = y x*`.
  private mutating func removeLeftRecursion(
    of rule: Int32, in automaton: inout NondeterministicAutomaton
  ) throws(GuidedError) {
    var marks = MarkSet()
    let beginning = automaton.closure([NondeterministicAutomaton.start], marks: &marks)
    try budget.spend(beginning.count)
    let copy = automaton.addState()
    var continuations: [Int32] = []
    for state in beginning {
      var kept: [NondeterministicAutomaton.Edge] = []
      automaton.forEachEdge(of: state) { edge in
        switch edge.label {
        case .nothing: break
        case .call(rule): continuations.append(edge.target)
        default: kept.append(edge)
        }
      }
      for edge in kept { automaton.addEdge(from: copy, edge.label, to: edge.target) }
    }
    automaton.replaceEdges(of: NondeterministicAutomaton.start, byThoseOf: copy)
    for target in continuations {
      automaton.addEdge(from: NondeterministicAutomaton.end, .nothing, to: target)
    }
  }

  /// An order in which every rule comes before those that it can call at its beginning.
  private func ranks(of automata: [ByteAutomaton]) throws(GuidedError) -> [Int32] {
    var waiting = [Int](repeating: 0, count: automata.count)
    for automaton in automata { for call in automaton.states[0].calls { waiting[Int(call.rule)] += 1 } }
    var ready = automata.indices.filter { waiting[$0] == 0 }
    var ranks = [Int32](repeating: 0, count: automata.count)
    var rank: Int32 = 0
    while let rule = ready.popLast() {
      ranks[rule] = rank
      rank += 1
      for call in automata[rule].states[0].calls {
        waiting[Int(call.rule)] -= 1
        if waiting[Int(call.rule)] == 0 { ready.append(Int(call.rule)) }
      }
    }
    guard Int(rank) == automata.count else {
      let names = rules.indices.filter { waiting[$0] > 0 }.prefix(4).map { rules[$0].name }
      throw .invalidRequest(
        problem: "the rules \(names.joined(separator: ", ")) call each other before any of them has matched anything; "
          + "a rule may begin with itself only directly")
    }
    return ranks
  }
}

extension NondeterministicAutomaton {
  /// Gives `state`, to which no edge leads, the edges of `other` instead of its own.
  mutating func replaceEdges(of state: Int32, byThoseOf other: Int32) {
    removeEdges(of: state) { _ in true }
    forEachEdge(of: other) { addEdge(from: state, $0.label, to: $0.target) }
  }

  /// Adds a path for nothing beside every call of `rule`.
  mutating func bypass(calls rule: Int32) {
    for state in firstEdges.indices {
      var targets: [Int32] = []
      forEachEdge(of: Int32(state)) { if $0.label == .call(rule) { targets.append($0.target) } }
      for target in targets { addEdge(from: Int32(state), .nothing, to: target) }
    }
  }
}
