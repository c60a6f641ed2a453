extension GrammarBuilder {
  /// Adds free text with tags: the automaton of Aho and Corasick ("Efficient string matching", 1975) for the triggers,
  /// from whose ends only tags go on.
  mutating func add(_ tags: StructuralTags) throws(GuidedError) -> ExpressionID {
    let triggers = tags.triggers.map { Array($0.utf8) }
    guard !triggers.isEmpty, !tags.tags.isEmpty else {
      throw .invalidRequest(problem: "structural tags need at least one tag and one trigger")
    }
    guard !triggers.contains([]) else { throw .invalidRequest(problem: "a trigger of structural tags is empty") }
    var size = 0
    for trigger in triggers { size += trigger.count }
    guard size <= 4096 else { throw .tooLarge(what: "its triggers have too many bytes", limit: 4096) }
    var search = TriggerAutomaton(triggers)
    search.connect()
    var continuations: [[Continuation]] = Array(repeating: [], count: triggers.count)
    for tag in tags.tags {
      let begin = Array(tag.begin.utf8)
      try budget.spend(size + begin.count + tag.end.utf8.count)
      // The shortest is the one that is found first when the text is generated.
      let candidates = triggers.indices.filter { begin.starts(with: triggers[$0]) }
      guard let trigger = candidates.min(by: { triggers[$0].count < triggers[$1].count }) else {
        throw .invalidRequest(problem: "the structural tag \"\(tag.begin)\" begins with none of the triggers")
      }
      if let other = search.firstTrigger(in: begin), other.end < triggers[trigger].count {
        throw .invalidRequest(
          problem:
            "the structural tag \"\(tag.begin)\" can never begin: before its own trigger has ended, there is the "
            + "trigger \"\(tags.triggers[other.trigger])\"")
      }
      let ending = search.state(after: Array(tag.end.utf8))
      if let other = search.found[ending] {
        throw .invalidRequest(
          problem: "the structural tag \"\(tag.begin)\" ends with the trigger \"\(tags.triggers[other])\", with which "
            + "only a tag can begin")
      }
      let content = try add(tag.content)
      let named = try add(.rule(try addRule(named: "content of \(tag.begin)", body: content)))
      let body = try sequence([
        try add(.literal(Array(begin[triggers[trigger].count...]))), named, try literal(tag.end),
      ])
      continuations[trigger].append(Continuation(body: body, ending: ending))
    }
    return try add(.graph(try graph(tags, search, continuations)))
  }

  /// What follows a trigger.
  private struct Continuation {
    /// The rest of the tag.
    var body: ExpressionID
    /// How much of a trigger the text ends with behind it: the end of a tag can be the beginning of a trigger.
    var ending: Int
  }

  /// Free text before the first tag, and after it, which differ in whether the text may end.
  private mutating func graph(
    _ tags: StructuralTags, _ search: TriggerAutomaton, _ continuations: [[Continuation]]
  ) throws(GuidedError) -> ExpressionGraph {
    let count = search.targets.count
    var graph = ExpressionGraph()
    let hasSecondPart = tags.requiresTag || tags.endsAfterFirstTag
    graph.stateCount = hasSecondPart ? 2 * count : count
    let after = hasSecondPart ? count : 0
    for part in hasSecondPart && !tags.endsAfterFirstTag ? [0, count] : [0] {
      for state in 0..<count {
        if let trigger = search.found[state] {
          for continuation in continuations[trigger] {
            let target = tags.endsAfterFirstTag ? after : after + continuation.ending
            graph.edges.append((part + state, continuation.body, target))
          }
          continue
        }
        if part > 0 || !tags.requiresTag { graph.accepting.append(part + state) }
        for (ranges, target) in search.edges(of: state) {
          graph.edges.append((part + state, try add(.bytes(ranges)), part + target))
        }
      }
    }
    if tags.endsAfterFirstTag { graph.accepting.append(after) }
    return graph
  }
}

/// Finds the first trigger that occurs in a text.
private struct TriggerAutomaton {
  /// For every state where each byte leads; -1 before ``connect()`` where no trigger goes on.
  private(set) var targets: [[Int]] = [Array(repeating: -1, count: 256)]
  /// The trigger that ends in a state, the longest there is.
  private(set) var found: [Int?] = [nil]

  init(_ triggers: [[UInt8]]) {
    for (index, trigger) in triggers.enumerated() {
      var state = 0
      for byte in trigger {
        if targets[state][Int(byte)] < 0 {
          targets[state][Int(byte)] = targets.count
          targets.append(Array(repeating: -1, count: 256))
          found.append(nil)
        }
        state = targets[state][Int(byte)]
      }
      if found[state] == nil { found[state] = index }
    }
  }

  /// Leads every byte somewhere: to the longest beginning of a trigger that the text ends with.
  mutating func connect() {
    var fallback = [Int](repeating: 0, count: targets.count)
    var order = [0]
    var next = 0
    while next < order.count {
      let state = order[next]
      next += 1
      for byte in 0..<256 {
        let other = state == 0 ? 0 : targets[fallback[state]][byte]
        let target = targets[state][byte]
        if target < 0 {
          targets[state][byte] = other
        } else {
          fallback[target] = other
          if found[target] == nil { found[target] = found[other] }
          order.append(target)
        }
      }
    }
  }

  /// The state that `bytes` lead to from the beginning.
  func state(after bytes: [UInt8]) -> Int { bytes.reduce(0) { targets[$0][Int($1)] } }

  /// The trigger that ends first in `bytes`, and where it ends.
  func firstTrigger(in bytes: [UInt8]) -> (trigger: Int, end: Int)? {
    var state = 0
    for (index, byte) in bytes.enumerated() {
      state = targets[state][Int(byte)]
      if let trigger = found[state] { return (trigger, index + 1) }
    }
    return nil
  }

  /// The edges of a state, bytes with one target together.
  func edges(of state: Int) -> [(ranges: [ClosedRange<UInt8>], target: Int)] {
    var ranges: [Int: [ClosedRange<UInt8>]] = [:]
    for byte in UInt8.min...UInt8.max {
      let target = targets[state][Int(byte)]
      var list = ranges[target] ?? []
      if let last = list.last, Int(last.upperBound) + 1 == Int(byte) {
        list[list.count - 1] = last.lowerBound...byte
      } else {
        list.append(byte...byte)
      }
      ranges[target] = list
    }
    return ranges.sorted { $0.key < $1.key }.map { ($0.value, $0.key) }
  }
}
