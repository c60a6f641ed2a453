import Requests

/// How many tokens a text needs to come to an end, so that it can be brought there before they are used up.
///
/// Counted is one way to write one of the shortest endings: the longest token that it begins with, and so on. Another way may
/// need fewer. Behind the first token of that way there is one token less to go, so that whoever can end within a number of
/// tokens still can after choosing rightly.
enum EndingStep {
  /// So many tokens lead to the end from here, ``RuleNetwork/farthest`` if none are known to.
  case known(Int32)
  /// The next token leads to this place.
  case token(Int32)

  /// Follows the shortest ending from `place` with `step`; returns how many tokens it takes from there, and from every place
  /// on the way.
  static func counts(from place: Int32, _ step: (Int32) -> EndingStep) -> (count: Int32, onTheWay: [(Int32, Int32)]) {
    var way: [Int32] = []
    var next = place
    while true {
      switch step(next) {
      case .token(let target):
        way.append(next)
        next = target
      case .known(let count):
        var count = count
        var counts: [(Int32, Int32)] = []
        for place in way.reversed() {
          count = min(count + 1, RuleNetwork.farthest)
          counts.append((place, count))
        }
        return (count, counts)
      }
    }
  }
}

extension GrammarWalker {
  /// Where the longest token leads that the shortest ending begins with; what is known in `counts` is not looked for.
  mutating func endingStep(from place: Int32, _ tokens: TokenTrie, known counts: [Int32: Int32]) -> EndingStep {
    if canEnd(at: place) { return .known(0) }
    if let count = counts[place] { return .known(count) }
    var current = place
    var node: Int?
    var longest: Int32?
    while !canEnd(at: current), isSimple(current), let byte = byteTowardsEnd(at: current),
      let child = tokens.child(of: node, byte)
    {
      resetWork()
      let target = step(current, byte)
      // Where rules cannot be nested any deeper, an end may be farther than it seems.
      guard target != Self.dead, endingDistance(of: target) < endingDistance(of: current) else { break }
      (current, node) = (target, child)
      if tokens.isToken(child) { longest = current }
    }
    return longest.map(EndingStep.token) ?? .known(RuleNetwork.farthest)
  }
}

extension GrammarWalker {
  /// Whether a place has so few ways to go on that it takes little to look at where each leads.
  private func isSimple(_ place: Int32) -> Bool {
    let items = places.range(of: place)
    var edgeCount = 0
    for index in items {
      let state = Int(places[index].state)
      edgeCount += Int(network.firstEdges[state + 1] - network.firstEdges[state])
    }
    return edgeCount * items.count <= 20_000
  }
}

extension MaskMemory {
  /// How many tokens bring a text at `place` to its end; ``RuleNetwork/farthest`` if that is not known. The lock is held for
  /// one token at a time.
  func endingTokenCount(at place: Place) -> Int32 {
    let (count, onTheWay) = EndingStep.counts(from: place.number) { endingStep(from: $0) }
    if !onTheWay.isEmpty { remember(endingTokenCounts: onTheWay) }
    return count
  }
}

extension MaskFinder {
  /// Sets the bits of the tokens at `place` behind which at most `count` more bring the text to its end.
  mutating func walk(from place: Int32, endingWithin count: Int, _ words: inout [UInt64]) {
    var counts: [Int32: Int32] = [:]
    // By place, nil where that was not asked yet.
    var isNear: [Bool?] = []
    walk(vocabulary.all, from: place, &words) { finder, target in
      if isNear.count <= Int(target) {
        isNear.append(contentsOf: repeatElement(nil, count: finder.walker.places.count - isNear.count))
      }
      if let known = isNear[Int(target)] { return known }
      let isWithin = finder.canEnd(at: target, within: count, &counts)
      isNear[Int(target)] = isWithin
      finder.walker.resetWork()
      return isWithin
    }
  }

  private mutating func canEnd(at place: Int32, within count: Int, _ counts: inout [Int32: Int32]) -> Bool {
    let distance = walker.endingDistance(of: place)
    if let answer = vocabulary.canEnd(after: distance, within: count) { return answer }
    let (tokenCount, onTheWay) = EndingStep.counts(from: place) {
      walker.endingStep(from: $0, vocabulary.all, known: counts)
    }
    for (place, count) in onTheWay { counts[place] = count }
    return tokenCount <= count
  }
}

extension TokenVocabulary {
  /// The most bytes of an ending that is looked for.
  private static let longestEnding: Int32 = 1 << 12

  /// Whether `count` tokens are enough for an ending of `distance` bytes, if the number of bytes says so already.
  func canEnd(after distance: Int32, within count: Int) -> Bool? {
    if distance == 0 { return true }
    guard count > 0, distance <= Self.longestEnding, Int(distance) <= min(count, 1 << 12) * all.longest else {
      return false
    }
    // A token for every byte is enough, if there are such tokens.
    return spellsEveryByte && Int(distance) <= count ? true : nil
  }
}

extension GrammarMatcher {
  /// Whether at most `count` more tokens can bring the text to its end, as far as that is known: false also where the shortest
  /// ending has more than 4 KiB.
  public mutating func canEnd(within count: Int) -> Bool {
    if isFinished { return true }
    if let answer = grammar.vocabulary.canEnd(after: place.distance, within: count) { return answer }
    refresh()
    return memory.endingTokenCount(at: place) <= count
  }

  /// Sets the bits of the tokens behind which at most `count` more can bring the text to its end, as ``canEnd(within:)`` has
  /// it, and clears all others. They are some of those that ``fillMask(into:)`` allows. To find them takes longer.
  ///
  /// - Throws: ``GuidedError/tooAmbiguous``.
  public mutating func fillMask(into words: inout [UInt64], endingWithin count: Int) throws(GuidedError) {
    try writeMask(to: &words, endingWithin: count)
  }
}
