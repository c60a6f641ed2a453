/// What a block of the cache is used for.
package enum BlockUse: UInt8, Sendable, Equatable, CaseIterable {
  /// Nobody holds it, and nothing of use is in it.
  case free
  /// Nobody holds it; it is kept for sequences that begin with the same tokens.
  case cached
  /// One sequence holds it.
  case used
  /// Several sequences hold it.
  case shared

  /// That of a block which `holderCount` sequences hold.
  fileprivate init(holderCount: Int32, unheld: BlockUse) {
    self =
      switch holderCount {
      case ...0: unheld
      case 1: .used
      default: .shared
      }
  }
}

extension KVCacheManager {
  /// What every block is used for, by its number. Visits every block, so it is for those who watch.
  package var blockUses: [BlockUse] { cache.blockUses }
}

extension BlockCache {
  /// What every block is used for. Those of the tree are held by it too, so that its own counts decide.
  var blockUses: [BlockUse] {
    var uses = (0..<Int32(pool.blockCount)).map { BlockUse(holderCount: pool.holdCount(of: $0), unheld: .free) }
    for node in tree.nodes where node.block >= 0 {
      uses[Int(node.block)] = BlockUse(holderCount: node.holderCount, unheld: .cached)
    }
    return uses
  }
}
