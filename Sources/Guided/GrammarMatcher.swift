public import Requests

/// Where a text is in a grammar. A value: a copy goes its own way.
///
/// Masks are found on the caller's thread, outside of any lock, and remembered for all texts of the grammar. What is
/// allowed, and whether it takes too much work to find out, depends on the text alone and never on what others have
/// generated.
public struct GrammarMatcher: Sendable {
  /// The grammar that is followed.
  public let grammar: CompiledGrammar
  private(set) var memory: MaskMemory
  private(set) var place: MaskMemory.Place
  /// Whether a token that ends the sequence was accepted.
  public private(set) var isFinished = false

  init(_ grammar: CompiledGrammar) {
    self.grammar = grammar
    memory = grammar.memory()
    place = memory.start
  }

  /// Takes the place along into the memory that is used now.
  mutating func refresh() {
    let latest = grammar.memory()
    guard latest !== memory else { return }
    place = latest.adopt(memory.image(of: place))
    memory = latest
  }

  /// The mask of what may come next, unless the text is finished; only of the tokens behind which `count` more can end the text,
  /// if that is not nil.
  mutating func findMask(endingWithin count: Int? = nil) throws(GuidedError) -> TokenMask {
    refresh()
    let mask: TokenMask?
    switch memory.mask(at: place, endingWithin: count) {
    case .known(let known): mask = known
    case .unknown(let image):
      var finder = grammar.makeFinder()
      mask = finder.mask(at: image, endingWithin: count)
      memory.remember(mask, at: place, endingWithin: count)
    }
    guard let mask else { throw .tooAmbiguous }
    return mask
  }

  /// Sets the bits of the tokens that may come next and clears all others: token `i` is bit `i % 64` of word `i / 64`.
  ///
  /// The tokens that end a sequence are among them where the text may end. After one of those no token is.
  ///
  /// - Parameter words: at least as many words as the vocabulary's ``TokenVocabulary/wordCount``; what is beyond those
  ///   is cleared.
  /// - Throws: ``GuidedError/tooAmbiguous``.
  public mutating func fillMask(into words: inout [UInt64]) throws(GuidedError) {
    try writeMask(to: &words, endingWithin: nil)
  }

  mutating func writeMask(to words: inout [UInt64], endingWithin tokenCount: Int?) throws(GuidedError) {
    let count = grammar.vocabulary.wordCount
    precondition(words.count >= count, "a mask of \(words.count) words for a vocabulary that needs \(count)")
    if words.count > count || isFinished { for index in words.indices { words[index] = 0 } }
    guard !isFinished else { return }
    words.replaceSubrange(0..<count, with: try findMask(endingWithin: tokenCount).words)
  }

  /// Whether `token` may come next.
  public func allows(_ token: TokenID) -> Bool {
    var copy = self
    return (try? copy.accept(token)) != nil
  }

  /// Goes on behind `token`.
  ///
  /// - Throws: ``GuidedError/tokenRefused(token:)`` or ``GuidedError/tooAmbiguous``; the matcher is unchanged then.
  public mutating func accept(_ token: TokenID) throws(GuidedError) {
    guard !isFinished else { throw .tokenRefused(token: token) }
    if grammar.vocabulary.endOfSequence.contains(token) {
      guard canEnd else { throw .tokenRefused(token: token) }
      isFinished = true
      return
    }
    refresh()
    guard let next = try memory.step(place, token) else { throw .tokenRefused(token: token) }
    place = next
  }

  /// Whether the text may end here.
  public var canEnd: Bool { place.canEnd }

  /// Whether the text is complete and nothing can follow, so that a token that ends the sequence is all there is left.
  public var isComplete: Bool { place.canEnd && place.isLast }

  /// The bytes that every text that matches goes on with from here, up to where there is a choice or the end, and at
  /// most `limit`. Tokens must not be made of them: a model may spell them otherwise. See ``forcedTokens(limit:)``.
  public func forcedBytes(limit: Int = 4096) -> [UInt8] {
    bytes(limit: limit) { walker, place in walker.onlyByte(at: place) }.bytes
  }

  /// One of the shortest texts with which the text would be complete, of at most `limit` bytes; nil if there is none.
  /// Empty where the text may end.
  public func shortestEnding(limit: Int = 1 << 16) -> [UInt8]? {
    let (bytes, isComplete) = bytes(limit: limit) { walker, place in walker.byteTowardsEnd(at: place) }
    return isComplete ? bytes : nil
  }

  /// Goes on with the byte that `next` names, as long as it names one and the text may not end.
  private func bytes(
    limit: Int, next: (inout GrammarWalker, Int32) -> UInt8?
  ) -> (bytes: [UInt8], isComplete: Bool) {
    var walker = grammar.makeWalker()
    var place = walker.adopt(memory.image(of: place))
    var bytes: [UInt8] = []
    while !walker.canEnd(at: place) {
      walker.resetWork()
      guard bytes.count < limit, let byte = next(&walker, place) else { return (bytes, false) }
      place = walker.step(place, byte)
      guard place != GrammarWalker.dead else { return (bytes, false) }
      bytes.append(byte)
    }
    return (bytes, true)
  }

  /// The tokens that must come next, at most `limit`: as long as the mask has exactly one bit, whatever the model's
  /// logits are and however tokens are drawn, that token is what is generated. It need not be computed to be known.
  ///
  /// A token that ends the sequence can be the last of them.
  public func forcedTokens(limit: Int = 64) -> [TokenID] {
    var copy = self
    var tokens: [TokenID] = []
    while tokens.count < limit, let token = copy.onlyToken() {
      guard (try? copy.accept(token)) != nil else { break }
      tokens.append(token)
    }
    return tokens
  }

  /// The token that must come next; nil if there is a choice, or none.
  public mutating func onlyToken() -> TokenID? {
    guard !isFinished else { return nil }
    return (try? findMask())?.only
  }
}

extension GrammarWalker {
  /// The only byte that is allowed at `place`; nil if there are others or none.
  mutating func onlyByte(at place: Int32) -> UInt8? {
    var only: UInt8?
    for index in places.range(of: place) {
      let state = Int(places[index].state)
      for edge in network.edges[Int(network.firstEdges[state])..<Int(network.firstEdges[state + 1])] {
        guard edge.low == edge.high, only == nil || only == edge.low else { return nil }
        only = edge.low
      }
    }
    return only
  }
}
