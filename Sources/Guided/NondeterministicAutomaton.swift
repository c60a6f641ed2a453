/// An automaton as it comes from expressions (Thompson, "Regular expression search algorithm", 1968): edges for bytes,
/// for rules and for nothing. It starts in state 0 and accepts in state 1.
struct NondeterministicAutomaton {
  enum Label: Equatable {
    case nothing
    case bytes(UInt8, UInt8)
    case call(Int32)
  }

  struct Edge {
    var label: Label
    var target: Int32
    /// The next edge of the same state, or -1.
    var next: Int32
  }

  static let start: Int32 = 0
  static let end: Int32 = 1

  private(set) var firstEdges: [Int32] = [-1, -1]
  private(set) var edges: [Edge] = []

  var stateCount: Int { firstEdges.count }

  mutating func addState() -> Int32 {
    firstEdges.append(-1)
    return Int32(firstEdges.count - 1)
  }

  mutating func addEdge(from: Int32, _ label: Label, to target: Int32) {
    edges.append(Edge(label: label, target: target, next: firstEdges[Int(from)]))
    firstEdges[Int(from)] = Int32(edges.count - 1)
  }

  /// Calls `body` for every edge of `state`.
  @inline(__always)
  func forEachEdge(of state: Int32, _ body: (Edge) -> Void) {
    var index = firstEdges[Int(state)]
    while index >= 0 {
      body(edges[Int(index)])
      index = edges[Int(index)].next
    }
  }

  /// Removes the edges of `state` that `isUnwanted` says are unwanted.
  mutating func removeEdges(of state: Int32, where isUnwanted: (Edge) -> Bool) {
    var kept: [Edge] = []
    forEachEdge(of: state) { if !isUnwanted($0) { kept.append($0) } }
    firstEdges[Int(state)] = -1
    for edge in kept.reversed() { addEdge(from: state, edge.label, to: edge.target) }
  }

  /// The states that are reached from `states` by edges for nothing, in order.
  func closure(_ states: [Int32], marks: inout MarkSet) -> [Int32] {
    marks.clear(count: stateCount)
    var result: [Int32] = []
    for state in states where marks.insert(state) { result.append(state) }
    var next = 0
    while next < result.count {
      forEachEdge(of: result[next]) { edge in
        if edge.label == .nothing, marks.insert(edge.target) { result.append(edge.target) }
      }
      next += 1
    }
    return result.sorted()
  }
}

/// A set of small numbers that is emptied in constant time.
struct MarkSet {
  private var stamps: [UInt32] = []
  private var stamp: UInt32 = 0

  /// Empties the set and makes room for numbers below `count`.
  mutating func clear(count: Int) {
    if stamps.count < count { stamps += Array(repeating: 0, count: count - stamps.count) }
    stamp &+= 1
    if stamp == 0 {
      stamps = Array(repeating: 0, count: stamps.count)
      stamp = 1
    }
  }

  /// Adds `number`; false if it was there.
  @inline(__always)
  mutating func insert(_ number: Int32) -> Bool {
    if stamps[Int(number)] == stamp { return false }
    stamps[Int(number)] = stamp
    return true
  }
}

extension GrammarBuilder {
  /// The automaton of one expression. Rules in `inlined` are put in place, others are called.
  mutating func nondeterministicAutomaton(
    of expression: ExpressionID, inlined: Set<Int> = []
  ) throws(GuidedError) -> NondeterministicAutomaton {
    var automaton = NondeterministicAutomaton()
    try append(
      expression, from: NondeterministicAutomaton.start, to: NondeterministicAutomaton.end, inlined, &automaton)
    return automaton
  }

  /// The deterministic automaton of one expression that calls no rules.
  mutating func regularAutomaton(of expression: ExpressionID) throws(GuidedError) -> ByteAutomaton {
    try nondeterministicAutomaton(of: expression).determinized(limits: limits, budget: &budget)
  }

