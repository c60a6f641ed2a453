import InflightTestKit
import Requests
import Resources
import Scheduling
import Testing

@Suite struct SlidingWindowTests {
  @Test func blocksBehindTheWindowAreGivenBack() throws {
    let bench = CacheBench(blockCount: 8, window: 6)
    bench.begin(0, tokens(100))
    for _ in 0..<50 {
      try bench.process(0, 2)
      try bench.check()
      #expect(bench.manager.holdings(forSlot: 0).heldCount <= 4)
    }
    #expect(bench.manager.blockTable(forSlot: 0).count == 25)
    #expect(bench.manager.budget.maximumBlocksPerSequence == 20)
    bench.free(0)
    try bench.check()
  }

  @Test func aPrefixIsFoundIfItsWindowIsThere() throws {
    let bench = CacheBench(blockCount: 8, window: 6)
    bench.begin(0, tokens(40))
    while bench.running[0]?.processed ?? 40 < 40 { try bench.process(0, 1) }
    bench.free(0)
    // Ten blocks were filled, eight are there, and those of the last window among them.
    #expect(bench.manager.statistics.evictedBlockCount == 2)
    #expect(bench.find(tokens(33)).tokenCount < 32)
    #expect(bench.find(tokens(40) + [1]).tokenCount == 40)
    #expect(bench.begin(0, tokens(40) + [1, 2, 3]) == 40)
    #expect(bench.manager.holdings(forSlot: 0).heldCount == 2)
    try bench.process(0)
    try bench.check()
    bench.free(0)
    try bench.check()
  }

  @Test func gapsAreFilledAgain() throws {
    let bench = CacheBench(blockCount: 8, window: 6)
    for _ in 0..<3 {
      bench.begin(0, tokens(30))
      while let sequence = bench.running[0], sequence.processed < 30 {
        try bench.process(0, min(3, 30 - sequence.processed))
        try bench.check()
      }
      bench.free(0)
      bench.begin(1, tokens(12))
      try bench.process(1)
      try bench.check()
      bench.free(1)
    }
  }
}
