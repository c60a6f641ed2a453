import InflightTestKit
import Requests
import Resources
import TestKit
import Testing

@Suite struct CacheTierTests {
  private func withTiers(_ body: (any CacheTier) throws -> Void) throws {
    try body(HostCacheTier(blockCount: 8))
    let directory = try TemporaryDirectory()
    try body(FileCacheTier(directory: directory.path, blockCount: 8))
  }

  @Test func whatHasNoRoomGoesToTheSecondTierAndComesBack() throws {
    try withTiers { tier in
      let bench = CacheBench(blockCount: 4, tier: tier)
      try bench.run(tokens(13, 1))
      try bench.run(tokens(13, 2))
      #expect(bench.manager.statistics.offloadedBlockCount == 3)
      #expect(bench.find(tokens(13, 1)) == CachedPrefix(tokenCount: 12))
      #expect(bench.begin(0, tokens(13, 1)) == 12)
      try bench.process(0)
      try bench.check()
      #expect(bench.manager.statistics.restoreCount == 3)
      bench.free(0)
      #expect(bench.find(tokens(13, 2)).tokenCount == 12)
      try bench.check()
    }
  }

  @Test func aPausedSequenceGoesOnWhereItWas() throws {
    let bench = CacheBench(blockCount: 4, tier: HostCacheTier(blockCount: 4))
    bench.begin(0, tokens(15, 1))
    try bench.process(0)
    let swapped = try #require(bench.running[0])
    bench.free(0)
    try bench.run(tokens(15, 2))
    // Only what was behind the last whole block is computed again.
    #expect(bench.begin(0, swapped.tokens + [7]) == 12)
    try bench.process(0)
    try bench.check()
  }

  @Test func theSecondTierForgetsWhatWasNotUsedForTheLongestTime() throws {
    let bench = CacheBench(blockCount: 4, tier: HostCacheTier(blockCount: 4))
    for seed in 1...4 {
      try bench.run(tokens(13, UInt64(seed)))
      try bench.check()
    }
    #expect(bench.manager.statistics.offloadedBlockCount == 4)
    #expect((1...4).map { bench.find(tokens(13, $0)).tokenCount } == [0, 4, 12, 12])
  }

  @Test func aTierThatForgetsCostsAComputation() throws {
    final class Lossy: CacheTier {
      let blockCount = 8
      func store(_ bytes: [UInt8]) -> Int32? { 0 }
      func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool { false }
      func remove(_ place: Int32) {}
    }
    let bench = CacheBench(blockCount: 4, tier: Lossy())
    try bench.run(tokens(13, 1))
    try bench.run(tokens(13, 2))
    #expect(bench.find(tokens(13, 1)).tokenCount == 12)
    #expect(bench.begin(0, tokens(13, 1)) == 0)
    try bench.process(0)
    try bench.check()
    #expect(bench.manager.statistics.offloadedBlockCount == 3)
  }

  @Test func aDamagedFileIsNoticed() throws {
    let directory = try TemporaryDirectory()
    let tier = try FileCacheTier(directory: directory.path, blockCount: 2)
    let place = try #require(tier.store([1, 2, 3, 4]))
    let other = try #require(tier.store([5, 6, 7, 8]))
    #expect(tier.store([9, 9, 9, 9]) == nil)
    var bytes: [UInt8] = []
    let isThere = tier.load(place, into: &bytes)
    #expect(isThere && bytes == [1, 2, 3, 4])
    tier.remove(other)
    #expect(tier.store([1, 2, 3]) == nil)
    #expect(tier.store([9, 9, 9, 9]) == other)
    #expect(throws: CacheFileError.self) { try FileCacheTier(directory: "/nowhere/at/all", blockCount: 1) }
  }

  @Test func eventsTellWhereBlocksAre() async throws {
    let bench = CacheBench(blockCount: 2, tier: HostCacheTier(blockCount: 1))
    let stream = bench.manager.events()
    try bench.run([1, 2, 3, 4, 5])
    try bench.run([6, 7, 8, 9, 10])
    try bench.run([11, 12, 13, 14, 15])
    try bench.run([6, 7, 8, 9, 10])
    var iterator = stream.makeAsyncIterator()
    var names: [String] = []
    var hashes: [UInt64] = []
    for number in 0..<8 {
      let event = try #require(await iterator.next())
      #expect(event.number == UInt64(number))
      switch event.event {
      case .stored(let block):
        names.append("stored \(block.tokens[0])")
        hashes.append(block.hash)
      case .offloaded(let hash): names.append("offloaded \(hashes.firstIndex(of: hash) ?? -1)")
      case .restored(let hash): names.append("restored \(hashes.firstIndex(of: hash) ?? -1)")
      case .removed(let hash): names.append("removed \(hashes.firstIndex(of: hash) ?? -1)")
      }
    }
    #expect(
      names == [
        "stored 1", "offloaded 0", "stored 6", "removed 0", "offloaded 1", "stored 11", "restored 1", "offloaded 2",
      ])
  }
}
