internal import Requests
internal import Scheduling

/// The books of a paged cache with a tree of prefixes: which block holds what, who holds the block, what goes first.
///
/// Three kinds of blocks add up to all: free ones; blocks of sequences, whose last tokens are still to come or which are
/// not shared; and blocks of the tree, each held by any number of sequences. The tree itself holds its blocks once in
/// the pool, so a block that only the tree holds can be given up. A sequence holds every node from the root to its last
/// whole block (with a window: from the first block in it), therefore a node that nobody holds has no descendant that
/// somebody holds, and all such nodes can be given up one after the other, leaves first.
///
/// A struct inside of ``KVCacheManager``, so that exclusive access is checked once per call and not at every field.
struct BlockCache {
  /// One running sequence. What its tokens are behind the last whole block is not known here.
  struct Sequence {
    /// The block of every `blockSize` positions. Before ``firstHeld`` the sequence holds nothing, and the entries name
    /// the block at ``firstHeld``, so that a table never names a block of somebody else's.
    var table: [Int32] = []
    /// The nodes of the blocks that are in the tree.
    var path: [Int32] = []
    /// Number of blocks that were given back, since the window has moved past them.
    var firstHeld = 0
    /// The root that the path starts from, -1 if the sequence shares nothing.
    var root: Int32 = -1
    /// Hashes of the blocks that were known when the sequence began; those from ``firstAnnounced`` on are announced.
    var hashes: [UInt64] = []
    var firstAnnounced = 0
    var retention = CacheRetention()

    /// Number of blocks that the sequence holds.
    var heldCount: Int { table.count - firstHeld }
  }

  let blockSize: Int
  let isReusing: Bool
  /// Number of positions that a token attends to, itself included; nil for all.
  let window: Int?
  let maximumBlocksPerSequence: Int

  var pool: BlockPool
  var tree: PrefixTree
  var sequences: [Sequence]
  /// Blocks of the tree that can be given up now.
  var evictable: EvictionQueue
  /// Blocks in the second tier that can be forgotten now.
  var forgettable: EvictionQueue
  /// Number of blocks that only the tree holds.
  var unheldCount = 0
  /// How many running sequences are going to compute a block, by its hash.
  var announced: [UInt64: Int32] = [:]
  /// Number of uses so far: the clock of "least recently used".
  var useCount: UInt64 = 0
  /// The time, in seconds, as last told.
  var now = 0.0
  /// Nodes whose priority ends, soonest first.
  var expiries = ExpiryQueue()
  var statistics = CacheStatistics()

  var store: (any KVBlockStore)?
  var tier: (any CacheTier)?
  var scratch: [UInt8] = []
  var onEvent: ((CacheEvent) -> Void)?

  init(_ configuration: KVCacheManager.Configuration, tier: (any CacheTier)?) {
    blockSize = configuration.blockSize
    isReusing = configuration.isReusing
    window = configuration.slidingWindow
    pool = BlockPool(blockCount: configuration.blockCount)
    // A node for every block, and some roots. Memory that is not touched costs nothing.
    let capacity = isReusing ? configuration.blockCount + (tier?.blockCount ?? 0) + 64 : 64
    tree = PrefixTree(blockSize: configuration.blockSize, capacity: capacity)
    evictable = EvictionQueue(capacity: capacity)
    forgettable = EvictionQueue(capacity: tier == nil ? 0 : capacity)
    self.tier = tier
    sequences = Array(repeating: Sequence(), count: configuration.slotCount)
    maximumBlocksPerSequence = configuration.maximumBlocksPerSequence
  }

  /// Number of blocks that nobody holds.
  var freeCount: Int { pool.freeBlockCount + unheldCount }

  /// Number of blocks that hold `tokenCount` tokens.
  func blockCount(forTokens tokenCount: Int) -> Int { (tokenCount + blockSize - 1) / blockSize }

  // Finding.

