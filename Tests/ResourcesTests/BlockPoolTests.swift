import Resources
import Testing

@Suite struct BlockPoolTests {
  @Test func blocksAreGivenOutOnceAndComeBack() throws {
    var pool = BlockPool(blockCount: 3)
    let blocks = [pool.allocate(), pool.allocate(), pool.allocate()].compactMap { $0 }
    #expect(Set(blocks) == [0, 1, 2])
    let none = pool.allocate()
    #expect(none == nil)
    #expect(pool.freeBlockCount == 0)
    pool.release(blocks[1])
    let again = pool.allocate()
    #expect(again == blocks[1])
    try pool.checkIntegrity(expectedHolds: [1, 1, 1])
  }

  @Test func aSharedBlockIsFreeWhenNobodyHoldsIt() throws {
    var pool = BlockPool(blockCount: 1)
    let allocated = pool.allocate()
    let block = try #require(allocated)
    pool.retain(block)
    try pool.checkIntegrity(expectedHolds: [2])
    pool.release(block)
    #expect(pool.freeBlockCount == 0)
    pool.release(block)
    #expect(pool.freeBlockCount == 1)
    try pool.checkIntegrity(expectedHolds: [0])
  }

  @Test func booksThatDoNotAddUpAreNoticed() {
    var pool = BlockPool(blockCount: 2)
    _ = pool.allocate()
    #expect(throws: CacheIntegrityError("block 0 is held 1 times, but 0 sequences name it")) {
      try pool.checkIntegrity(expectedHolds: [0, 0])
    }
    #expect(throws: CacheIntegrityError("block 1 is held 0 times, but 1 sequences name it")) {
      try pool.checkIntegrity(expectedHolds: [1, 1])
    }
  }

  @Test func anEmptyPoolIsFull() {
    var pool = BlockPool(blockCount: 0)
    let none = pool.allocate()
    #expect(none == nil)
  }
}
