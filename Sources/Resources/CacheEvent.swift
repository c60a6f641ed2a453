public import Requests

/// Something that happened to a block of the prefix cache: for routers that want to know which server holds what.
public enum CacheEvent: Sendable, Equatable {
  /// A block can be found in the cache from now on.
  case stored(CachedBlock)
  /// A block was moved to the second tier.
  case offloaded(hash: UInt64)
  /// A block was moved back from the second tier.
  case restored(hash: UInt64)
  /// A block cannot be found any more.
  case removed(hash: UInt64)

  /// A block that can be found.
  public struct CachedBlock: Sendable, Equatable {
    /// Chained hash of the block and of all blocks before it; names the block in later events.
    public var hash: UInt64
    /// The hash of the block before it, or of the beginning of the namespace.
    public var parentHash: UInt64
    /// The tokens of the block.
    public var tokens: [TokenID]

    /// Creates a block.
    public init(hash: UInt64, parentHash: UInt64, tokens: [TokenID]) {
      self.hash = hash
      self.parentHash = parentHash
      self.tokens = tokens
    }
  }
}

/// An event with its number, counted from 0 without gaps: a reader who misses one knows it.
public struct NumberedCacheEvent: Sendable, Equatable {
  /// Its number.
  public var number: UInt64
  /// What happened.
  public var event: CacheEvent

  /// Creates a numbered event.
  public init(number: UInt64, event: CacheEvent) {
    self.number = number
    self.event = event
  }
}

/// What a cache holds and how useful it has been.
public struct CacheStatistics: Sendable, Equatable {
  /// Blocks that sequences hold.
  public var usedBlockCount = 0
  /// Blocks without contents that anybody needs.
  public var emptyBlockCount = 0
  /// Blocks that nobody holds and that are kept for sequences to come.
  public var cachedBlockCount = 0
  /// Blocks in the second tier.
  public var offloadedBlockCount = 0
  /// Tokens of sequences that began and looked for their prefix, in all.
  public var queriedTokenCount = 0
  /// Those of them that were found.
  public var foundTokenCount = 0
  /// Blocks that were given up for others, in all, those that went to the second tier included.
  public var evictedBlockCount = 0
  /// Blocks that were moved to the second tier, in all.
  public var offloadCount = 0
  /// Blocks that were moved back, in all.
  public var restoreCount = 0
  /// Blocks that were copied since two sequences could not share them, in all.
  public var copyCount = 0

  /// Creates statistics of nothing.
  public init() {}

  /// The part of the queried tokens that was found, from 0 to 1; 0 if nothing was queried.
  public var hitRate: Double {
    queriedTokenCount == 0 ? 0 : Double(foundTokenCount) / Double(queriedTokenCount)
  }
}
