/// A regular expression as it is written.
indirect enum RegexNode {
  case empty
  case scalars(DialectSet)
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

/// How a regular expression is read.
private struct RegexReading {
  var target: RegexTarget
  /// The texts are those that it matches in so many dialects.
  var dialects: Dialects
}

/// What may stand around a part of a regular expression.
private struct RegexPlace {
  /// Whether any text may come before, unless the part says that it is at the start; and after.
  var opensWithAny: Bool
  var closesWithAny: Bool
  /// Whether nothing but that can come before; and after.
  var isAtStart: Bool
  var isAtEnd: Bool

  /// Between other parts.
  static let inside = RegexPlace(opensWithAny: false, closesWithAny: false, isAtStart: false, isAtEnd: false)
}

extension GrammarBuilder {
  /// Adds a regular expression.
  ///
  /// - Parameters:
  ///   - isSearch: whether the expression may match anywhere in the text, as in JSON schemas, instead of from beginning to
  ///     end.
  ///   - dialects: in how many dialects the texts match.
  mutating func add(
    _ node: RegexNode, as target: RegexTarget, isSearch: Bool, in dialects: Dialects = .both
  ) throws(GuidedError) -> ExpressionID {
    try add(
      node, RegexReading(target: target, dialects: dialects),
      at: RegexPlace(opensWithAny: isSearch, closesWithAny: isSearch, isAtStart: true, isAtEnd: true))
  }

  private mutating func add(
    _ node: RegexNode, _ reading: RegexReading, at place: RegexPlace
  ) throws(GuidedError) -> ExpressionID {
    switch node {
    case .choice(let branches):
      var parts: [ExpressionID] = []
      for branch in branches { parts.append(try add(branch, reading, at: place)) }
      return try choice(parts)
    case .sequence(let nodes): return try addSequence(nodes[...], reading, at: place)
    case .textStart(let offset):
      guard place.isAtStart else {
        throw .invalidRegex(offset: offset, problem: "'^' is supported at the beginning of the text only")
      }
      return place.closesWithAny ? try anyText(reading) : try add(.empty)
    case .textEnd(let offset):
      guard place.isAtEnd else {
        throw .invalidRegex(offset: offset, problem: "'$' is supported at the end of the text only")
      }
      return place.opensWithAny ? try anyText(reading) : try textEnd(reading)
    case .empty:
      return place.opensWithAny || place.closesWithAny ? try anyText(reading) : try add(.empty)
    case .scalars(let set):
      return try surrounded(try scalar(of: set[reading.dialects], reading.target), reading, at: place)
    case .repetition(let part, let minimum, let maximum):
      let repeated = try repetition(try add(part, reading, at: .inside), minimum: minimum, maximum: maximum)
      return try surrounded(repeated, reading, at: place)
    }
  }

  private mutating func addSequence(
    _ nodes: ArraySlice<RegexNode>, _ reading: RegexReading, at place: RegexPlace
  ) throws(GuidedError) -> ExpressionID {
    var nodes = nodes
    var place = place
    if place.isAtStart {
      while case .textStart? = nodes.first {
        nodes = nodes.dropFirst()
        place.opensWithAny = false
      }
    }
    var hasEnd = false
    if place.isAtEnd {
      while case .textEnd? = nodes.last {
        nodes = nodes.dropLast()
        place.closesWithAny = false
        hasEnd = true
      }
    }
    if nodes.isEmpty, place.opensWithAny || place.closesWithAny { return try anyText(reading) }
    var parts: [ExpressionID] = []
    for index in nodes.indices {
      let isFirst = index == nodes.startIndex
      let isLast = index == nodes.endIndex - 1
      parts.append(
        try add(
          nodes[index], reading,
          at: RegexPlace(
            opensWithAny: place.opensWithAny && isFirst, closesWithAny: place.closesWithAny && isLast,
            isAtStart: place.isAtStart && isFirst, isAtEnd: place.isAtEnd && isLast)))
    }
    if hasEnd, reading.dialects == .either { parts.append(try textEnd(reading)) }
    return try sequence(parts)
  }

  private mutating func surrounded(
    _ part: ExpressionID, _ reading: RegexReading, at place: RegexPlace
  ) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    if place.opensWithAny { parts.append(try anyText(reading)) }
    parts.append(part)
    if place.closesWithAny { parts.append(try anyText(reading)) }
    return try sequence(parts)
  }

  private mutating func anyText(_ reading: RegexReading) throws(GuidedError) -> ExpressionID {
    try add(.repetition(try scalar(of: .all, reading.target), minimum: 0, maximum: nil))
  }

  /// What '$' matches: nothing, and in Python one last line feed.
  private mutating func textEnd(_ reading: RegexReading) throws(GuidedError) -> ExpressionID {
    guard reading.dialects == .either else { return try add(.empty) }
    return try add(.repetition(try scalar(of: ScalarSet(0x0A), reading.target), minimum: 0, maximum: 1))
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
