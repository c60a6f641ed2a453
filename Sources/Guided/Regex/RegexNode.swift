/// A regular expression as it is written.
indirect enum RegexNode {
  case empty
  case scalars(ScalarSet)
  case sequence([RegexNode])
  case choice([RegexNode])
  case repetition(RegexNode, minimum: Int, maximum: Int?)
  /// The beginning of the text; with the place where it stands.
  case textStart(offset: Int)
  /// The end of the text.
  case textEnd(offset: Int)
}

/// What a regular expression's characters become.
enum RegexTarget {
  /// Themselves, in UTF-8.
  case text
  /// What they are in a JSON string; see ``JSONText``.
  case jsonString
}

extension GrammarBuilder {
  /// Adds a regular expression.
  ///
  /// - Parameter isSearch: whether the expression may match anywhere in the text, as in JSON schemas, instead of from
  ///   beginning to end.
  mutating func add(_ node: RegexNode, as target: RegexTarget, isSearch: Bool) throws(GuidedError) -> ExpressionID {
    try add(node, target, opensWithAny: isSearch, closesWithAny: isSearch, atStart: true, atEnd: true)
  }

  /// - Parameters:
  ///   - opensWithAny: whether any text may come before, unless the node says that it is at the start.
  ///   - atStart: whether nothing but that can come before.
  private mutating func add(
    _ node: RegexNode, _ target: RegexTarget, opensWithAny: Bool, closesWithAny: Bool, atStart: Bool, atEnd: Bool
  ) throws(GuidedError) -> ExpressionID {
    switch node {
    case .choice(let branches):
      var parts: [ExpressionID] = []
      for branch in branches {
        parts.append(
          try add(
            branch, target, opensWithAny: opensWithAny, closesWithAny: closesWithAny, atStart: atStart, atEnd: atEnd))
      }
      return try choice(parts)
    case .sequence(let nodes):
      var nodes = nodes[...]
      var opens = opensWithAny
      var closes = closesWithAny
      if atStart {
        while case .textStart? = nodes.first {
          nodes = nodes.dropFirst()
          opens = false
        }
      }
      if atEnd {
        while case .textEnd? = nodes.last {
          nodes = nodes.dropLast()
          closes = false
        }
      }
      var parts: [ExpressionID] = []
      for (index, node) in nodes.enumerated() {
        let isFirst = index == 0
        let isLast = index == nodes.count - 1
        parts.append(
          try add(
            node, target, opensWithAny: opens && isFirst, closesWithAny: closes && isLast, atStart: atStart && isFirst,
            atEnd: atEnd && isLast))
      }
      if parts.isEmpty, opens || closes { return try anyText(target) }
      return try sequence(parts)
    case .textStart(let offset):
      guard atStart else {
        throw .invalidRegex(offset: offset, problem: "'^' is supported at the beginning of the text only")
      }
      return closesWithAny ? try anyText(target) : try add(.empty)
    case .textEnd(let offset):
      guard atEnd else {
        throw .invalidRegex(offset: offset, problem: "'$' is supported at the end of the text only")
      }
      return opensWithAny ? try anyText(target) : try add(.empty)
    case .empty:
      return opensWithAny || closesWithAny ? try anyText(target) : try add(.empty)
    case .scalars(let set):
      return try surrounded(try scalar(of: set, target), target, opensWithAny, closesWithAny)
    case .repetition(let part, let minimum, let maximum):
      let inner = try add(
        part, target, opensWithAny: false, closesWithAny: false, atStart: false, atEnd: false)
      let repeated = try repetition(inner, minimum: minimum, maximum: maximum)
      return try surrounded(repeated, target, opensWithAny, closesWithAny)
    }
  }

  private mutating func surrounded(
    _ part: ExpressionID, _ target: RegexTarget, _ opens: Bool, _ closes: Bool
  ) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    if opens { parts.append(try anyText(target)) }
    parts.append(part)
    if closes { parts.append(try anyText(target)) }
    return try sequence(parts)
  }

  private mutating func anyText(_ target: RegexTarget) throws(GuidedError) -> ExpressionID {
    try add(.repetition(try scalar(of: .all, target), minimum: 0, maximum: nil))
  }

  /// One scalar of `set`, as it is or as it stands in a JSON string.
  mutating func scalar(of set: ScalarSet, _ target: RegexTarget) throws(GuidedError) -> ExpressionID {
    switch target {
    case .text: return try scalar(of: set)
    case .jsonString:
      var parts: [ExpressionID] = []
      let plain = set.intersection(.unescapedInJSON)
      if !plain.isEmpty { parts.append(try scalar(of: plain)) }
      let escaped = set.subtracting(.unescapedInJSON)
      for range in escaped.ranges {
        for value in range { for spelling in JSONText.escapes(of: value) { parts.append(try literal(spelling)) } }
      }
      return try choice(parts)
    }
  }
}

extension ScalarSet {
  /// The scalars that stand for themselves in a JSON string.
  static let unescapedInJSON = ScalarSet([0x20...0x21, 0x23...0x5B, 0x5D...0x7E, 0x80...0x10FFFF])
}
