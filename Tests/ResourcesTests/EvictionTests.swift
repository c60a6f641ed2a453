import InflightTestKit
import Requests
import Resources
import Testing

@Suite struct EvictionTests {
  /// The lengths found of prompts of two blocks and a token.
  private func found(_ bench: CacheBench<KVCacheManager>, _ seeds: [UInt64]) -> [Int] {
    seeds.map { bench.find(tokens(9, $0)).tokenCount }
  }

  @Test func leavesGoFirstThenWhatWasNotUsedForTheLongestTime() throws {
    let bench = CacheBench(blockCount: 6)
    for seed in 1...2 { try bench.run(tokens(9, UInt64(seed))) }
    #expect(bench.manager.statistics.emptyBlockCount == 2)
    try bench.run(tokens(9, 1))  // used again: 2 is older now
    #expect(found(bench, [1, 2]) == [8, 8])
    try bench.run(tokens(9, 3))  // takes three blocks, two of them empty
    #expect(found(bench, [1, 2, 3]) == [8, 4, 8])
    try bench.run(tokens(9, 4))
    #expect(found(bench, [1, 2, 3, 4]) == [4, 0, 8, 8])
    #expect(bench.manager.statistics.evictedBlockCount == 3)
    try bench.check()
  }

  @Test func heldBlocksStay() throws {
    let bench = CacheBench(blockCount: 6)
    bench.begin(0, tokens(9, 1))
    try bench.process(0)
    try bench.run(tokens(9, 2), slot: 1)
    bench.begin(1, tokens(12, 3))
    #expect(throws: OutOfBlocksError(needed: 4, free: 3, total: 6)) {
      try bench.manager.prepareResources(for: bench.request(1, next: 13))
    }
    try bench.process(1)
    #expect(found(bench, [1, 2]) == [8, 0])
    try bench.check()
  }

  @Test func lowerPrioritiesGoFirst() throws {
    let bench = CacheBench(blockCount: 6)
    func keep(_ priority: Int) -> CacheRetention {
      CacheRetention(ranges: [.init(start: 0, priority: priority)])
    }
    try bench.run(tokens(9, 1), retention: keep(90))
    try bench.run(tokens(9, 2))
    try bench.run(tokens(9, 3), retention: keep(10))
    try bench.run(tokens(9, 4))
    #expect(found(bench, [1, 2, 3, 4]) == [8, 4, 0, 8])
    try bench.check()
  }

  @Test func rangesOfASequenceHavePrioritiesOfTheirOwn() throws {
    let bench = CacheBench(blockCount: 4)
    // The first block is a system prompt worth keeping; what follows is worth less than anything else.
    try bench.run(
      tokens(13, 1),
      retention: CacheRetention(ranges: [.init(start: 0, end: 4, priority: 100), .init(start: 4, priority: 0)]))
    try bench.run(tokens(9, 2))
    #expect(bench.find(tokens(13, 1)).tokenCount == 4)
    try bench.run(tokens(13, 3))
    #expect(bench.find(tokens(13, 1)).tokenCount == 0)
  }

  @Test func prioritiesExpire() throws {
    let bench = CacheBench(blockCount: 6)
    bench.manager.advanceTime(to: 100)
    try bench.run(
      tokens(9, 1), retention: CacheRetention(ranges: [.init(start: 0, priority: 90, seconds: 10)]))
    try bench.run(tokens(9, 2))
    bench.manager.advanceTime(to: 109)
    try bench.run(tokens(9, 3))
    #expect(found(bench, [1, 2, 3]) == [8, 4, 8])
    bench.manager.advanceTime(to: 110)
    try bench.run(tokens(9, 4))
    // No more than any other, and not used for the longest time.
    #expect(found(bench, [1, 2, 3, 4]) == [0, 4, 8, 8])
    try bench.check()
  }

  /// The time runs from when the last one lets go, however long blocks were in use before.
  @Test func timeInUseDoesNotCount() throws {
    let bench = CacheBench(blockCount: 6)
    let retention = CacheRetention(ranges: [.init(start: 0, priority: 90, seconds: 10)])
    try bench.run(tokens(9, 1), retention: retention)
    bench.begin(1, tokens(9, 1))
    bench.manager.advanceTime(to: 15)
    bench.free(1)
    bench.manager.advanceTime(to: 24)
    for seed in 2...5 { try bench.run(tokens(9, UInt64(seed))) }
    #expect(found(bench, [1]) == [8])
    bench.manager.advanceTime(to: 26)
    for seed in 2...5 { try bench.run(tokens(9, UInt64(seed))) }
    #expect(found(bench, [1]) == [0])
    try bench.check()
  }

  @Test func aUseBeginsTheTimeAnew() throws {
    let bench = CacheBench(blockCount: 6)
    let retention = CacheRetention(ranges: [.init(start: 0, priority: 90, seconds: 10)])
    for time in stride(from: 0.0, through: 30, by: 6) {
      bench.manager.advanceTime(to: time)
      try bench.run(tokens(9, 1), retention: retention)
    }
    for seed in 2...5 { try bench.run(tokens(9, UInt64(seed))) }
    #expect(found(bench, [1]) == [8])
    bench.manager.advanceTime(to: 41)
    for seed in 2...5 { try bench.run(tokens(9, UInt64(seed))) }
    #expect(found(bench, [1]) == [0])
    try bench.check()
  }

  @Test func retentionIsChecked() {
    func refusal(_ range: CacheRetention.TokenRange) -> String? {
      do { _ = try CacheRetention(ranges: [range]).validated() } catch { return error.parameter }
      return nil
    }
    #expect(refusal(.init(start: 0, priority: 100, seconds: 1)) == nil)
    #expect(refusal(.init(start: 0, priority: 101)) == "retention priority")
    #expect(refusal(.init(start: 0, priority: -1)) == "retention priority")
    #expect(refusal(.init(start: -1, priority: 1)) == "retention range")
    #expect(refusal(.init(start: 5, end: 5, priority: 1)) == "retention range")
    #expect(refusal(.init(start: 0, priority: 1, seconds: 0)) == "retention seconds")
    #expect(refusal(.init(start: 0, priority: 1, seconds: .nan)) == "retention seconds")
    #expect(throws: SamplingParamsError.self) {
      try CacheRetention(ranges: Array(repeating: .init(start: 0, priority: 1), count: 65)).validated()
    }
  }
}
