import InflightTestKit
import Requests
import Resources
import Testing

@Suite struct PrefixReuseTests {
  @Test func wholeBlocksAreFoundAgain() throws {
    let bench = CacheBench()
    #expect(try bench.run(tokens(10)) == 0)
    #expect(bench.find(tokens(10)) == CachedPrefix(tokenCount: 8))
    #expect(bench.manager.capacity.free == 16)
    #expect(bench.manager.statistics.cachedBlockCount == 2)
    #expect(bench.begin(0, tokens(10)) == 8)
    #expect(bench.manager.statistics.hitRate == 8.0 / 20)
    try bench.process(0)
    try bench.check()
  }

  @Test func theLastTokenIsNeverTaken() throws {
    let bench = CacheBench()
    try bench.run(tokens(8))
    #expect(bench.find(tokens(8)).tokenCount == 4)
    // All but the last token of the last block are copied.
    #expect(bench.begin(0, tokens(8)) == 7)
    #expect(bench.store.copyCount == 1)
    try bench.process(0)
    try bench.check()
    // What was computed is what is in the tree already: the copy is given back.
    #expect(bench.manager.statistics.usedBlockCount == 2)
  }

  @Test func runningSequencesShareTheirPrefix() throws {
    let bench = CacheBench()
    let prefix = tokens(8)
    bench.begin(0, prefix + [1, 2, 3])
    try bench.process(0)
    #expect(bench.find(prefix + [4]) == CachedPrefix(tokenCount: 8, heldBlockCount: 2))
    #expect(bench.begin(1, prefix + [4]) == 8)
    try bench.process(1)
    #expect(bench.manager.blockTable(forSlot: 0).prefix(2) == bench.manager.blockTable(forSlot: 1).prefix(2))
    #expect(bench.manager.statistics.usedBlockCount == 4)
    #expect(bench.manager.holdings(forSlot: 0).releasableCount == 1)
    bench.free(1)
    #expect(bench.manager.holdings(forSlot: 0).releasableCount == 3)
    try bench.check()
  }

  @Test func blocksTellWhatTheyAreUsedFor() throws {
    let bench = CacheBench()
    func count(_ use: BlockUse) -> Int { bench.manager.blockUses.count { $0 == use } }
    #expect(bench.manager.blockUses == Array(repeating: .free, count: 16))
    let prefix = tokens(8)
    bench.begin(0, prefix + [1, 2, 3])
    try bench.process(0)
    #expect((count(.used), count(.shared), count(.cached), count(.free)) == (3, 0, 0, 13))
    bench.begin(1, prefix + [4])
    try bench.process(1)
    #expect((count(.used), count(.shared), count(.cached), count(.free)) == (2, 2, 0, 12))
    bench.free(0)
    #expect((count(.used), count(.shared), count(.free)) == (3, 0, 16 - 3 - count(.cached)))
    bench.free(1)
    #expect(count(.used) == 0 && count(.shared) == 0 && count(.cached) == bench.manager.statistics.cachedBlockCount)
  }

  @Test func partOfABlockIsCopied() throws {
    let bench = CacheBench()
    try bench.run([1, 2, 3, 4, 5, 6, 7, 8])
    #expect(bench.begin(0, [1, 2, 3, 4, 5, 6, 9, 9, 9]) == 6)
    #expect(bench.store.copyCount == 1)
    try bench.process(0)
    try bench.check()
    bench.free(0)
    // Both branches are there now.
    #expect(bench.find([1, 2, 3, 4, 5, 6, 9, 9, 9]).tokenCount == 8)
    #expect(bench.find([1, 2, 3, 4, 5, 6, 7, 8, 9]).tokenCount == 8)
  }

  @Test func withoutAStoreNothingIsCopied() throws {
    let manager = KVCacheManager(blockSize: 4, blockCount: 8, slotCount: 2)
    #expect(manager.beginSequence(slot: 0, sequence: CacheSequence(tokens: tokens(8)), maximumReuse: 7) == 0)
    try manager.prepareResources(
      for: ResourceRequest(id: RequestID(0), slot: 0, processedTokenCount: 0, tokenCount: 8, maximumTokenCount: 9))
    manager.extendSequence(slot: 0, by: tokens(8)[...])
    #expect(manager.beginSequence(slot: 1, sequence: CacheSequence(tokens: tokens(8)), maximumReuse: 7) == 4)
  }

