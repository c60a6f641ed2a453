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
    let (memory, file) = (HostCacheTier(blockCount: 2), try FileCacheTier(directory: directory.path, blockCount: 6))
    try body(SpillingCacheTier(memory, before: file))
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

  @Test func whatMemoryHasNoRoomForGoesToTheDiskOldestFirst() throws {
    let directory = try TemporaryDirectory()
    let (memory, file) = (HostCacheTier(blockCount: 2), try FileCacheTier(directory: directory.path, blockCount: 3))
    let tier = SpillingCacheTier(memory, before: file)
    #expect(tier.blockCount == 5)
    var bytes: [UInt8] = []
    var places = try (1...5).map { try #require(tier.store([$0, $0])) }
    #expect(tier.store([6, 6]) == nil && Set(places).count == 5)
    func contents() -> [UInt8?] { places.map { tier.load($0, into: &bytes) ? bytes[0] : nil } }
    #expect(contents() == [1, 2, 3, 4, 5])
    // The first three are in the file: to remove one there makes room for the oldest in memory, which is the fourth.
    tier.remove(places[1])
    places[1] = try #require(tier.store([6, 6]))
    #expect(contents() == [1, 6, 3, 4, 5])
    tier.remove(places[1])
    tier.remove(places[4])
    #expect(tier.store([7, 7]) != nil && tier.store([8, 8]) != nil && tier.store([9, 9]) == nil)
    // Memory holds two, the file three.
    #expect(memory.store([0, 0]) == nil && file.store([0, 0]) == nil)
  }

  /// Random stores and removals, against a dictionary.
  @Test func aSpillingTierKeepsEveryBlock() throws {
    var generator = SeededGenerator(seed: 3)
    let directory = try TemporaryDirectory()
    let tier = SpillingCacheTier(
      HostCacheTier(blockCount: 5), before: try FileCacheTier(directory: directory.path, blockCount: 7))
    var kept: [Int32: [UInt8]] = [:]
    for step in 0..<3000 {
      if generator.number(0...1) == 0, let place = kept.keys.sorted().randomElement(using: &generator) {
        tier.remove(place)
        kept[place] = nil
      } else {
        let bytes = [UInt8(truncatingIfNeeded: step), UInt8(truncatingIfNeeded: step >> 8)]
        let place = tier.store(bytes)
        #expect((place == nil) == (kept.count == 12))
        if let place {
          #expect(kept[place] == nil)
          kept[place] = bytes
        }
      }
      var bytes: [UInt8] = []
      for (place, expected) in kept where generator.number(0...5) == 0 {
        let isThere = tier.load(place, into: &bytes)
        #expect(isThere && bytes == expected)
      }
    }
  }

  /// Tiers that take nothing, and one that loses what it has.
  @Test func aTierThatFailsCostsNoOtherBlock() throws {
    final class Failing: CacheTier {
      let blockCount = 4
      var isFull = true
      func store(_ bytes: [UInt8]) -> Int32? { isFull ? nil : 0 }
      func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool { false }
      func remove(_ place: Int32) {}
    }
    var bytes: [UInt8] = []
    let fullDisk = SpillingCacheTier(HostCacheTier(blockCount: 1), before: Failing())
    let place = try #require(fullDisk.store([1]))
    #expect(fullDisk.store([2]) == nil)
    let isThere = fullDisk.load(place, into: &bytes)
    #expect(isThere && bytes == [1])
    let noMemory = SpillingCacheTier(HostCacheTier(blockCount: 0), before: HostCacheTier(blockCount: 1))
    #expect(noMemory.store([1]) != nil && noMemory.store([2]) == nil)
    let losing = Failing()
    losing.isFull = false
    let lost = SpillingCacheTier(losing, before: HostCacheTier(blockCount: 4))
    let places = (0..<5).compactMap { lost.store([$0]) }
    #expect(places.count == 5 && !places.contains { lost.load($0, into: &bytes) })
    for place in places { lost.remove(place) }
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
