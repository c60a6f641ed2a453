public import Requests
public import Scheduling

/// A paged cache with reuse: blocks are taken as a sequence grows; whole blocks are kept in a tree of prefixes when it
/// ends, found by later sequences that begin with the same tokens, shared while they run, and given up, leaves first, when
/// their room is needed: lowest retention priority first, then what was not used for the longest time.
///
/// A sequence gets the same keys and values with reuse as without, bit for bit, since the engine's do not depend on how
/// a sequence was computed. The last known token is never taken from the cache: its logits are needed.
public final class KVCacheManager: KVCacheManaging {
  /// The sizes of a cache and what it may do.
  public struct Configuration: Sendable, Equatable {
    /// Number of tokens in a block.
    public var blockSize: Int
    /// Number of blocks.
    public var blockCount: Int
    /// Most running requests.
    public var slotCount: Int
    /// Whether blocks are kept for other sequences.
    public var isReusing: Bool
    /// Number of positions that a token attends to, itself included, in every layer; nil for all. Blocks that the window
    /// has moved past are given back.
    public var slidingWindow: Int?
    /// Most tokens of one sequence in one step; needed to know how many blocks a sequence with a window holds.
    public var maximumStepTokens: Int

    /// Creates a configuration.
    public init(
      blockSize: Int, blockCount: Int, slotCount: Int, isReusing: Bool = true, slidingWindow: Int? = nil,
      maximumStepTokens: Int = 8192
    ) {
      self.blockSize = blockSize
      self.blockCount = blockCount
      self.slotCount = slotCount
      self.isReusing = isReusing
      self.slidingWindow = slidingWindow
      self.maximumStepTokens = maximumStepTokens
    }

    /// Most blocks that a sequence holds at a time: the window, the tokens of a step, the block that the next one is
    /// chained to, and two that are cut by the edges.
    var maximumBlocksPerSequence: Int {
      guard let slidingWindow else { return .max }
      return (slidingWindow + maximumStepTokens) / blockSize + 3
    }
  }

  /// Number of tokens in a block.
  public let blockSize: Int
  private(set) var cache: BlockCache
  /// Whether blocks are given back while a sequence runs. Not asked of ``cache``, whose access is checked every time.
  private let hasWindow: Bool
  private var streams: [AsyncStream<NumberedCacheEvent>.Continuation] = []
  private var eventCount: UInt64 = 0

  /// Creates an empty cache.
  ///
  /// - Parameters:
  ///   - configuration: sizes; all positive.
  ///   - store: the contents of the engine's blocks. Without it parts of blocks are not reused, sequences cannot be
  ///     forked, and there is no second tier.
  ///   - tier: where blocks go that the cache has no room for, or nil to forget them.
  public init(
    _ configuration: Configuration, store: (any KVBlockStore)? = nil, tier: (any CacheTier)? = nil
  ) {
    precondition(
      configuration.blockSize > 0 && configuration.slotCount > 0 && configuration.slidingWindow ?? 1 > 0
        && configuration.maximumStepTokens > 0,
      "a cache has blocks of at least one token and at least one slot")
    blockSize = configuration.blockSize
    hasWindow = configuration.slidingWindow != nil
    cache = BlockCache(configuration, tier: tier)
    cache.store = store
  }

  /// Creates an empty cache with reuse of `blockCount` blocks of `blockSize` tokens for `slotCount` running requests.
  public convenience init(blockSize: Int, blockCount: Int, slotCount: Int) {
    self.init(Configuration(blockSize: blockSize, blockCount: blockCount, slotCount: slotCount))
  }

  deinit { for stream in streams { stream.finish() } }

  // What is asked.

  /// `KV cache`.
  public var name: String { "KV cache" }

  /// Blocks in all and those that nobody holds.
  public var capacity: ResourceCapacity { ResourceCapacity(total: cache.pool.blockCount, free: cache.freeCount) }

  /// The cache as it is now.
  public var budget: CacheBudget {
    CacheBudget(
      blockSize: blockSize, totalBlockCount: cache.pool.blockCount, freeBlockCount: cache.freeCount,
      maximumBlocksPerSequence: cache.maximumBlocksPerSequence)
  }

  /// What the cache holds and how useful it has been.
  public var statistics: CacheStatistics {
    var statistics = cache.statistics
    statistics.emptyBlockCount = cache.pool.freeBlockCount
    statistics.cachedBlockCount = cache.unheldCount
    statistics.usedBlockCount = cache.pool.blockCount - cache.freeCount
    return statistics
  }

  /// Number of blocks that `request` holds when it runs to its limit.
  public func unitsToCompletion(of request: ResourceRequest) -> Int {
    min(cache.maximumBlocksPerSequence, cache.blockCount(forTokens: request.maximumTokenCount))
  }

  /// What would be found of `sequence` if it began now.
  public func cachedPrefix(of sequence: inout CacheSequence, maximumReuse: Int) -> CachedPrefix {
    cache.cachedPrefix(of: &sequence, maximumReuse: maximumReuse)
  }

  /// The blocks of the sequence in `slot`.
  public func blockTable(forSlot slot: Int) -> [Int32] { cache.sequences[slot].table }

  /// How many blocks the sequence has. One that it shares and writes to next counts as not held, since it will be copied.
  public func holdings(forSlot slot: Int) -> BlockHoldings { cache.holdings(slot: slot) }

