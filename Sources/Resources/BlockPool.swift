internal import Tensors

/// The blocks of a cache: which are free, and how often each of the others is held.
///
/// Free blocks form a stack, so that the block given back last, which is most likely still near the processor, is given
/// out first. All operations take constant time and none allocates.
package struct BlockPool: Sendable {
  /// Number of blocks in all; blocks are named `0 ..< blockCount`.
  package var blockCount: Int { referenceCounts.count }
  /// Number of blocks that nobody holds.
  package var freeBlockCount: Int { freeBlocks.count }

  private var freeBlocks: [Int32]
  private var referenceCounts: [Int32]

  /// Creates a pool of `blockCount` free blocks, given out in ascending order at first.
  package init(blockCount: Int) {
    precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "\(blockCount) blocks cannot be numbered")
    freeBlocks = (0..<Int32(blockCount)).reversed()
    referenceCounts = Array(repeating: 0, count: blockCount)
  }

  /// Takes a free block, held once; nil if there is none.
  package mutating func allocate() -> Int32? {
    guard let block = freeBlocks.popLast() else { return nil }
    referenceCounts[Int(block)] = 1
    return block
  }

  /// Holds `block`, which is held already, once more.
  package mutating func retain(_ block: Int32) {
    precondition(referenceCounts[Int(block)] > 0, "block \(block) is free and cannot be shared")
    referenceCounts[Int(block)] += 1
  }

  /// How often `block` is held; 0 for a free one.
  package func holdCount(of block: Int32) -> Int32 { referenceCounts[Int(block)] }

  /// Asks the processor for ``holdCount(of:)``.
  package func prefetch(_ block: Int32) { Prefetch.element(Int(block), of: referenceCounts) }

  /// Lets go of `block` once; it is free when nobody holds it.
  package mutating func release(_ block: Int32) {
    precondition(referenceCounts[Int(block)] > 0, "block \(block) is released more often than it is held")
    referenceCounts[Int(block)] -= 1
    if referenceCounts[Int(block)] == 0 { freeBlocks.append(block) }
  }

  /// Checks that every block is either on the free list once or held as often as `expectedHolds` says, per block.
  package func checkIntegrity(expectedHolds: [Int32]) throws(CacheIntegrityError) {
    precondition(expectedHolds.count == blockCount)
    var isFree = Array(repeating: false, count: blockCount)
    for block in freeBlocks {
      if isFree[Int(block)] { throw CacheIntegrityError("block \(block) is twice on the free list") }
      isFree[Int(block)] = true
    }
    for block in 0..<blockCount {
      let held = referenceCounts[block]
      if held != expectedHolds[block] {
        throw CacheIntegrityError("block \(block) is held \(held) times, but \(expectedHolds[block]) sequences name it")
      }
      if isFree[block] != (held == 0) {
        throw CacheIntegrityError("block \(block) is held \(held) times and \(isFree[block] ? "" : "not ")free")
      }
    }
  }
}
