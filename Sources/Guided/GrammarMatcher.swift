public import Requests
import Synchronization

/// Where a text is in a grammar. A value: a copy goes its own way.
public struct GrammarMatcher: Sendable {
  /// The grammar that is followed.
  public let grammar: CompiledGrammar
  private var memory: MaskMemory
  private var place: Int32
  /// Whether a token that ends the sequence was accepted.
  public private(set) var isFinished = false

  init(_ grammar: CompiledGrammar) {
    self.grammar = grammar
    memory = grammar.memory()
    place = memory.masks.withLock { $0.walker.start }
  }

  /// Takes the place along into the memory that is used now.
  private mutating func refresh() {
    let latest = grammar.memory()
    if latest !== memory { move(to: latest) }
  }

  private mutating func move(to other: MaskMemory) {
    let walker = memory.masks.withLock { $0.walker }
    place = other.masks.withLock { [place] in
      $0.walker.resetWork()
      return $0.walker.adopt(place, from: walker)
    }
    memory = other
  }

  /// Looks something up. If too much is remembered for that, it is done again in a memory that nobody else uses, so that
  /// the result never depends on what others have generated.
  private mutating func look<Result>(_ body: (inout TokenMasks, Int32) -> Result) -> Result {
    refresh()
    let result: Result? = memory.masks.withLock { [place] masks in
      let result = body(&masks, place)
      return masks.walker.isExhausted ? nil : result
    }
    if let result { return result }
    move(to: grammar.makeMemory())
    return memory.masks.withLock { [place] masks in body(&masks, place) }
  }

  /// Sets the bits of the tokens that may come next and clears all others: token `i` is bit `i % 64` of word `i / 64`.
  ///
  /// The tokens that end a sequence are among them where the text may end. After one of those no token is.
  ///
  /// - Parameter words: at least as many words as the vocabulary's ``TokenVocabulary/wordCount``; what is beyond those
  ///   is cleared.
  public mutating func fillMask(into words: inout [UInt64]) {
    let count = grammar.vocabulary.wordCount
    precondition(words.count >= count, "a mask of \(words.count) words for a vocabulary that needs \(count)")
    if words.count > count || isFinished { for index in words.indices { words[index] = 0 } }
    guard !isFinished else { return }
    look { masks, place in masks.fill(&words, at: place) }
  }

  /// Whether `token` may come next.
  public func allows(_ token: TokenID) -> Bool {
    guard !isFinished else { return false }
    if grammar.vocabulary.endOfSequence.contains(token) { return canEnd }
    var copy = self
    return copy.look { masks, place in masks.step(place, token) } != GrammarWalker.dead
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
    let (target, hasOverflowed) = look { masks, place in
      (masks.step(place, token), masks.walker.hasOverflowed || masks.walker.isExhausted || masks.walker.isOverworked)
    }
    guard target != GrammarWalker.dead else { throw hasOverflowed ? .tooAmbiguous : .tokenRefused(token: token) }
    place = target
  }

  /// Whether the text may end here.
  public var canEnd: Bool { memory.masks.withLock { $0.walker.canEnd(at: place) } }

  /// Whether the text is complete and nothing can follow, so that a token that ends the sequence is all there is left.
  public var isComplete: Bool {
    memory.masks.withLock { $0.walker.canEnd(at: place) && $0.walker.places.range(of: place).isEmpty }
  }

  /// The bytes that every text that matches goes on with from here, up to where there is a choice or the end, and at
  /// most `limit`. Tokens must not be made of them: a model may spell them otherwise. See ``forcedTokens(limit:)``.
  public func forcedBytes(limit: Int = 4096) -> [UInt8] {
    memory.masks.withLock { [place] masks in
      var bytes: [UInt8] = []
      var place = place
      masks.walker.resetWork()
      while bytes.count < limit, !masks.walker.canEnd(at: place), let byte = masks.walker.onlyByte(at: place) {
        place = masks.walker.step(place, byte)
        guard place != GrammarWalker.dead else { break }
        bytes.append(byte)
      }
      return bytes
    }
  }

  /// One of the shortest texts with which the text would be complete, of at most `limit` bytes; nil if there is none.
  /// Empty where the text may end.
  public func shortestEnding(limit: Int = 1 << 16) -> [UInt8]? {
    memory.masks.withLock { [place] masks in
      var bytes: [UInt8] = []
      var place = place
      while !masks.walker.canEnd(at: place) {
        masks.walker.resetWork()
        guard bytes.count < limit, let byte = masks.walker.byteTowardsEnd(at: place) else { return nil }
        place = masks.walker.step(place, byte)
        bytes.append(byte)
      }
      return bytes
    }
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
    return look { masks, place in masks.onlyAllowed(at: place) }
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