  @Test func twoWhoComputeTheSameEndUpSharingIt() throws {
    let bench = CacheBench()
    bench.begin(0, tokens(12))
    bench.begin(1, tokens(12))
    try bench.process(0, 6)
    try bench.process(1, 9)
    try bench.check()
    #expect(bench.manager.statistics.usedBlockCount == 4)
    try bench.process(0)
    try bench.process(1)
    #expect(bench.manager.statistics.usedBlockCount == 3)
    try bench.check()
  }

  @Test func namespacesShareNothing() throws {
    let bench = CacheBench()
    let names: [CacheNamespace?] = [
      CacheNamespace(), CacheNamespace(salt: []), CacheNamespace(salt: [0]), CacheNamespace(adapterID: 1),
      CacheNamespace(adapterID: 1, salt: [0]),
    ]
    for name in names { #expect(try bench.run(tokens(9), namespace: name) == 0) }
    for name in names { #expect(bench.find(tokens(9), namespace: name).tokenCount == 8) }
    #expect(bench.find(tokens(9), namespace: nil).tokenCount == 0)
    // Salts are bytes: two spellings of one character are two salts.
    let (composed, decomposed) = (CacheOptions(salt: "\u{e9}"), CacheOptions(salt: "e\u{301}"))
    #expect(composed != decomposed)
    #expect(
      CacheSequence(tokens: [1], options: composed).namespace
        != CacheSequence(tokens: [1], options: decomposed).namespace)
    #expect(CacheSequence(tokens: [1], options: CacheOptions(isReused: false)).namespace == nil)
  }

  @Test func whoSharesNothingLeavesNothing() throws {
    let bench = CacheBench()
    try bench.run(tokens(9), namespace: nil)
    #expect(bench.find(tokens(9)).tokenCount == 0)
    #expect(bench.manager.statistics.cachedBlockCount == 0)
    let without = CacheBench(isReusing: false)
    try without.run(tokens(9))
    #expect(without.find(tokens(9)) == CachedPrefix())
  }

  @Test func whatIsBeingComputedIsAnnounced() throws {
    let bench = CacheBench()
    let prompt = tokens(20)
    bench.begin(0, prompt)
    let first = bench.find(prompt)
    #expect(first.isNextBlockBeingComputed && first.nextBlockKey != nil)
    try bench.process(0, 8)
    let second = bench.find(Array(prompt[..<13]))
    #expect(second.tokenCount == 8 && second.isNextBlockBeingComputed && second.nextBlockKey != first.nextBlockKey)
    // Another continuation is not announced, and the last block of a prompt is not waited for.
    #expect(!bench.find(prompt[..<8] + tokens(9, 2)).isNextBlockBeingComputed)
    #expect(bench.find(Array(prompt[..<12])).nextBlockKey == nil)
    bench.free(0)
    #expect(!bench.find(prompt).isNextBlockBeingComputed)
    #expect(bench.find(prompt).tokenCount == 8)
    try bench.check()
  }

  @Test func whatWasFoundIsRememberedAndCheckedAgain() throws {
    let bench = CacheBench(blockCount: 6)
    try bench.run(tokens(17))
    var sequence = CacheSequence(tokens: tokens(17))
    #expect(bench.manager.cachedPrefix(of: &sequence, maximumReuse: 16).tokenCount == 16)
    try bench.run(tokens(17, 2))
    #expect(bench.manager.cachedPrefix(of: &sequence, maximumReuse: 16).tokenCount == 4)
    try bench.run(tokens(17))
    #expect(bench.manager.cachedPrefix(of: &sequence, maximumReuse: 16).tokenCount == 16)
    #expect(bench.manager.cachedPrefix(of: &sequence, maximumReuse: 15).tokenCount == 12)
  }

  @Test(arguments: [16, 32, 64])
  func anyBlockSizeWill(blockSize: Int) throws {
    let bench = CacheBench(blockSize: blockSize, blockCount: 8)
    try bench.run(tokens(3 * blockSize + 1))
    #expect(try bench.run(tokens(3 * blockSize + 1)) == 3 * blockSize)
    try bench.check()
  }
}
