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
  /// How much work it was to compile, as ``GrammarLimits/work`` counts it.
  package let work: Int
  private let network: RuleNetwork
  /// A walker that has been nowhere yet.
  private let fresh: GrammarWalker
  private let plainBytes: PlainBytes
  private let all: GrammarMemory
  private let current: Mutex<MaskMemory>

  /// Compiles a grammar.
  ///
  /// - Parameter memory: where the grammar's bytes are counted.
  /// - Throws: ``GuidedError``: a grammar that is wrong, not supported, too large, or that no text matches.
  public init(
    _ grammar: Grammar, vocabulary: TokenVocabulary, limits: GrammarLimits = GrammarLimits(),
    memory: GrammarMemory = GrammarMemory()
  ) throws(GuidedError) {
    var builder = GrammarBuilder(limits: limits)
    let root = try builder.add(grammar)
    let network = try builder.network(root: root, bytes: vocabulary.knownBytes)
    guard memory.byteCount <= memory.limit - network.byteCount else {
      throw .tooLarge(what: "all grammars in use together take too many bytes", limit: memory.limit)
    }
    fresh = GrammarWalker(network: network, distances: network.endingDistances(), limits: limits)
    if fresh.isLost { throw .tooAmbiguous }
    plainBytes = PlainBytes(classes: network.byteClasses, known: vocabulary.knownBytes)
    self.network = network
    work = builder.budget.spent
    self.vocabulary = vocabulary
    self.limits = limits
    all = memory
    current = Mutex(MaskMemory(walker: fresh, vocabulary: vocabulary, all: memory))
    memory.add(network.byteCount)
  }

  deinit { all.add(-network.byteCount) }

  /// A matcher at the beginning of a text.
  public func makeMatcher() -> GrammarMatcher { GrammarMatcher(self) }

  /// The number of states of the grammar's automata.
  public var stateCount: Int { network.stateCount }

  /// A walker of its own, which has been nowhere yet.
  func makeWalker() -> GrammarWalker { fresh }

  /// A finder of masks with such a walker.
  func makeFinder() -> MaskFinder { MaskFinder(walker: fresh, vocabulary: vocabulary, plainBytes: plainBytes) }

  /// The memory to be used now: a new one if the last is full.
  func memory() -> MaskMemory {
    current.withLock { current in
      if current.isFull { current = MaskMemory(walker: fresh, vocabulary: vocabulary, all: all) }
      return current
    }
  }
}
