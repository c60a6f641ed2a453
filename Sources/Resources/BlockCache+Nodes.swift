internal import Requests

/// Nodes of the tree: who holds them, what they are worth, where their contents are.
extension BlockCache {
  /// One more sequence holds `node`. The pool's count of its block is the caller's business.
  mutating func hold(_ node: Int32) {
    if tree.nodes[Int(node)].holderCount == 0 {
      evictable.remove(node)
      forgettable.remove(node)
      if tree.nodes[Int(node)].block >= 0 { unheldCount -= 1 }
    }
    tree.nodes[Int(node)].holderCount += 1
  }

  /// One sequence less holds `node`.
  mutating func letGo(_ node: Int32) {
    tree.nodes[Int(node)].holderCount -= 1
    guard tree.nodes[Int(node)].holderCount == 0 else { return }
    if tree.nodes[Int(node)].block >= 0 { unheldCount += 1 }
    if tree.nodes[Int(node)].retentionSeconds > 0 { startExpiry(node) }
    enqueue(node)
  }

  /// The place of `node` in a queue.
  private func queueKey(_ node: Int32) -> UInt64 {
    let node = tree.nodes[Int(node)]
    return EvictionQueue.key(priority: node.priority, lastUse: node.lastUse, depth: node.depth)
  }

  /// Whether the contents of `node` can be given up now. With a window also those of inner nodes can, since nobody who
  /// needs the descendants needs them.
  func isEvictable(_ node: Int32) -> Bool {
    let node = tree.nodes[Int(node)]
    return node.block >= 0 && node.holderCount == 0 && (window != nil || node.residentChildCount == 0)
  }

  private func isForgettable(_ node: Int32) -> Bool {
    let node = tree.nodes[Int(node)]
    return node.tierPlace >= 0 && node.holderCount == 0 && (window != nil || node.childCount == 0)
  }

  /// Puts `node` into the queue that it belongs to, if it can be given up and is in no queue.
  mutating func enqueue(_ node: Int32) {
    guard node >= 0, tree.nodes[Int(node)].parent >= 0 else { return }
    if isEvictable(node), !evictable.contains(node) { evictable.insert(node, key: queueKey(node)) }
    if isForgettable(node), !forgettable.contains(node) { forgettable.insert(node, key: queueKey(node)) }
  }

  /// Gives `node`, which has none, a block, held once by the tree.
  mutating func setBlock(_ block: Int32, of node: Int32) {
    let parent = tree.nodes[Int(node)].parent
    tree.nodes[Int(node)].block = block
    tree.nodes[Int(parent)].residentChildCount += 1
    if window == nil {
      evictable.remove(parent)
      forgettable.remove(parent)
    }
  }

  /// Gives the block of `node`, which is in no queue, back to the pool, and moves its contents to the second tier if
  /// there is one with room.
  mutating func evict(_ node: Int32) {
    let old = tree.nodes[Int(node)]
    // As if it were held: the room in the second tier may be made by forgetting its children.
    tree.nodes[Int(node)].holderCount = 1
    tree.nodes[Int(node)].tierPlace = offload(old.block)
    tree.nodes[Int(node)].holderCount = 0
    tree.nodes[Int(node)].block = -1
    tree.nodes[Int(old.parent)].residentChildCount -= 1
    unheldCount -= 1
    pool.release(old.block)
    statistics.evictedBlockCount += 1
    if tree.nodes[Int(node)].tierPlace >= 0 {
      statistics.offloadCount += 1
      statistics.offloadedBlockCount += 1
      report(.offloaded(hash: old.hash))
      enqueue(node)
    } else {
      report(.removed(hash: old.hash))
      // Without its contents nothing behind it can be found, but with a window.
      if window == nil { forgetDescendants(of: node) }
      tree.removeIfUnneeded(node)
    }
    if tree.nodes[Int(old.parent)].parent >= 0 { enqueue(old.parent) }
  }

  /// Copies a block to the second tier, forgetting others there if it is full; -1 if there is none or no room in it.
  private mutating func offload(_ block: Int32) -> Int32 {
    guard let tier, let store, tier.blockCount > 0 else { return -1 }
    while statistics.offloadedBlockCount >= tier.blockCount {
      guard let victim = forgettable.popFirst() else { return -1 }
      forget(victim)
    }
    store.readBlock(block, into: &scratch)
    return tier.store(scratch) ?? -1
  }

  /// Removes `node`'s contents from the second tier; returns whether there were any.
  mutating func forgetOffloaded(_ node: Int32) -> Bool {
    let place = tree.nodes[Int(node)].tierPlace
    guard place >= 0 else { return false }
    forgettable.remove(node)
    tier?.remove(place)
    tree.nodes[Int(node)].tierPlace = -1
    statistics.offloadedBlockCount -= 1
    return true
  }

