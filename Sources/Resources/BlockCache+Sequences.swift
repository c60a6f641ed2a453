internal import Requests
internal import Tensors

/// The life of a sequence in the cache.
extension BlockCache {
  /// Begins a sequence with what is found of it, at most `maximumReuse` tokens; returns how many tokens that is.
  mutating func begin(slot: Int, _ sequence: CacheSequence, maximumReuse: Int) -> Int {
    precondition(sequences[slot].table.isEmpty, "slot \(slot) still holds \(sequences[slot].heldCount) blocks")
    guard isReusing, let namespace = sequence.namespace else {
      sequences[slot].root = -1
      return 0
    }
    var sequence = sequence
    var cursor = usable(find(&sequence), maximumReuse: maximumReuse)
    useCount += 1
    let root = tree.makeRoot(of: namespace)
    tree.nodes[Int(root)].holderCount += 1
    sequences[slot].root = root
    sequences[slot].retention = sequence.retention
    sequences[slot].hashes = sequence.blockHashes
    if cursor.blockCount > 0 { cursor.blockCount = take(slot, upTo: cursor) }
    var tokenCount = cursor.blockCount * blockSize
    // Less than a block: a whole one that was not taken is one that is not there, or for which there is no room.
    let known = sequence.tokens[tokenCount..<max(tokenCount, min(maximumReuse, tokenCount + blockSize - 1))]
    let copied = takePart(
      slot, known, after: cursor.blockCount == 0 ? root : sequences[slot].path[cursor.blockCount - 1])
    tokenCount += copied
    for hash in sequence.blockHashes[cursor.blockCount...] { announced[hash, default: 0] += 1 }
    sequences[slot].firstAnnounced = cursor.blockCount
    statistics.queriedTokenCount += sequence.tokens.count
    statistics.foundTokenCount += tokenCount
    return tokenCount
  }

  /// Makes the sequence hold the blocks that lead to `cursor`, brings them back from the second tier where they are
  /// there, and returns the number of blocks: fewer than asked for if there was no room or if one could not be read.
  private mutating func take(_ slot: Int, upTo cursor: CacheSequence.Cursor) -> Int {
    var path = [Int32](repeating: -1, count: cursor.blockCount)
    var node = cursor.node
    for depth in (0..<cursor.blockCount).reversed() {
      path[depth] = node
      node = tree.nodes[Int(node)].parent
    }
    var firstHeld = firstNeeded(processed: cursor.blockCount * blockSize)
    // Held before anything is given up for others: what is found must not make room for what is found.
    for node in path[firstHeld...] { hold(node) }
    var count = firstHeld
    while count < path.count, tree.nodes[Int(path[count])].block >= 0 || restore(path[count]) { count += 1 }
    for node in path[count...].reversed() { letGo(node) }
    if count < path.count, !tree.nodes[Int(path[count])].hasContents { forget(path[count]) }
    if count < path.count, window != nil {
      // The blocks before the missing one do not make a beginning whose window is whole.
      for node in path[firstHeld..<count].reversed() { letGo(node) }
      (count, firstHeld) = (0, 0)
    }
    guard count > 0 else { return 0 }
    path.removeLast(path.count - count)
    for node in path[firstHeld...] {
      pool.retain(tree.nodes[Int(node)].block)
      retain(node, as: sequences[slot].retention)
    }
    let placeholder = tree.nodes[Int(path[firstHeld])].block
    sequences[slot].table.removeAll(keepingCapacity: true)
    for depth in path.indices {
      sequences[slot].table.append(depth < firstHeld ? placeholder : tree.nodes[Int(path[depth])].block)
    }
    sequences[slot].path = path
    sequences[slot].firstHeld = firstHeld
    return count
  }

  /// Copies the longest beginning of `tokens` that a child of `parent` has, into a block of the sequence's own, and
  /// returns its length.
  private mutating func takePart(_ slot: Int, _ tokens: ArraySlice<TokenID>, after parent: Int32) -> Int {
    guard let store, !tokens.isEmpty else { return 0 }
    var (best, length): (Int32, Int) = (-1, 0)
    var child = tree.nodes[Int(parent)].firstChild
    // The most recent children only: a system prompt may have thousands.
    for _ in 0..<64 where child >= 0 {
      if tree.nodes[Int(child)].block >= 0 {
        let common = tree.commonPrefix(of: child, tokens)
        if common > length { (best, length) = (child, common) }
      }
      child = tree.nodes[Int(child)].nextSibling
    }
    guard best >= 0 else { return 0 }
    // Held while the copy is made, so that its own block is not given up for it.
    hold(best)
    defer { letGo(best) }
    guard let block = allocate() else { return 0 }
    store.copyBlock(from: tree.nodes[Int(best)].block, to: block, tokenCount: length)
    statistics.copyCount += 1
    sequences[slot].table.append(block)
    return length
  }

