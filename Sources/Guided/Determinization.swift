extension NondeterministicAutomaton {
  /// The subset construction (Rabin and Scott, 1959), with calls of rules as letters beside the bytes.
  ///
  /// - Throws: ``GuidedError/tooLarge(what:limit:)``.
  func determinized(limits: GrammarLimits, budget: inout WorkBudget) throws(GuidedError) -> ByteAutomaton {
    var marks = MarkSet()
    let first = closure([Self.start], marks: &marks)
    var places: [[Int32]: Int32] = [first: 0]
    var subsets = [first]
    var result = ByteAutomaton(states: [])
    while result.states.count < subsets.count {
      let subset = subsets[result.states.count]
      try budget.spend(subset.count)
      var state = ByteAutomaton.State()
      state.isAccepting = subset.contains(Self.end)
      var (byteEdges, calls) = letters(of: subset)
      try budget.spend(byteEdges.count + calls.count)
      byteEdges.sort { $0.low < $1.low }
      for piece in Self.disjointPieces(of: byteEdges) {
        try budget.spend(piece.targets.count)
        let target = try place(of: piece.targets, &places, &subsets, &marks, limits, &budget)
        if let last = state.edges.last, last.target == target, Int(last.high) + 1 == Int(piece.low) {
          state.edges[state.edges.count - 1].high = piece.high
        } else {
          state.edges.append(ByteAutomaton.Edge(low: piece.low, high: piece.high, target: target))
        }
      }
      calls.sort { $0.rule < $1.rule }
      var index = 0
      while index < calls.count {
        let rule = calls[index].rule
        var targets: [Int32] = []
        while index < calls.count, calls[index].rule == rule {
          targets.append(calls[index].target)
          index += 1
        }
        let target = try place(of: targets, &places, &subsets, &marks, limits, &budget)
        state.calls.append(ByteAutomaton.Call(rule: rule, target: target))
      }
      result.states.append(state)
    }
    return result
  }

  private func letters(of subset: [Int32]) -> (bytes: [ByteAutomaton.Edge], calls: [ByteAutomaton.Call]) {
    var bytes: [ByteAutomaton.Edge] = []
    var calls: [ByteAutomaton.Call] = []
    for state in subset {
      forEachEdge(of: state) { edge in
        switch edge.label {
        case .nothing: break
        case .bytes(let low, let high):
          bytes.append(ByteAutomaton.Edge(low: low, high: high, target: edge.target))
        case .call(let rule): calls.append(ByteAutomaton.Call(rule: rule, target: edge.target))
        }
      }
    }
    return (bytes, calls)
  }

  private func place(
    of targets: [Int32], _ places: inout [[Int32]: Int32], _ subsets: inout [[Int32]], _ marks: inout MarkSet,
    _ limits: GrammarLimits, _ budget: inout WorkBudget
  ) throws(GuidedError) -> Int32 {
    let subset = closure(targets, marks: &marks)
    try budget.spend(subset.count)
    if let place = places[subset] { return place }
    guard subsets.count < limits.stateCount else {
      throw .tooLarge(what: "its automaton has too many states", limit: limits.stateCount)
    }
    // What is kept counts more, so that the memory that it takes is bounded by as many bytes as there are units of work.
    try budget.spend(3 * subset.count)
    let place = Int32(subsets.count)
    places[subset] = place
    subsets.append(subset)
    return place
  }

  /// Cuts overlapping edges, which come by ascending low bytes, into ranges that all go to the same targets.
  private static func disjointPieces(
    of edges: [ByteAutomaton.Edge]
  ) -> [(low: UInt8, high: UInt8, targets: [Int32])] {
    var cuts: [Int] = []
    for edge in edges {
      cuts.append(Int(edge.low))
      cuts.append(Int(edge.high) + 1)
    }
    cuts.sort()
    var pieces: [(low: UInt8, high: UInt8, targets: [Int32])] = []
    var active: [ByteAutomaton.Edge] = []
    var next = 0
    var previous = -1
    for cut in cuts where cut != previous {
      if previous >= 0 {
        active.removeAll { Int($0.high) < previous }
        while next < edges.count, Int(edges[next].low) <= previous {
          active.append(edges[next])
          next += 1
        }
        if !active.isEmpty {
          pieces.append((UInt8(previous), UInt8(cut - 1), active.map(\.target)))
        }
      }
      previous = cut
    }
    return pieces
  }
}
