/// A grammar ready to be followed: the automata of all rules in one numbering of states.
///
/// Calls never match the empty text (where a rule does, its caller has a path around it), no rule calls itself before
/// it has matched a byte, and every state can come to an end.
struct RuleNetwork: Sendable {
  /// A call: follow the rule from `start`, and go on in `target` when it has ended.
  struct Call: Sendable {
    var rule: Int32
    var start: Int32
    var target: Int32
    /// Whether nothing can follow in the caller, so that the call may take its place.
    var isTail: Bool
  }

  private(set) var edges: [ByteAutomaton.Edge] = []
  private(set) var firstEdges: [Int32] = [0]
  private(set) var calls: [Call] = []
  private(set) var firstCalls: [Int32] = [0]
  private(set) var isAccepting: [Bool] = []
  /// How many frames a state needs below it at least to come to its rule's end.
  private(set) var depths: [Int32] = []
  /// The place of every rule in an order in which a rule comes before those that it calls at its beginning.
  private(set) var ranks: [Int32] = []
  /// Where the root rule begins.
  private(set) var root: Int32 = 0
  /// Whether the empty text matches.
  private(set) var matchesEmptyText = false
  /// Bytes that no edge tells apart have the same class.
  private(set) var byteClasses = [UInt8](repeating: 0, count: 256)
  private(set) var classCount = 1

  var stateCount: Int { isAccepting.count }

  /// Bytes that it takes, about, with the distances to the ends of its states.
  var byteCount: Int { edges.count * 8 + calls.count * 16 + stateCount * 17 + ranks.count * 4 }

  /// What a state needs that cannot come to an end.
  static let endless: Int32 = .max

  /// Where `byte` leads from `state`, or -1.
  @inline(__always)
  func target(of state: Int32, byte: UInt8) -> Int32 {
    var low = Int(firstEdges[Int(state)])
    var high = Int(firstEdges[Int(state) + 1])
    while low < high {
      let middle = (low + high) / 2
      let edge = edges[middle]
      if byte < edge.low {
        high = middle
      } else if byte > edge.high {
        low = middle + 1
      } else {
        return edge.target
      }
    }
    return -1
  }

  /// The calls of a state.
  @inline(__always)
  func callRange(of state: Int32) -> Range<Int> { Int(firstCalls[Int(state)])..<Int(firstCalls[Int(state) + 1]) }

  /// Links the automata of rules, of which `root` is the first.
  ///
  /// - Parameter isNullable: for every rule whether the empty text matches it.
  /// - Throws: ``GuidedError/unsatisfiable(_:)`` and ``GuidedError/tooLarge(what:limit:)``.
  init(
    automata: [ByteAutomaton], isNullable: [Bool], ranks: [Int32], root: Int, limits: GrammarLimits,
    budget: inout WorkBudget
  ) throws(GuidedError) {
    var offsets: [Int32] = []
    var count: Int32 = 0
    for automaton in automata {
      offsets.append(count)
      count += Int32(automaton.states.count)
    }
    guard Int(count) <= limits.stateCount else {
      throw .tooLarge(what: "its automata have too many states", limit: limits.stateCount)
    }
    let depths = try Self.neededDepths(automata, offsets, limits, &budget)
    guard depths[Int(offsets[root])] != Self.endless || isNullable[root] else {
      throw .unsatisfiable("what it demands contradicts itself, never ends, or cannot be written with the vocabulary")
    }
    self.depths = depths
    self.ranks = ranks
    self.root = offsets[root]
    matchesEmptyText = isNullable[root]
    for (rule, automaton) in automata.enumerated() {
      for state in automaton.states {
        for edge in state.edges where depths[Int(offsets[rule] + edge.target)] != Self.endless {
          edges.append(.init(low: edge.low, high: edge.high, target: offsets[rule] + edge.target))
        }
        for call in state.calls {
          let start = offsets[Int(call.rule)]
          let target = offsets[rule] + call.target
          guard depths[Int(start)] != Self.endless, depths[Int(target)] != Self.endless else { continue }
          let after = automaton.states[Int(call.target)]
          let isTail = after.isAccepting && after.edges.isEmpty && after.calls.isEmpty
          calls.append(Call(rule: call.rule, start: start, target: target, isTail: isTail))
        }
        firstEdges.append(Int32(edges.count))
        firstCalls.append(Int32(calls.count))
        isAccepting.append(state.isAccepting)
      }
    }
    makeByteClasses()
  }

  private mutating func makeByteClasses() {
    var isCut = [Bool](repeating: false, count: 257)
    for edge in edges {
      isCut[Int(edge.low)] = true
      isCut[Int(edge.high) + 1] = true
    }
    var current = 0
    for byte in 0..<256 {
      if byte > 0, isCut[byte] { current += 1 }
      byteClasses[byte] = UInt8(current)
    }
    classCount = current + 1
  }

  /// The least number of frames from every state to its rule's end; ``endless`` where there is no way. Depths are found
  /// in ascending order, so that each is final when it is found.
  private static func neededDepths(
    _ automata: [ByteAutomaton], _ offsets: [Int32], _ limits: GrammarLimits, _ budget: inout WorkBudget
  ) throws(GuidedError) -> [Int32] {
    struct Source {
      var state: Int32
      /// The other half of a call, or -1: both must come to an end.
      var other: Int32
      var isStart: Bool
    }
    let count = automata.reduce(0) { $0 + $1.states.count }
    var depths = [Int32](repeating: endless, count: count)
    var sources: [[Source]] = Array(repeating: [], count: count)
    var level: [Int32] = []
    for (rule, automaton) in automata.enumerated() {
      for (index, state) in automaton.states.enumerated() {
        let place = offsets[rule] + Int32(index)
        if state.isAccepting {
          depths[Int(place)] = 0
          level.append(place)
        }
        try budget.spend(1 + state.edges.count + state.calls.count)
        for edge in state.edges {
          sources[Int(offsets[rule] + edge.target)].append(Source(state: place, other: -1, isStart: false))
        }
        for call in state.calls {
          let start = offsets[Int(call.rule)]
          let target = offsets[rule] + call.target
          sources[Int(start)].append(Source(state: place, other: target, isStart: true))
          sources[Int(target)].append(Source(state: place, other: start, isStart: false))
        }
      }
    }
    var depth: Int32 = 0
    while !level.isEmpty {
      guard Int(depth) <= limits.depth else { break }
      var following: [Int32] = []
      while let state = level.popLast() {
        guard depths[Int(state)] == depth else { continue }
        for source in sources[Int(state)] {
          try budget.spend()
          var need = depth
          if source.other >= 0 {
            let other = depths[Int(source.other)]
            // A half that is not settled yet comes by here itself once it is.
            guard other <= depth else { continue }
            need = source.isStart ? depth + 1 : max(depth, other + 1)
          }
          guard Int(need) <= limits.depth, need < depths[Int(source.state)] else { continue }
          depths[Int(source.state)] = need
          if need == depth { level.append(source.state) } else { following.append(source.state) }
        }
      }
      depth += 1
      level = following.filter { depths[Int($0)] == depth }
    }
    return depths
  }
}
