/// Counting, and checking that everything adds up.
extension BlockCache {
  /// How many blocks the sequence in `slot` holds and can go on writing to, and how many only it holds.
  func holdings(slot: Int) -> BlockHoldings {
    let (first, end) = (sequences[slot].firstHeld, sequences[slot].table.count)
    guard first < end else { return .none }
    let isLastShared =
      end > sequences[slot].path.count && pool.holdCount(of: sequences[slot].table[end - 1]) > 1
    let releasableCount: Int
    if window != nil {
      releasableCount = (first..<end).count { isOwn(slot, $0) }
    } else if isOwn(slot, first) {
      releasableCount = end - first
    } else {
      // Whoever shares a block shares all before it.
      var (low, high) = (first + 1, end)
      while low < high {
        let middle = (low + high) / 2
        if isOwn(slot, middle) { high = middle } else { low = middle + 1 }
      }
      releasableCount = end - low
    }
    return BlockHoldings(heldCount: end - first - (isLastShared ? 1 : 0), releasableCount: releasableCount)
  }

  /// The same for all of `slots`, appended to `holdings`. Mutating, as ``cachedPrefix(of:maximumReuse:)`` is.
  mutating func appendHoldings(slots: [Int], to holdings: inout [BlockHoldings]) {
    for slot in slots { holdings.append(self.holdings(slot: slot)) }
  }

  /// Whether nobody else holds block `place` of the sequence in `slot`; the tree holds what is in it once.
  private func isOwn(_ slot: Int, _ place: Int) -> Bool {
    pool.holdCount(of: sequences[slot].table[place]) == (place < sequences[slot].path.count ? 2 : 1)
  }

  /// Checks that holders, blocks, queues and announcements agree.
  func checkIntegrity() throws(CacheIntegrityError) {
    try tree.checkIntegrity()
    var holds = [Int32](repeating: 0, count: pool.blockCount)
    var holders = [Int32](repeating: 0, count: tree.nodes.count)
    var announcements: [UInt64: Int32] = [:]
    for (slot, sequence) in sequences.enumerated() {
      for place in sequence.firstHeld..<max(sequence.firstHeld, sequence.table.count) {
        holds[Int(sequence.table[place])] += 1
        guard place < sequence.path.count else { continue }
        let node = sequence.path[place]
        holders[Int(node)] += 1
        guard tree.nodes[Int(node)].block == sequence.table[place], tree.nodes[Int(node)].depth == Int32(place) else {
          throw CacheIntegrityError("slot \(slot) has block \(sequence.table[place]) where node \(node) has another")
        }
      }
      for place in 0..<min(sequence.firstHeld, sequence.table.count)
      where sequence.table[place] != sequence.table[sequence.firstHeld] {
        throw CacheIntegrityError("slot \(slot) names block \(sequence.table[place]), which it gave back")
      }
      if sequence.root >= 0 { holders[Int(sequence.root)] += 1 }
      for place in min(sequence.firstAnnounced, sequence.hashes.count)..<sequence.hashes.count {
        announcements[sequence.hashes[place], default: 0] += 1
      }
    }
    guard announcements == announced else { throw CacheIntegrityError("blocks are announced that nobody computes") }
    let treeBlocks = Set(tree.nodes.lazy.map(\.block).filter { $0 >= 0 })
    for (slot, sequence) in sequences.enumerated() {
      for block in sequence.table.dropFirst(max(sequence.firstHeld, sequence.path.count))
      where treeBlocks.contains(block) {
        throw CacheIntegrityError("slot \(slot) writes to block \(block), which others may find")
      }
    }
    var (unheld, offloaded) = (0, 0)
    for number in tree.nodes.indices {
      let (node, name) = (tree.nodes[number], Int32(number))
      guard node.holderCount == holders[number] else {
        throw CacheIntegrityError("node \(number) counts \(node.holderCount) holders of \(holders[number])")
      }
      if node.block >= 0 {
        holds[Int(node.block)] += 1
        if node.holderCount == 0 { unheld += 1 }
        if node.tierPlace >= 0 { throw CacheIntegrityError("node \(number) is in both tiers") }
        if window == nil, node.parent >= 0, tree.nodes[Int(node.parent)].parent >= 0,
          tree.nodes[Int(node.parent)].block < 0
        {
          throw CacheIntegrityError("node \(number) has a block, but its parent has none")
        }
      }
      if node.tierPlace >= 0 { offloaded += 1 }
      guard evictable.contains(name) == isEvictable(name) else {
        throw CacheIntegrityError("node \(number) is queued wrongly to be evicted")
      }
      let isForgettable = node.tierPlace >= 0 && node.holderCount == 0 && (window != nil || node.childCount == 0)
      guard forgettable.contains(name) == isForgettable else {
        throw CacheIntegrityError("node \(number) is queued wrongly to be forgotten")
      }
    }
    guard unheld == unheldCount, offloaded == statistics.offloadedBlockCount else {
      throw CacheIntegrityError("\(unheld) cached and \(offloaded) offloaded blocks were counted wrong")
    }
    try pool.checkIntegrity(expectedHolds: holds)
  }
}