  /// Asks the processor for what ``prepare(slot:processed:count:)`` touches. In two rounds, so that the second does not wait for
  /// each table of the first. Mutating, though it changes nothing: the books would be copied.
  mutating func prefetch(slots: [Int]) {
    for slot in slots { Prefetch.element(max(0, sequences[slot].table.count - 1), of: sequences[slot].table) }
    for slot in slots {
      if let block = sequences[slot].table.last { pool.prefetch(block) }
    }
  }

  /// Whether the block at which a sequence goes on is also another sequence's, so that writing needs a copy of it.
  func sharesNextBlock(slot: Int, processed: Int) -> Bool {
    let place = processed / blockSize
    guard processed % blockSize != 0, place < sequences[slot].table.count else { return false }
    return pool.holdCount(of: sequences[slot].table[place]) > 1
  }

  /// Makes the table cover `processed + count` tokens, and the block that is written first the sequence's own.
  mutating func prepare(slot: Int, processed: Int, count: Int) throws(OutOfBlocksError) {
    // Most steps of most sequences write to their last block, which is theirs already.
    let last = sequences[slot].table.count - 1
    if last >= 0, processed >= last * blockSize, processed + count <= (last + 1) * blockSize,
      pool.holdCount(of: sequences[slot].table[last]) == 1
    {
      return
    }
    let missing = max(0, blockCount(forTokens: processed + count) - sequences[slot].table.count)
    let isCopying = sharesNextBlock(slot: slot, processed: processed)
    let needed = missing + (isCopying ? 1 : 0)
    guard needed > 0 else { return }
    guard needed <= freeCount else {
      throw OutOfBlocksError(needed: needed, free: freeCount, total: pool.blockCount)
    }
    if isCopying { try copyNextBlock(slot: slot, processed: processed) }
    for _ in 0..<missing {
      guard let block = allocate() else { preconditionFailure("\(freeCount) blocks are said to be free, but none is") }
      sequences[slot].table.append(block)
    }
  }

  private mutating func copyNextBlock(slot: Int, processed: Int) throws(OutOfBlocksError) {
    guard let store else { preconditionFailure("a sequence is forked only if its blocks can be copied") }
    let place = processed / blockSize
    let old = sequences[slot].table[place]
    guard let block = allocate() else { throw OutOfBlocksError(needed: 1, free: freeCount, total: pool.blockCount) }
    store.copyBlock(from: old, to: block, tokenCount: processed % blockSize)
    statistics.copyCount += 1
    pool.release(old)
    sequences[slot].table[place] = block
    if place == sequences[slot].firstHeld { pointFrontEntries(slot) }
  }

  /// Shortens the table to what `processed` tokens need.
  mutating func undo(slot: Int, processed: Int) {
    let kept = blockCount(forTokens: processed)
    while sequences[slot].table.count > kept, let block = sequences[slot].table.popLast() { pool.release(block) }
  }

  /// `tokens`, which fill the sequence's next blocks, were processed: puts these blocks into the tree.
  mutating func extend(slot: Int, by tokens: ArraySlice<TokenID>) {
    precondition(tokens.count % blockSize == 0, "\(tokens.count) tokens do not fill blocks of \(blockSize)")
    guard sequences[slot].root >= 0 else { return }
    for start in stride(from: tokens.startIndex, to: tokens.endIndex, by: blockSize) {
      commit(slot, tokens[start..<start + blockSize])
    }
  }