  /// The same for all of `slots`, with one check of exclusive access.
  public func holdings(forSlots slots: [Int], into holdings: inout [BlockHoldings]) {
    cache.appendHoldings(slots: slots, to: &holdings)
  }

  /// Asks for the tables, and for how often their last blocks are held.
  public func prefetch(forSlots slots: [Int]) { cache.prefetch(slots: slots) }

  // The life of a sequence.

  /// Begins a sequence with what is found of it, and with a copy of part of a block if that is found.
  public func beginSequence(slot: Int, sequence: CacheSequence, maximumReuse: Int) -> Int {
    cache.begin(slot: slot, sequence, maximumReuse: maximumReuse)
  }

  /// Begins a sequence in `target`, which is free, that shares all blocks of the one in `source`: for several answers to
  /// one prompt. Whoever first writes to the block that is not full gets a copy of it.
  ///
  /// - Returns: false if there is no store, without which blocks cannot be copied.
  @discardableResult
  public func forkSequence(slot source: Int, into target: Int) -> Bool {
    guard cache.store != nil else { return false }
    cache.fork(slot: source, into: target)
    return true
  }

  /// Lengthens the request's block table until it covers the tokens of the step.
  ///
  /// - Throws: ``OutOfBlocksError`` if the pool runs dry; the table is then as it was before.
  public func prepareResources(for request: ResourceRequest) throws {
    try cache.prepare(slot: request.slot, processed: request.processedTokenCount, count: request.tokenCount)
  }

  /// Shortens the request's block table to what its processed tokens need.
  public func undoPreparation(for request: ResourceRequest) {
    cache.undo(slot: request.slot, processed: request.processedTokenCount)
  }

  /// Keeps the blocks that `tokens` fill for other sequences.
  public func extendSequence(slot: Int, by tokens: ArraySlice<TokenID>) { cache.extend(slot: slot, by: tokens) }

  /// Gives back the blocks that the window has moved past, if there is a window.
  public func updateResources(for request: ResourceRequest) {
    guard hasWindow else { return }
    cache.slide(slot: request.slot, processed: request.processedTokenCount + request.tokenCount)
  }

  /// Lets go of all blocks of the request. Whole ones stay in the cache until their room is needed.
  public func freeResources(for request: ResourceRequest) { cache.free(slot: request.slot) }

  /// Ends the priorities that hold until `seconds` or earlier.
  public func advanceTime(to seconds: Double) { cache.advanceTime(to: seconds) }

  /// Checks all books against each other.
  public func checkIntegrity() throws(CacheIntegrityError) { try cache.checkIntegrity() }

  // Events.

  /// What happens to the blocks of the cache from now on. A reader who is more than `bufferedCount` events behind loses
  /// the oldest ones; the numbers tell.
  public func events(bufferingNewest bufferedCount: Int = 65_536) -> AsyncStream<NumberedCacheEvent> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: NumberedCacheEvent.self, bufferingPolicy: .bufferingNewest(bufferedCount))
    streams.append(continuation)
    cache.onEvent = { [weak self] event in
      guard let self else { return }
      let numbered = NumberedCacheEvent(number: eventCount, event: event)
      eventCount += 1
      for stream in streams { stream.yield(numbered) }
    }
    return stream
  }

  // Saving and restoring.

  /// Writes everything that is kept for other sequences to a file, which appears at `path` only when it is whole.
  ///
  /// - Parameters:
  ///   - path: the file; what was there is replaced.
  ///   - modelHash: what the blocks were computed with: a hash of the model's weights and of how the cache stores them.
  /// - Throws: ``CacheFileError``; in particular without a store.
  public func save(to path: String, modelHash: [UInt8]) throws(CacheFileError) {
    let temporary = "\(path).part"
    let file = try BlockFile(writing: temporary)
    do throws(CacheFileError) {
      var offset = 0
      try cache.writeSnapshot(modelHash: modelHash) { (bytes) throws(CacheFileError) in
        try file.write(bytes, at: offset)
        offset += bytes.count
      }
      try file.finish(as: path)
    } catch {
      file.remove()
      throw error
    }
  }

  /// Puts what was saved into free blocks, as far as there are any, and returns the number of blocks.
  ///
  /// A file that is damaged gives the blocks before the damage and then an error; nothing wrong is ever used.
  ///
  /// - Throws: ``CacheFileError`` if there is no such file, if it was made for another model, other blocks or another
  ///   version, or if it is damaged.
  public func restore(from path: String, modelHash: [UInt8]) throws(CacheFileError) -> Int {
    let file = try BlockFile(reading: path)
    return try cache.readSnapshot(path: path, byteCount: file.byteCount, modelHash: modelHash) {
      (range, bytes) throws(CacheFileError) in
      try file.read(range, into: &bytes)
    }
  }
}

/// The cache has fewer free blocks than a request needs for its next tokens.
public struct OutOfBlocksError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Number of blocks that are missing from the request's table.
  public let needed: Int
  /// Number of free blocks.
  public let free: Int
  /// Number of blocks in all.
  public let total: Int

  /// Creates an error.
  public init(needed: Int, free: Int, total: Int) {
    self.needed = needed
    self.free = free
    self.total = total
  }

  /// One line with the three numbers.
  public var description: String { "\(needed) more cache blocks are needed, but \(free) of \(total) are free" }
}