  /// Removes `node`, which has no block and which nobody holds, from the second tier and from the tree.
  mutating func forget(_ node: Int32) {
    let (parent, hash) = (tree.nodes[Int(node)].parent, tree.nodes[Int(node)].hash)
    if forgetOffloaded(node) { report(.removed(hash: hash)) }
    if window == nil { forgetDescendants(of: node) }
    let generation = tree.nodes[Int(parent)].generation
    tree.removeIfUnneeded(node)
    if tree.isCurrent(parent, generation: generation) { enqueue(parent) }
  }

  /// Forgets everything behind `node`, none of which is held or has a block.
  private mutating func forgetDescendants(of node: Int32) {
    // Depth first without recursion: a sequence may be long.
    var current = node
    while true {
      if tree.nodes[Int(current)].firstChild >= 0 {
        current = tree.nodes[Int(current)].firstChild
      } else if current == node {
        return
      } else {
        let parent = tree.nodes[Int(current)].parent
        let hash = tree.nodes[Int(current)].hash
        // The parent must outlive its last child here, for the loop to go on from.
        tree.nodes[Int(parent)].holderCount += 1
        if forgetOffloaded(current) { report(.removed(hash: hash)) }
        tree.removeIfUnneeded(current)
        tree.nodes[Int(parent)].holderCount -= 1
        current = parent
      }
    }
  }

  /// Brings the contents of `node`, which is held, back from the second tier; false if that is not possible.
  mutating func restore(_ node: Int32) -> Bool {
    let place = tree.nodes[Int(node)].tierPlace
    guard place >= 0, let tier, let store, let block = allocate() else { return false }
    guard tier.load(place, into: &scratch), scratch.count == store.bytesPerBlock else {
      pool.release(block)
      let hash = tree.nodes[Int(node)].hash
      if forgetOffloaded(node) { report(.removed(hash: hash)) }
      return false
    }
    store.writeBlock(block, from: scratch)
    _ = forgetOffloaded(node)
    setBlock(block, of: node)
    statistics.restoreCount += 1
    report(.restored(hash: tree.nodes[Int(node)].hash))
    return true
  }

  // Retention.

  /// Sets how long `node` is kept, as the sequence that uses it says; a sequence that says nothing changes nothing.
  mutating func retain(_ node: Int32, as retention: CacheRetention) {
    let start = Int(tree.nodes[Int(node)].depth) * blockSize
    if let range = retention.range(touching: start..<start + blockSize) {
      tree.nodes[Int(node)].priority = UInt8(min(100, max(0, range.priority)))
      tree.nodes[Int(node)].retentionSeconds = range.seconds ?? 0
      tree.nodes[Int(node)].expiry = .infinity
    }
  }

  /// The time for which the priority of `node` holds begins now.
  private mutating func startExpiry(_ node: Int32) {
    tree.nodes[Int(node)].expiry = now + tree.nodes[Int(node)].retentionSeconds
    guard !tree.nodes[Int(node)].isExpiryQueued else { return }
    tree.nodes[Int(node)].isExpiryQueued = true
    queueExpiry(node)
    // Nodes that are gone stay queued until their time; not too many of them.
    if expiries.count > 2 * tree.count + 64 {
      expiries.removeAll { [tree] in !tree.isCurrent($0.node, generation: $0.generation) }
    }
  }

  private mutating func queueExpiry(_ node: Int32) {
    expiries.insert(
      ExpiryQueue.Entry(
        time: tree.nodes[Int(node)].expiry, node: node, generation: tree.nodes[Int(node)].generation))
  }

  /// It is `seconds` now: ends the priorities that have expired.
  mutating func advanceTime(to seconds: Double) {
    guard seconds > now else { return }
    now = seconds
    while let entry = expiries.popFirst(until: seconds) {
      let node = entry.node
      guard tree.isCurrent(node, generation: entry.generation) else { continue }
      if tree.nodes[Int(node)].expiry > seconds, tree.nodes[Int(node)].expiry < .infinity {
        // Used again since.
        queueExpiry(node)
        continue
      }
      tree.nodes[Int(node)].isExpiryQueued = false
      guard tree.nodes[Int(node)].expiry <= seconds else { continue }
      guard tree.nodes[Int(node)].holderCount == 0 else {
        // In use: its time begins when the last of its holders lets go.
        tree.nodes[Int(node)].expiry = .infinity
        continue
      }
      tree.nodes[Int(node)].priority = UInt8(CacheRetention.defaultPriority)
      tree.nodes[Int(node)].retentionSeconds = 0
      tree.nodes[Int(node)].expiry = .infinity
      evictable.remove(node)
      forgettable.remove(node)
      enqueue(node)
    }
  }
}
