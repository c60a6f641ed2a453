import InflightTestKit
import Requests
import Resources
import Testing

@Suite struct ForkTests {
  @Test func forksShareUntilTheyWrite() throws {
    let bench = CacheBench()
    bench.begin(0, tokens(6))
    try bench.process(0)
    for slot in 1...2 {
      bench.manager.forkSequence(slot: 0, into: slot)
      bench.running[slot] = bench.running[0]
    }
    #expect(bench.manager.statistics.usedBlockCount == 2)
    #expect(bench.manager.holdings(forSlot: 1).heldCount == 1)
    for slot in 0...2 {
      bench.running[slot]?.tokens.append(TokenID(slot))
      try bench.process(slot)
      try bench.check()
    }
    // The last to write has nobody left to share with.
    #expect(bench.store.copyCount == 2)
    #expect(bench.manager.statistics.usedBlockCount == 4)
    for slot in 0...2 { bench.free(slot) }
    #expect(bench.manager.capacity.free == 16)
    try bench.check()
  }

  @Test func aForkOnTheEdgeOfABlockCopiesNothing() throws {
    let bench = CacheBench()
    bench.begin(0, tokens(8))
    try bench.process(0)
    bench.manager.forkSequence(slot: 0, into: 1)
    bench.running[1] = bench.running[0]
    for slot in 0...1 {
      bench.running[slot]?.tokens += [TokenID(slot)]
      try bench.process(slot)
    }
    #expect(bench.store.copyCount == 0)
    #expect(bench.manager.statistics.usedBlockCount == 4)
    try bench.check()
  }

  @Test func aCopyNeedsABlock() throws {
    let bench = CacheBench(blockCount: 2)
    bench.begin(0, tokens(6))
    try bench.process(0)
    bench.manager.forkSequence(slot: 0, into: 1)
    bench.running[1] = bench.running[0]
    bench.running[1]?.tokens += [5]
    #expect(throws: OutOfBlocksError(needed: 1, free: 0, total: 2)) { try bench.process(1) }
    try bench.check()
  }

  @Test func sequencesThatShareNothingElseForkToo() throws {
    let bench = CacheBench(isReusing: false)
    bench.begin(0, tokens(9))
    try bench.process(0)
    bench.manager.forkSequence(slot: 0, into: 1)
    bench.running[1] = bench.running[0]
    bench.running[1]?.tokens += [5, 6, 7, 8]
    try bench.process(1)
    try bench.check()
    #expect(bench.manager.holdings(forSlot: 0).releasableCount == 1)
    bench.free(0)
    bench.free(1)
    #expect(bench.manager.statistics.emptyBlockCount == 16)
  }
}
