import Requests

/// How a text comes to its end from some place.
struct Ending: Sendable, Equatable {
  /// How many tokens that takes, ``RuleNetwork/farthest`` if no end is known.
  var tokenCount: Int32
  /// How much work it is to find out: for each byte, the ways to go on times the states that they may lead from. It depends on
  /// the place alone, and not on what is known already.
  var work: Int

  /// Of a place from which it takes more work than ``mostWork`` to find out.
  static let tooFar = Ending(tokenCount: RuleNetwork.farthest, work: mostWork + 1)

  /// The most work that is done to find an ending. A text of 4 KiB takes some hundred thousand.
  static let mostWork = 1_000_000
}

/// How many tokens a text needs to come to an end, so that it can be brought there before they are used up.
///
/// Counted is one way to write one of the shortest endings: the longest token that it begins with, and so on. Another way may
/// need fewer. Behind the first token of that way there is one token less to go, so that whoever can end within a number of
/// tokens still can after choosing rightly.
enum EndingStep {
  /// How the text ends from here is known.
  case known(Ending)
  /// The next token leads to this place.
  case token(Int32, work: Int)

  /// Follows the shortest ending from `place` with `step`; returns how the text ends from there, and from every place on the
  /// way of which that is known then.
  static func ending(
    from place: Int32, _ step: (Int32) -> EndingStep
  ) -> (ending: Ending, onTheWay: [(Int32, Ending)]) {
    var way: [(place: Int32, work: Int)] = []
    var work = 0
    var next = place
    while true {
      switch step(next) {
      case .token(let target, let workOfToken):
        way.append((next, workOfToken))
        work += workOfToken
        next = target
      case .known(var ending):
        work += ending.work
        guard work <= Ending.mostWork else { break }
        var endings: [(Int32, Ending)] = []
        for (place, workOfToken) in way.reversed() {
          ending.tokenCount = min(ending.tokenCount + 1, RuleNetwork.farthest)
          ending.work += workOfToken
          endings.append((place, ending))
        }
        return (ending, endings)
      }
      if work > Ending.mostWork { return (.tooFar, [(place, .tooFar)]) }
    }
  }
}

extension GrammarWalker {
  /// Where the longest token leads that the shortest ending begins with; what is known in `endings` is not looked for.
  mutating func endingStep(from place: Int32, _ tokens: TokenTrie, known endings: [Int32: Ending]) -> EndingStep {
    if canEnd(at: place) { return .known(Ending(tokenCount: 0, work: 0)) }
    if let ending = endings[place] { return .known(ending) }
    var current = place
    var node: Int?
    var longest: Int32?
    var work = 0
    while !canEnd(at: current) {
      let ways = wayCount(at: current)
      guard ways <= Self.mostWays else { break }
      work += ways
      guard let byte = byteTowardsEnd(at: current), let child = tokens.child(of: node, byte) else { break }
      resetWork()
      let target = step(current, byte)
      // Where rules cannot be nested any deeper, an end may be farther than it seems.
      guard target != Self.dead, endingDistance(of: target) < endingDistance(of: current) else { break }
      (current, node) = (target, child)
      if tokens.isToken(child) { longest = current }
    }
    guard let longest else { return .known(Ending(tokenCount: RuleNetwork.farthest, work: work)) }
    return .token(longest, work: work)
  }
}

extension GrammarWalker {
  /// Places with so few ways to go on are simple: it takes little to look at where each leads.
  private static let mostWays = 20_000

  /// The ways to go on at a place, times the states that they may lead from.
  private func wayCount(at place: Int32) -> Int {
    let items = places.range(of: place)
    var edgeCount = 0
    for index in items {
      let state = Int(places[index].state)
      edgeCount += Int(network.firstEdges[state + 1] - network.firstEdges[state])
    }
    return edgeCount * items.count
  }
}

extension MaskMemory {
  /// How many tokens bring a text at `place` to its end; ``RuleNetwork/farthest`` if that is not known. The lock is held for
  /// one token at a time.
  func endingTokenCount(at place: Place) -> Int32 {
    let (ending, onTheWay) = EndingStep.ending(from: place.number) { endingStep(from: $0) }
    if !onTheWay.isEmpty { remember(endings: onTheWay) }
    return ending.tokenCount
  }
}

extension MaskFinder {
  /// Sets the bits of the tokens at `place` behind which at most `count` more bring the text to its end, as far as it takes no
  /// more work than a mask may to find that out.
  mutating func walk(from place: Int32, endingWithin count: Int, _ words: inout [UInt64]) {
    var endings: [Int32: Ending] = [:]
    // By place, nil where that was not asked yet.
    var isNear: [Bool?] = []
    let most = walker.allWork + walker.limits.maskWork
    walk(vocabulary.all, from: place, &words) { finder, target in
      if isNear.count <= Int(target) {
        isNear.append(contentsOf: repeatElement(nil, count: finder.walker.places.count - isNear.count))
      }
      if let known = isNear[Int(target)] { return known }
      let work = finder.walker.work
      let isWithin = finder.canEnd(at: target, within: count, &endings, lookingFor: finder.walker.allWork < most)
      isNear[Int(target)] = isWithin
      finder.walker.resetWork(to: work)
      return isWithin
    }
    // Where the walk itself was too much, what was found until then is a mask too.
    walker.resetWork()
  }

  private mutating func canEnd(
    at place: Int32, within count: Int, _ endings: inout [Int32: Ending], lookingFor mayLook: Bool
  ) -> Bool {
    let distance = walker.endingDistance(of: place)
    if let answer = vocabulary.canEnd(after: distance, within: count) { return answer }
    guard mayLook else { return false }
    let (ending, onTheWay) = EndingStep.ending(from: place) {
      walker.endingStep(from: $0, vocabulary.all, known: endings)
    }
    for (place, ending) in onTheWay { endings[place] = ending }
    return ending.tokenCount <= count
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
  /// ending has more than 4 KiB, or takes too much work to find.
  public mutating func canEnd(within count: Int) -> Bool {
    if isFinished { return true }
    if let answer = grammar.vocabulary.canEnd(after: place.distance, within: count) { return answer }
    refresh()
    return memory.endingTokenCount(at: place) <= count
  }

  /// Sets the bits of the tokens behind which at most `count` more can bring the text to its end, as ``canEnd(within:)`` has
  /// it, and clears all others. They are some of those that ``fillMask(into:)`` allows. To find them takes longer: if more than
  /// ``GrammarLimits/maskWork``, tokens may be missing.
  ///
  /// - Throws: ``GuidedError/tooAmbiguous``.
  public mutating func fillMask(into words: inout [UInt64], endingWithin count: Int) throws(GuidedError) {
    try writeMask(to: &words, endingWithin: count)
  }
}
