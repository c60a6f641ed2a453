/// A deterministic automaton over bytes and calls of rules: a state has at most one target for a byte and one for a rule.
///
/// It starts in state 0.
struct ByteAutomaton: Sendable {
  /// The bytes from `low` through `high` lead to `target`.
  struct Edge: Hashable, Sendable {
    var low: UInt8
    var high: UInt8
    var target: Int32
  }

  /// A text of rule `rule` leads to `target`.
  struct Call: Hashable, Sendable {
    var rule: Int32
    var target: Int32
  }

  /// One state: edges by ascending bytes that do not overlap, and calls by ascending rules.
  struct State: Sendable {
    var edges: [Edge] = []
    var calls: [Call] = []
    var isAccepting = false
  }

  var states: [State]

  /// Whether it accepts exactly `text`; for automata without calls.
  func accepts(_ text: some Sequence<UInt8>) -> Bool {
    var state = 0
    for byte in text {
      let edges = states[state].edges
      // The first edge that does not end before the byte.
      var (low, high) = (0, edges.count)
      while low < high {
        let middle = (low + high) / 2
        if edges[middle].high < byte { low = middle + 1 } else { high = middle }
      }
      guard low < edges.count, edges[low].low <= byte else { return false }
      state = Int(edges[low].target)
    }
    return states[state].isAccepting
  }

  /// Whether no text is accepted; for automata without calls.
  var isEmpty: Bool {
    let useful = trimmed().states
    return useful.count == 1 && !useful[0].isAccepting
  }

  /// The same automaton without states from which nothing is accepted; for automata without calls.
  func trimmed() -> ByteAutomaton {
    var sources: [[Int]] = Array(repeating: [], count: states.count)
    for (index, state) in states.enumerated() {
      for edge in state.edges { sources[Int(edge.target)].append(index) }
    }
    var isUseful = states.map(\.isAccepting)
    var pending = states.indices.filter { states[$0].isAccepting }
    while let state = pending.popLast() {
      for source in sources[state] where !isUseful[source] {
        isUseful[source] = true
        pending.append(source)
      }
    }
    isUseful[0] = true
    var places = [Int32](repeating: 0, count: states.count)
    var kept: [Int] = []
    for index in states.indices where isUseful[index] {
      places[index] = Int32(kept.count)
      kept.append(index)
    }
    return ByteAutomaton(
      states: kept.map { index in
        var state = states[index]
        state.edges = state.edges.filter { isUseful[Int($0.target)] }
        for place in state.edges.indices { state.edges[place].target = places[Int(state.edges[place].target)] }
        return state
      })
  }

  /// Removes the texts that have other bytes than those that are marked.
  mutating func keep(bytes: [Bool]) {
    guard bytes.contains(false) else { return }
    for place in states.indices {
      var kept: [Edge] = []
      for edge in states[place].edges {
        for byte in edge.low...edge.high where bytes[Int(byte)] {
          if let last = kept.last, last.target == edge.target, byte > edge.low, last.high == byte - 1 {
            kept[kept.count - 1].high = byte
          } else {
            kept.append(Edge(low: byte, high: byte, target: edge.target))
          }
        }
      }
      states[place].edges = kept
    }
  }

  /// The automaton of the texts that both accept, or that `self` accepts and `other` does not.
  ///
  /// - Throws: ``GuidedError/tooLarge(what:limit:)``.
  func combined(
    with other: ByteAutomaton, excluding: Bool, limits: GrammarLimits, budget: inout WorkBudget
  ) throws(GuidedError) -> ByteAutomaton {
    // State -1 of the other automaton is where a text goes that it can no longer accept.
    struct Pair: Hashable {
      var left: Int32
      var right: Int32
    }
    var places: [Pair: Int32] = [Pair(left: 0, right: 0): 0]
    var pairs = [Pair(left: 0, right: 0)]
    var result = ByteAutomaton(states: [])
    while result.states.count < pairs.count {
      let pair = pairs[result.states.count]
      let otherState = pair.right < 0 ? State() : other.states[Int(pair.right)]
      var state = State()
      state.isAccepting = states[Int(pair.left)].isAccepting && otherState.isAccepting != excluding
      for edge in states[Int(pair.left)].edges {
        for piece in Self.split(edge, by: otherState.edges, keepsRest: excluding) {
          try budget.spend()
          let next = Pair(left: edge.target, right: piece.target)
          var place = places[next]
          if place == nil {
            guard pairs.count < limits.stateCount else {
              throw .tooLarge(what: "its automaton has too many states", limit: limits.stateCount)
            }
            place = Int32(pairs.count)
            places[next] = place
            pairs.append(next)
          }
          state.edges.append(Edge(low: piece.low, high: piece.high, target: place ?? 0))
        }
      }
      result.states.append(state)
    }
    return result.trimmed()
  }

  /// Cuts `edge` where the edges of `others` begin and end; pieces keep the target of the other, or -1 without one.
  private static func split(_ edge: Edge, by others: [Edge], keepsRest: Bool) -> [Edge] {
    var pieces: [Edge] = []
    var next = Int(edge.low)
    for other in others where other.high >= edge.low && other.low <= edge.high {
      let low = max(Int(other.low), Int(edge.low))
      let high = min(other.high, edge.high)
      if keepsRest, low > next {
        pieces.append(Edge(low: UInt8(next), high: UInt8(low - 1), target: -1))
      }
      pieces.append(Edge(low: UInt8(low), high: high, target: other.target))
      next = Int(high) + 1
    }
    if keepsRest, next <= Int(edge.high) {
      pieces.append(Edge(low: UInt8(next), high: edge.high, target: -1))
    }
    return pieces
  }
}
