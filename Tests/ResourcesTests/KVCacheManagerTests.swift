import Requests
import Resources
import Scheduling
import Testing

@Suite struct KVCacheManagerTests {
  private func request(slot: Int, processed: Int, next: Int, maximum: Int = 100) -> ResourceRequest {
    ResourceRequest(
      id: RequestID(UInt64(slot)), slot: slot, processedTokenCount: processed, tokenCount: next,
      maximumTokenCount: maximum)
  }

  @Test func tablesGrowWithTheSequence() throws {
    let cache = KVCacheManager(blockSize: 4, blockCount: 8, slotCount: 2)
    #expect(cache.beginSequence(slot: 0, sequence: CacheSequence(tokens: [1, 2, 3]), maximumReuse: 2) == 0)
    try cache.prepareResources(for: request(slot: 0, processed: 0, next: 3))
    #expect(cache.blockTable(forSlot: 0).count == 1)
    try cache.prepareResources(for: request(slot: 0, processed: 3, next: 1))
    #expect(cache.blockTable(forSlot: 0).count == 1)
    try cache.prepareResources(for: request(slot: 0, processed: 4, next: 1))
    #expect(cache.blockTable(forSlot: 0).count == 2)
    #expect(cache.budget == CacheBudget(blockSize: 4, totalBlockCount: 8, freeBlockCount: 6))
    try cache.checkIntegrity()
    cache.freeResources(for: request(slot: 0, processed: 5, next: 0))
    #expect(cache.capacity == ResourceCapacity(total: 8, free: 8))
    #expect(cache.blockTable(forSlot: 0) == [])
    try cache.checkIntegrity()
  }

  @Test func aFailedPreparationTakesNothing() throws {
    let cache = KVCacheManager(blockSize: 4, blockCount: 3, slotCount: 2)
    try cache.prepareResources(for: request(slot: 0, processed: 0, next: 8))
    #expect(throws: OutOfBlocksError(needed: 2, free: 1, total: 3)) {
      try cache.prepareResources(for: request(slot: 1, processed: 0, next: 5))
    }
    #expect(cache.capacity.free == 1)
    #expect(cache.blockTable(forSlot: 1) == [])
  }

  @Test func undoGivesBackWhatTheStepTook() throws {
    let cache = KVCacheManager(blockSize: 4, blockCount: 8, slotCount: 1)
    try cache.prepareResources(for: request(slot: 0, processed: 0, next: 6))
    let before = cache.blockTable(forSlot: 0)
    try cache.prepareResources(for: request(slot: 0, processed: 6, next: 9))
    #expect(cache.blockTable(forSlot: 0).count == 4)
    cache.undoPreparation(for: request(slot: 0, processed: 6, next: 9))
    #expect(cache.blockTable(forSlot: 0) == before)
    try cache.checkIntegrity()
  }

  @Test func needsToCompletion() {
    let cache = KVCacheManager(blockSize: 4, blockCount: 8, slotCount: 1)
    #expect(cache.unitsToCompletion(of: request(slot: 0, processed: 0, next: 1, maximum: 9)) == 3)
  }

  @Test func randomSequencesNeverShareOrLeak() throws {
    var seed: UInt64 = 3
    func random(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    let cache = KVCacheManager(blockSize: 4, blockCount: 20, slotCount: 5)
    var lengths = [Int](repeating: 0, count: 5)
    for _ in 0..<3000 {
      let slot = random(5)
      if random(4) == 0 {
        cache.freeResources(for: request(slot: slot, processed: lengths[slot], next: 0))
        lengths[slot] = 0
      } else {
        let count = 1 + random(10)
        if (try? cache.prepareResources(for: request(slot: slot, processed: lengths[slot], next: count))) != nil {
          lengths[slot] += count
        }
      }
      try cache.checkIntegrity()
      let held = (0..<5).flatMap { cache.blockTable(forSlot: $0) }
      #expect(Set(held).count == held.count)
      #expect((0..<5).allSatisfy { cache.blockTable(forSlot: $0).count == (lengths[$0] + 3) / 4 })
    }
  }
}
