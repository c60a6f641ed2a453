public import Requests
public import Scheduling

/// A resource manager for the blocks of the engine's cache of keys and values.
///
/// It decides which block holds which positions of which sequence; what is in them it can only copy, through a
/// ``KVBlockStore``. Its protocol calls as a ``BaseResourceManager`` keep each running request's block table long enough
/// for the tokens of the step.
public protocol KVCacheManaging: BaseResourceManager {
  /// The cache as it is now, for the scheduler.
  var budget: CacheBudget { get }

  /// What the cache holds and how useful it has been.
  var statistics: CacheStatistics { get }

  /// What would be found of `sequence`, at most `maximumReuse` leading tokens, if it began now. Changes nothing but what
  /// `sequence` remembers; asked at every step for requests that wait, so it must be quick.
  func cachedPrefix(of sequence: inout CacheSequence, maximumReuse: Int) -> CachedPrefix

  /// Begins a sequence in `slot`, which is free, and returns the number of leading tokens whose keys and values were
  /// found in the cache, at most `maximumReuse`; 0 from a manager without reuse. Blocks for the others come with
  /// ``BaseResourceManager/prepareResources(for:)``.
  func beginSequence(slot: Int, sequence: CacheSequence, maximumReuse: Int) -> Int

  /// The next `tokens` of the sequence in `slot` were processed, and fill one or more blocks: their keys and values are in
  /// them. Called once for every block that is not one of those that the sequence began with, when it is full, and before
  /// ``BaseResourceManager/updateResources(for:)``.
  func extendSequence(slot: Int, by tokens: ArraySlice<TokenID>)

  /// Begins a sequence in `target`, which is free, with everything that the one in `source` has processed: for several
  /// answers to one prompt.
  ///
  /// - Returns: false if the manager cannot do that; nothing has changed then, and the sequence begins as others do.
  @discardableResult
  func forkSequence(slot source: Int, into target: Int) -> Bool

  /// The blocks of the sequence in `slot`: entry `i` holds positions `i * blockSize ..< (i + 1) * blockSize`. Empty if
  /// there is none. Entries of positions that no token looks at any more name any block that the sequence holds.
  func blockTable(forSlot slot: Int) -> [Int32]

  /// How many blocks the sequence in `slot` has.
  func holdings(forSlot slot: Int) -> BlockHoldings

  /// How many blocks each of the sequences in `slots` has, in their order, into `holdings`, which is empty on entry. Asked
  /// at every step for all running requests.
  func holdings(forSlots slots: [Int], into holdings: inout [BlockHoldings])

  /// ``BaseResourceManager/prepareResources(for:)`` comes soon for the sequences in `slots`: a manager may ask the processor for
  /// what that touches.
  func prefetch(forSlots slots: [Int])

  /// It is `seconds` now, counted from any moment: for what is kept for a time. Later calls have later times.
  func advanceTime(to seconds: Double)

  /// Checks that every block is free or held, by exactly those sequences that name it.
  ///
  /// - Throws: ``CacheIntegrityError`` otherwise.
  func checkIntegrity() throws(CacheIntegrityError)
}

/// How many blocks a running sequence has.
public struct BlockHoldings: Sendable, Equatable {
  /// Blocks that the sequence holds and can go on writing to without taking a free one.
  public var heldCount: Int
  /// Blocks that would become free if the sequence gave its blocks back.
  public var releasableCount: Int

  /// Creates an answer.
  public init(heldCount: Int, releasableCount: Int) {
    self.heldCount = heldCount
    self.releasableCount = releasableCount
  }

  /// No blocks.
  public static var none: BlockHoldings { BlockHoldings(heldCount: 0, releasableCount: 0) }
}

/// What a manager without reuse answers.
extension KVCacheManaging {
  /// What follows from the budget.
  public var statistics: CacheStatistics {
    var statistics = CacheStatistics()
    statistics.emptyBlockCount = budget.freeBlockCount
    statistics.usedBlockCount = budget.totalBlockCount - budget.freeBlockCount
    return statistics
  }

  /// Nothing is found.
  public func cachedPrefix(of sequence: inout CacheSequence, maximumReuse: Int) -> CachedPrefix { CachedPrefix() }

  /// Sequences are not forked.
  @discardableResult
  public func forkSequence(slot source: Int, into target: Int) -> Bool { false }

  /// Nothing is remembered.
  public func extendSequence(slot: Int, by tokens: ArraySlice<TokenID>) {}

  /// All blocks of the table, shared with nobody.
  public func holdings(forSlot slot: Int) -> BlockHoldings {
    let count = blockTable(forSlot: slot).count
    return BlockHoldings(heldCount: count, releasableCount: count)
  }

  /// Asks for one after the other.
  public func holdings(forSlots slots: [Int], into holdings: inout [BlockHoldings]) {
    for slot in slots { holdings.append(self.holdings(forSlot: slot)) }
  }

  /// Nothing is asked for.
  public func prefetch(forSlots slots: [Int]) {}

  /// Nothing is kept for a time.
  public func advanceTime(to seconds: Double) {}
}

/// A cache manager's books do not add up.
public struct CacheIntegrityError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, naming the block.
  public let description: String

  /// Creates an error.
  public init(_ description: String) { self.description = description }
}