  private mutating func append(
    _ id: ExpressionID, from: Int32, to: Int32, _ inlined: Set<Int>, _ automaton: inout NondeterministicAutomaton
  ) throws(GuidedError) {
    try budget.spend()
    guard automaton.stateCount < 4 * limits.stateCount else {
      throw .tooLarge(what: "its automaton has too many states", limit: limits.stateCount)
    }
    switch self[id] {
    case .empty: automaton.addEdge(from: from, .nothing, to: to)
    case .never: break
    case .bytes(let ranges):
      for range in ranges { automaton.addEdge(from: from, .bytes(range.lowerBound, range.upperBound), to: to) }
    case .literal(let bytes):
      var state = from
      for (index, byte) in bytes.enumerated() {
        let next = index == bytes.count - 1 ? to : automaton.addState()
        automaton.addEdge(from: state, .bytes(byte, byte), to: next)
        state = next
      }
      if bytes.isEmpty { automaton.addEdge(from: from, .nothing, to: to) }
      try budget.spend(bytes.count)
    case .sequence(let parts):
      var state = from
      for (index, part) in parts.enumerated() {
        let next = index == parts.count - 1 ? to : automaton.addState()
        try append(part, from: state, to: next, inlined, &automaton)
        state = next
      }
    case .choice(let parts):
      for part in parts {
        // States of its own keep what leads back into a part apart from the others.
        let first = automaton.addState()
        automaton.addEdge(from: from, .nothing, to: first)
        try append(part, from: first, to: to, inlined, &automaton)
      }
    case .repetition(let part, let minimum, let maximum):
      try appendRepetition(of: part, minimum, maximum, from: from, to: to, inlined, &automaton)
    case .rule(let rule):
      if inlined.contains(rule.index), let body = rules[rule.index].body {
        try append(body, from: from, to: to, inlined, &automaton)
      } else {
        automaton.addEdge(from: from, .call(Int32(rule.index)), to: to)
      }
    case .automaton(let index):
      try append(automata[index], from: from, to: to, &automaton)
    case .graph(let graph):
      let states = (0..<graph.stateCount).map { _ in automaton.addState() }
      automaton.addEdge(from: from, .nothing, to: states[0])
      for state in graph.accepting { automaton.addEdge(from: states[state], .nothing, to: to) }
      for edge in graph.edges {
        if let part = edge.expression {
          let first = automaton.addState()
          automaton.addEdge(from: states[edge.from], .nothing, to: first)
          try append(part, from: first, to: states[edge.to], inlined, &automaton)
        } else {
          automaton.addEdge(from: states[edge.from], .nothing, to: states[edge.to])
        }
      }
    }
  }

  private mutating func appendRepetition(
    of part: ExpressionID, _ minimum: Int, _ maximum: Int?, from: Int32, to: Int32, _ inlined: Set<Int>,
    _ automaton: inout NondeterministicAutomaton
  ) throws(GuidedError) {
    var state = from
    for _ in 0..<minimum {
      let next = automaton.addState()
      try append(part, from: state, to: next, inlined, &automaton)
      state = next
    }
    guard let maximum else {
      let loop = automaton.addState()
      let after = automaton.addState()
      automaton.addEdge(from: state, .nothing, to: loop)
      try append(part, from: loop, to: after, inlined, &automaton)
      automaton.addEdge(from: after, .nothing, to: loop)
      automaton.addEdge(from: loop, .nothing, to: to)
      return
    }
    guard minimum <= maximum else { return }
    for _ in minimum..<maximum {
      automaton.addEdge(from: state, .nothing, to: to)
      let next = automaton.addState()
      try append(part, from: state, to: next, inlined, &automaton)
      state = next
    }
    automaton.addEdge(from: state, .nothing, to: to)
  }

  private mutating func append(
    _ other: ByteAutomaton, from: Int32, to: Int32, _ automaton: inout NondeterministicAutomaton
  ) throws(GuidedError) {
    let first = Int32(automaton.stateCount)
    for _ in other.states { _ = automaton.addState() }
    automaton.addEdge(from: from, .nothing, to: first)
    for (index, state) in other.states.enumerated() {
      try budget.spend(1 + state.edges.count)
      let source = first + Int32(index)
      for edge in state.edges {
        automaton.addEdge(from: source, .bytes(edge.low, edge.high), to: first + edge.target)
      }
      for call in state.calls { automaton.addEdge(from: source, .call(call.rule), to: first + call.target) }
      if state.isAccepting { automaton.addEdge(from: source, .nothing, to: to) }
    }
  }
}