  /// Puts the sequence's next block, whose tokens are `tokens`, into the tree, or takes the tree's if it has the same
  /// already: the contents are the same bits.
  private mutating func commit(_ slot: Int, _ tokens: ArraySlice<TokenID>) {
    let place = sequences[slot].path.count
    let parent = place == 0 ? sequences[slot].root : sequences[slot].path[place - 1]
    let hash: UInt64
    if place < sequences[slot].hashes.count {
      hash = sequences[slot].hashes[place]
      retract(slot, from: place)
    } else {
      hash = PrefixHash.block(tokens, after: tree.nodes[Int(parent)].hash)
    }
    let own = sequences[slot].table[place]
    var node = tree.child(of: parent, hash: hash, tokens: tokens) ?? -1
    if node < 0 { node = tree.insert(after: parent, hash: hash, tokens: tokens) }
    if tree.nodes[Int(node)].block >= 0 {
      hold(node)
      let shared = tree.nodes[Int(node)].block
      pool.retain(shared)
      pool.release(own)
      sequences[slot].table[place] = shared
      if place == sequences[slot].firstHeld { pointFrontEntries(slot) }
    } else {
      let wasOffloaded = forgetOffloaded(node)
      setBlock(own, of: node)
      pool.retain(own)
      tree.nodes[Int(node)].holderCount += 1
      report(
        wasOffloaded
          ? .restored(hash: hash)
          : .stored(
            CacheEvent.CachedBlock(
              hash: hash, parentHash: tree.nodes[Int(parent)].hash, tokens: Array(tokens))))
    }
    tree.nodes[Int(node)].lastUse = useCount
    retain(node, as: sequences[slot].retention)
    sequences[slot].path.append(node)
  }

  /// Gives back the blocks that no token from position `processed` on looks at.
  mutating func slide(slot: Int, processed: Int) {
    let firstNeeded = firstNeeded(processed: processed)
    guard firstNeeded > sequences[slot].firstHeld else { return }
    for place in sequences[slot].firstHeld..<min(firstNeeded, sequences[slot].table.count) {
      giveBack(slot, place)
      sequences[slot].firstHeld += 1
    }
    pointFrontEntries(slot)
  }

  /// Makes the entries of blocks that were given back name one that the sequence holds.
  private mutating func pointFrontEntries(_ slot: Int) {
    let first = sequences[slot].firstHeld
    guard first > 0, first < sequences[slot].table.count else { return }
    let block = sequences[slot].table[first]
    for place in 0..<first { sequences[slot].table[place] = block }
  }

  private mutating func giveBack(_ slot: Int, _ place: Int) {
    pool.release(sequences[slot].table[place])
    if place < sequences[slot].path.count { letGo(sequences[slot].path[place]) }
  }

  /// Gives everything back that the sequence in `slot` holds; what is in the tree stays there until its room is needed.
  mutating func free(slot: Int) {
    useCount += 1
    for node in sequences[slot].path.dropFirst(sequences[slot].firstHeld) { tree.nodes[Int(node)].lastUse = useCount }
    for place in (sequences[slot].firstHeld..<max(sequences[slot].firstHeld, sequences[slot].table.count)).reversed() {
      giveBack(slot, place)
    }
    retract(slot, from: sequences[slot].firstAnnounced, all: true)
    let root = sequences[slot].root
    sequences[slot].table.removeAll(keepingCapacity: true)
    sequences[slot].path.removeAll(keepingCapacity: true)
    sequences[slot].hashes.removeAll()
    sequences[slot].firstHeld = 0
    sequences[slot].firstAnnounced = 0
    sequences[slot].root = -1
    if root >= 0 {
      tree.nodes[Int(root)].holderCount -= 1
      tree.removeIfUnneeded(root)
    }
  }

  /// Begins a sequence in `target` that shares everything with the one in `source`.
  mutating func fork(slot source: Int, into target: Int) {
    precondition(sequences[target].table.isEmpty && source != target, "slot \(target) is not free")
    sequences[target] = sequences[source]
    // Announced by the source, who computes them.
    sequences[target].hashes = []
    sequences[target].firstAnnounced = 0
    let sequence = sequences[target]
    for place in sequence.firstHeld..<max(sequence.firstHeld, sequence.table.count) {
      pool.retain(sequence.table[place])
      if place < sequence.path.count { tree.nodes[Int(sequence.path[place])].holderCount += 1 }
    }
    if sequence.root >= 0 { tree.nodes[Int(sequence.root)].holderCount += 1 }
  }

  /// Takes back the announcement of block `place`, or of all from it on.
  private mutating func retract(_ slot: Int, from place: Int, all: Bool = false) {
    let end = all ? sequences[slot].hashes.count : place + 1
    for place in max(place, sequences[slot].firstAnnounced)..<max(place, sequences[slot].firstAnnounced, end) {
      let hash = sequences[slot].hashes[place]
      guard let count = announced[hash] else { continue }
      announced[hash] = count > 1 ? count - 1 : nil
    }
    sequences[slot].firstAnnounced = max(sequences[slot].firstAnnounced, end)
  }
}
