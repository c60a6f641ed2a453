public import Requests
public import Scheduling

/// A paged cache without reuse: blocks are taken as a sequence grows and given back when it ends.
public final class KVCacheManager: KVCacheManaging {
  /// Number of tokens in a block.
  public let blockSize: Int

  private var pool: BlockPool
  /// Per slot the blocks of its sequence. Tables keep their storage, so that a warm manager allocates nothing.
  private var blockTables: [[Int32]]

  /// Creates a manager of `blockCount` blocks of `blockSize` tokens for at most `slotCount` running requests.
  public init(blockSize: Int, blockCount: Int, slotCount: Int) {
    precondition(blockSize > 0 && slotCount > 0, "a cache has blocks of at least one token and at least one slot")
    self.blockSize = blockSize
    pool = BlockPool(blockCount: blockCount)
    blockTables = Array(repeating: [], count: slotCount)
  }

  /// `KV cache`.
  public var name: String { "KV cache" }

  /// Blocks in all and free.
  public var capacity: ResourceCapacity { ResourceCapacity(total: pool.blockCount, free: pool.freeBlockCount) }

  /// The cache as it is now.
  public var budget: CacheBudget {
    CacheBudget(blockSize: blockSize, totalBlockCount: pool.blockCount, freeBlockCount: pool.freeBlockCount)
  }

  /// Number of blocks that `request` holds when it runs to its limit.
  public func unitsToCompletion(of request: ResourceRequest) -> Int {
    budget.blockCount(forTokens: request.maximumTokenCount)
  }

  /// Begins an empty sequence; nothing is ever reused.
  public func beginSequence(slot: Int, tokens: [TokenID], maximumReuse: Int) -> Int {
    precondition(blockTables[slot].isEmpty, "slot \(slot) still holds \(blockTables[slot].count) blocks")
    return 0
  }

  /// The blocks of the sequence in `slot`.
  public func blockTable(forSlot slot: Int) -> [Int32] { blockTables[slot] }

  /// Lengthens the request's block table until it covers the tokens of the step.
  ///
  /// - Throws: ``OutOfBlocksError`` if the pool runs dry; the table is then as it was before.
  public func prepareResources(for request: ResourceRequest) throws {
    let needed = budget.blockCount(forTokens: request.processedTokenCount + request.tokenCount)
    let missing = needed - blockTables[request.slot].count
    guard missing > 0 else { return }
    guard missing <= pool.freeBlockCount else {
      throw OutOfBlocksError(needed: missing, free: pool.freeBlockCount, total: pool.blockCount)
    }
    for _ in 0..<missing {
      if let block = pool.allocate() { blockTables[request.slot].append(block) }
    }
  }

  /// Shortens the request's block table to what its processed tokens need.
  public func undoPreparation(for request: ResourceRequest) {
    let kept = budget.blockCount(forTokens: request.processedTokenCount)
    while blockTables[request.slot].count > kept, let block = blockTables[request.slot].popLast() {
      pool.release(block)
    }
  }

  /// Does nothing: without reuse there is nothing to remember about processed tokens.
  public func updateResources(for request: ResourceRequest) {}

  /// Gives all blocks of the request back.
  public func freeResources(for request: ResourceRequest) {
    for block in blockTables[request.slot].reversed() { pool.release(block) }
    blockTables[request.slot].removeAll(keepingCapacity: true)
  }

  /// Checks that every block is free or held by exactly those sequences that name it.
  public func checkIntegrity() throws(CacheIntegrityError) {
    var holds = [Int32](repeating: 0, count: pool.blockCount)
    for table in blockTables {
      for block in table { holds[Int(block)] += 1 }
    }
    try pool.checkIntegrity(expectedHolds: holds)
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