  /// Moves the sequence's cursor to the last node that can be found, and returns it with the number of blocks.
  ///
  /// With a window only the blocks in it must have contents, so that the search goes on past others and then back.
  func find(_ sequence: inout CacheSequence) -> CacheSequence.Cursor {
    guard isReusing, let namespace = sequence.namespace else { return CacheSequence.Cursor() }
    sequence.computeHashes(blockSize: blockSize)
    var cursor = sequence.cursor
    if cursor.node < 0 || !tree.isCurrent(cursor.node, generation: cursor.generation) {
      guard let root = tree.root(of: namespace) else { return CacheSequence.Cursor() }
      cursor = CacheSequence.Cursor(node: root, generation: tree.nodes[Int(root)].generation, blockCount: 0)
    }
    while cursor.blockCount < sequence.blockHashes.count {
      let start = cursor.blockCount * blockSize
      guard
        let child = tree.child(
          of: cursor.node, hash: sequence.blockHashes[cursor.blockCount],
          tokens: sequence.tokens[start..<start + blockSize])
      else { break }
      cursor.node = child
      cursor.generation = tree.nodes[Int(child)].generation
      cursor.blockCount += 1
    }
    sequence.cursor = cursor
    return cursor
  }

  /// The longest part of what leads to `cursor` that a sequence can begin with, at most `maximumReuse` tokens.
  func usable(_ cursor: CacheSequence.Cursor, maximumReuse: Int) -> CacheSequence.Cursor {
    var candidate = cursor
    while candidate.blockCount > 0, candidate.blockCount * blockSize > maximumReuse { step(&candidate) }
    guard window != nil else { return candidate }
    // Walk towards the root; start over behind every node without contents.
    var node = candidate.node
    var depth = candidate.blockCount
    while depth > firstNeeded(processed: candidate.blockCount * blockSize) {
      if !tree.nodes[Int(node)].hasContents {
        candidate.node = tree.nodes[Int(node)].parent
        candidate.blockCount = depth - 1
      }
      node = tree.nodes[Int(node)].parent
      depth -= 1
    }
    return candidate
  }

  private func step(_ cursor: inout CacheSequence.Cursor) {
    cursor.node = tree.nodes[Int(cursor.node)].parent
    cursor.blockCount -= 1
  }

  /// The first block that a sequence must hold whose next token is at position `processed`: the first one in the window,
  /// and in any case the last whole one, after which the next one is put into the tree.
  func firstNeeded(processed: Int) -> Int {
    guard let window else { return 0 }
    return min(max(0, processed - window + 1) / blockSize, max(0, processed / blockSize - 1))
  }

  /// What would be found if `sequence` began now. Mutating, though it changes nothing here: the compiler copies the books,
  /// and counts two dozen references up and down, for a method that only reads them and changes an argument.
  mutating func cachedPrefix(of sequence: inout CacheSequence, maximumReuse: Int) -> CachedPrefix {
    let cursor = usable(find(&sequence), maximumReuse: maximumReuse)
    var prefix = CachedPrefix(tokenCount: cursor.blockCount * blockSize)
    var node = cursor.node
    for _ in firstNeeded(processed: prefix.tokenCount)..<max(cursor.blockCount, 0) {
      if tree.nodes[Int(node)].holderCount > 0 {
        // Without a window every node above is held as well.
        if window == nil {
          prefix.heldBlockCount = Int(tree.nodes[Int(node)].depth) + 1
          break
        }
        prefix.heldBlockCount += 1
      }
      node = tree.nodes[Int(node)].parent
    }
    if cursor.blockCount < sequence.blockHashes.count, (cursor.blockCount + 1) * blockSize <= maximumReuse {
      let key = sequence.blockHashes[cursor.blockCount]
      prefix.nextBlockKey = key
      prefix.isNextBlockBeingComputed = announced[key] != nil
    }
    return prefix
  }

  // Getting blocks.

  /// A block that is held once; gives up another's contents if it must. Nil if every block is held.
  mutating func allocate() -> Int32? {
    if let block = pool.allocate() { return block }
    guard let node = evictable.popFirst() else { return nil }
    evict(node)
    return pool.allocate()
  }

  /// Something happened to a block.
  func report(_ event: @autoclosure () -> CacheEvent) {
    if let onEvent { onEvent(event()) }
  }
}
