internal import Requests

/// The tree of the blocks that sequences have in common: a node is a whole block of tokens after its parent's, a root is
/// the beginning of all sequences of a namespace.
///
/// Children are found by a chained hash in one table and then compared token by token, so that a collision costs time
/// and never gives wrong tokens. Nodes are numbers into arrays which are reused: a warm tree allocates nothing.
struct PrefixTree: Sendable {
  struct Node: Sendable {
    /// The parent, -1 for a root.
    var parent: Int32 = -1
    /// The child that was added last, -1 if there is none; the others follow by ``nextSibling``.
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
    var previousSibling: Int32 = -1
    /// Number of children.
    var childCount: Int32 = 0
    /// Number of children that have a block.
    var residentChildCount: Int32 = 0
    /// Number of sequences that hold the node.
    var holderCount: Int32 = 0
    /// The block with the keys and values, -1 if there is none.
    var block: Int32 = -1
    /// Where they are in the second tier, -1 if they are not.
    var tierPlace: Int32 = -1
    /// Number of blocks before this one; -1 for a root.
    var depth: Int32 = -1
    /// How important it is to keep the block, 0 to 100.
    var priority = UInt8(CacheRetention.defaultPriority)
    /// Changes whenever the number is given to another node.
    var generation: UInt32 = 0
    /// Chained hash of all tokens up to here.
    var hash: UInt64 = 0
    /// The count of uses at the node's last use.
    var lastUse: UInt64 = 0
    /// Seconds for which ``priority`` holds after a use, 0 for ever.
    var retentionSeconds: Double = 0
    /// When ``priority`` ends, infinite for never.
    var expiry: Double = .infinity
    /// Whether the node is in the queue of those whose priority ends.
    var isExpiryQueued = false

    /// Whether the keys and values are anywhere.
    var hasContents: Bool { block >= 0 || tierPlace >= 0 }
  }

  /// Number of tokens of a node.
  let blockSize: Int
  /// All nodes, free ones included.
  var nodes: [Node] = []
  /// The roots by namespace.
  private(set) var roots: [CacheNamespace: Int32] = [:]
  /// The namespaces of the roots.
  private(set) var namespaces: [Int32: CacheNamespace] = [:]
  private var tokens: [TokenID] = []
  private var freeNodes: [Int32] = []
  private var table: NodeTable

  /// Creates an empty tree with room for `capacity` nodes; it grows beyond when it has to.
  init(blockSize: Int, capacity: Int) {
    self.blockSize = blockSize
    nodes.reserveCapacity(capacity)
    tokens.reserveCapacity(capacity * blockSize)
    freeNodes.reserveCapacity(capacity)
    table = NodeTable(capacity: capacity)
  }

  /// Number of nodes in use, roots included.
  var count: Int { nodes.count - freeNodes.count }

  /// The tokens of `node`, which is no root.
  func tokens(of node: Int32) -> ArraySlice<TokenID> { tokens[Int(node) * blockSize..<(Int(node) + 1) * blockSize] }

  /// Whether `node` still is what it was when its generation was `generation`.
  func isCurrent(_ node: Int32, generation: UInt32) -> Bool {
    nodes.indices.contains(Int(node)) && nodes[Int(node)].generation == generation
  }

  /// The root of `namespace`, if any sequence of it is known.
  func root(of namespace: CacheNamespace) -> Int32? { roots[namespace] }

  /// The root of `namespace`, which is made if there is none.
  mutating func makeRoot(of namespace: CacheNamespace) -> Int32 {
    if let root = roots[namespace] { return root }
    let root = makeNode()
    nodes[Int(root)].hash = PrefixHash.root(of: namespace)
    roots[namespace] = root
    namespaces[root] = namespace
    return root
  }

  /// The child of `parent` with the tokens `block`, whose chained hash is `hash`.
  func child(of parent: Int32, hash: UInt64, tokens block: ArraySlice<TokenID>) -> Int32? {
    var slot = table.firstSlot(of: hash)
    while true {
      let node = table.slots[slot]
      if node < 0 { return nil }
      if nodes[Int(node)].hash == hash, nodes[Int(node)].parent == parent, matches(node, block) { return node }
      slot = table.slot(after: slot)
    }
  }

  private func matches(_ node: Int32, _ block: ArraySlice<TokenID>) -> Bool {
    commonPrefix(of: node, block) == blockSize
  }

  /// Number of leading tokens that `node` and `block` have in common.
  func commonPrefix(of node: Int32, _ block: ArraySlice<TokenID>) -> Int {
    let base = Int(node) * blockSize
    let length = min(blockSize, block.count)
    for offset in 0..<length where tokens[base + offset] != block[block.startIndex + offset] { return offset }
    return length
  }

  /// Adds a child of `parent` with the tokens `block`, a whole block, whose chained hash is `hash`; there is none yet.
  mutating func insert(after parent: Int32, hash: UInt64, tokens block: ArraySlice<TokenID>) -> Int32 {
    precondition(block.count == blockSize, "a node has \(blockSize) tokens, not \(block.count)")
    let node = makeNode()
    let base = Int(node) * blockSize
    for (offset, token) in block.enumerated() { tokens[base + offset] = token }
    let sibling = nodes[Int(parent)].firstChild
    nodes[Int(node)].parent = parent
    nodes[Int(node)].hash = hash
    nodes[Int(node)].depth = nodes[Int(parent)].depth + 1
    nodes[Int(node)].nextSibling = sibling
    if sibling >= 0 { nodes[Int(sibling)].previousSibling = node }
    nodes[Int(parent)].firstChild = node
    nodes[Int(parent)].childCount += 1
    table.insert(node, nodes: nodes)
    return node
  }

