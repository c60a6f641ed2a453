import Requests
import Synchronization

/// A grammar made ready for one vocabulary; shared by all requests that use it.
///
/// It remembers the places of the grammar that texts have been at and their token masks, within the limits; when there
/// are too many, all are forgotten, and whoever still needs one takes it along.
public final class CompiledGrammar: Sendable {
  /// The vocabulary whose tokens the masks are about.
  public let vocabulary: TokenVocabulary
  /// The limits it was compiled with.
  public let limits: GrammarLimits
  private let network: RuleNetwork
  /// A walker that has been nowhere yet.
  private let fresh: GrammarWalker
  private let current: Mutex<MaskMemory>

  /// Compiles a grammar.
  ///
  /// - Throws: ``GuidedError``: a grammar that is wrong, not supported, too large, or that no text matches.
  public init(
    _ grammar: Grammar, vocabulary: TokenVocabulary, limits: GrammarLimits = GrammarLimits()
  ) throws(GuidedError) {
    var builder = GrammarBuilder(limits: limits)
    let root = try builder.add(grammar)
    network = try builder.network(root: root, bytes: vocabulary.knownBytes)
    fresh = GrammarWalker(network: network, distances: network.endingDistances(), limits: limits)
    self.vocabulary = vocabulary
    self.limits = limits
    current = Mutex(MaskMemory(walker: fresh, vocabulary: vocabulary))
  }

  /// A matcher at the beginning of a text.
  public func makeMatcher() -> GrammarMatcher { GrammarMatcher(self) }

  /// The number of states of the grammar's automata.
  public var stateCount: Int { network.stateCount }

  /// A memory of its own, in which nothing is remembered yet.
  func makeMemory() -> MaskMemory { MaskMemory(walker: fresh, vocabulary: vocabulary) }

  /// The memory to be used now: a new one if the last is full.
  func memory() -> MaskMemory {
    current.withLock { current in
      if current.masks.withLock({ $0.walker.isFull }) {
        current = makeMemory()
      }
      return current
    }
  }
}

/// What is remembered of a grammar until it is too much.
final class MaskMemory: Sendable {
  let masks: Mutex<TokenMasks>

  init(walker: GrammarWalker, vocabulary: TokenVocabulary) {
    masks = Mutex(TokenMasks(walker: walker, vocabulary: vocabulary))
  }
}