  /// Removes `node` if nothing needs it: no contents, no children, no holders. Then its parent, likewise, and so on.
  mutating func removeIfUnneeded(_ start: Int32) {
    var node = start
    while node >= 0 {
      let old = nodes[Int(node)]
      guard old.childCount == 0, old.holderCount == 0, !old.hasContents else { return }
      if old.parent >= 0 {
        table.remove(node, nodes: nodes)
        if old.nextSibling >= 0 { nodes[Int(old.nextSibling)].previousSibling = old.previousSibling }
        if old.previousSibling >= 0 {
          nodes[Int(old.previousSibling)].nextSibling = old.nextSibling
        } else {
          nodes[Int(old.parent)].firstChild = old.nextSibling
        }
        nodes[Int(old.parent)].childCount -= 1
      } else if let namespace = namespaces.removeValue(forKey: node) {
        roots[namespace] = nil
      }
      nodes[Int(node)] = Node()
      nodes[Int(node)].generation = old.generation &+ 1
      freeNodes.append(node)
      node = old.parent
    }
  }

  private mutating func makeNode() -> Int32 {
    if let node = freeNodes.popLast() { return node }
    nodes.append(Node())
    tokens.append(contentsOf: repeatElement(0, count: blockSize))
    return Int32(nodes.count - 1)
  }

  /// Checks that links, counts and the table agree with each other.
  func checkIntegrity() throws(CacheIntegrityError) {
    let free = Set(freeNodes)
    for number in nodes.indices where !free.contains(Int32(number)) {
      let node = nodes[number]
      var (childCount, residentCount): (Int32, Int32) = (0, 0)
      var child = node.firstChild
      while child >= 0 {
        guard nodes[Int(child)].parent == Int32(number), childCount < node.childCount else {
          throw CacheIntegrityError("the children of node \(number) are not linked to it")
        }
        childCount += 1
        if nodes[Int(child)].block >= 0 { residentCount += 1 }
        child = nodes[Int(child)].nextSibling
      }
      guard childCount == node.childCount, residentCount == node.residentChildCount else {
        throw CacheIntegrityError("node \(number) counts its children wrong")
      }
      if node.parent >= 0 {
        let own = tokens(of: Int32(number))
        guard node.hash == PrefixHash.block(own, after: nodes[Int(node.parent)].hash),
          self.child(of: node.parent, hash: node.hash, tokens: own) == Int32(number)
        else { throw CacheIntegrityError("node \(number) is not found by its tokens") }
        guard node.hasContents || node.childCount > 0 else {
          throw CacheIntegrityError("node \(number) is of no use")
        }
      } else if namespaces[Int32(number)].flatMap({ roots[$0] }) != Int32(number) {
        throw CacheIntegrityError("node \(number) has neither a parent nor a namespace")
      }
    }
    guard table.count == count - roots.count else { throw CacheIntegrityError("the table counts its nodes wrong") }
  }
}

/// Nodes by their hashes: open addressing with linear probing, at most half full.
private struct NodeTable: Sendable {
  private(set) var slots: [Int32]
  private(set) var count = 0

  init(capacity: Int) {
    var slotCount = 64
    while slotCount < 2 * capacity { slotCount *= 2 }
    slots = Array(repeating: -1, count: slotCount)
  }

  func firstSlot(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (slots.count - 1) }
  func slot(after slot: Int) -> Int { (slot + 1) & (slots.count - 1) }

  mutating func insert(_ node: Int32, nodes: [PrefixTree.Node]) {
    if 2 * (count + 1) > slots.count {
      let old = slots
      slots = Array(repeating: -1, count: 2 * old.count)
      for node in old where node >= 0 { place(node, nodes: nodes) }
    }
    place(node, nodes: nodes)
    count += 1
  }

  private mutating func place(_ node: Int32, nodes: [PrefixTree.Node]) {
    var slot = firstSlot(of: nodes[Int(node)].hash)
    while slots[slot] >= 0 { slot = self.slot(after: slot) }
    slots[slot] = node
  }

  /// Removes `node` and closes the gap (Knuth, volume 3, section 6.4, algorithm R).
  mutating func remove(_ node: Int32, nodes: [PrefixTree.Node]) {
    var gap = firstSlot(of: nodes[Int(node)].hash)
    while slots[gap] != node { gap = slot(after: gap) }
    count -= 1
    var slot = gap
    while true {
      slot = self.slot(after: slot)
      let candidate = slots[slot]
      if candidate < 0 { break }
      let home = firstSlot(of: nodes[Int(candidate)].hash)
      // The candidate may fill the gap unless its home lies between the gap and itself, around the end.
      let isBetween = gap <= slot ? (gap < home && home <= slot) : (gap < home || home <= slot)
      if !isBetween {
        slots[gap] = candidate
        gap = slot
      }
    }
    slots[gap] = -1
  }
}
