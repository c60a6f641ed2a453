internal import Requests
public import Resources
internal import Scheduling

/// Checks what every ``KVCacheManaging`` must keep: sequences share only what is the same, nothing leaks, and what a
/// sequence reads is what the engine wrote for it.
public struct KVCacheManagerConformance<Manager: KVCacheManaging & SendableMetatype>: Sendable {
  private let make: @Sendable (KVCacheManager.Configuration, any KVBlockStore) -> Manager

  /// Creates a check of the managers that `make` returns, each for an engine of its own.
  public init(_ make: @escaping @Sendable (KVCacheManager.Configuration, any KVBlockStore) -> Manager) {
    self.make = make
  }

  /// Runs all checks with random numbers from `seeds`, the simulations included.
  ///
  /// - Throws: ``ConformanceViolation`` for the first promise that is broken.
  public func check(seeds: Range<UInt64> = 0..<200) async throws(ConformanceViolation) {
    for seed in seeds {
      do {
        try live(seed)
      } catch {
        throw ConformanceViolation("seed \(seed): \(error)")
      }
    }
    let make = make
    try await ExecutorSimulation(
      makeCache: { scenario, store in
        make(
          KVCacheManager.Configuration(
            blockSize: scenario.blockSize, blockCount: scenario.blockCount, slotCount: scenario.batchRequests,
            isReusing: scenario.isReusing),
          store)
      }, makeScheduler: { _ in Scheduler(capacity: MaximumUtilizationScheduler()) }
    ).check(seeds: seeds)
  }

  /// Random lives of a few sequences.
  private func live(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let configuration = KVCacheManager.Configuration(
      blockSize: generator.number(1...8), blockCount: generator.number(4...30), slotCount: generator.number(1...6),
      isReusing: generator.number(0...5) > 0)
    let store = HistoryStore(blockSize: configuration.blockSize, blockCount: configuration.blockCount)
    let bench = CacheBench(manager: make(configuration, store), store: store)
    let names: [CacheNamespace?] = [CacheNamespace(), CacheNamespace(), CacheNamespace(salt: [1]), nil]
    for _ in 0..<120 {
      let slot = generator.number(0...configuration.slotCount - 1)
      if let sequence = bench.running[slot] {
        if generator.number(0...5) == 0 {
          bench.free(slot)
        } else {
          if sequence.processed == sequence.tokens.count {
            bench.running[slot]?.tokens.append(TokenID(generator.number(0...1)))
          }
          let left = max(1, sequence.tokens.count - sequence.processed)
          if (try? bench.process(slot, generator.number(1...left))) == nil { bench.free(slot) }
        }
      } else {
        let tokens = (0..<generator.number(1...20)).map { _ in TokenID(generator.number(0...1)) }
        let found = bench.begin(slot, tokens, namespace: names[generator.number(0...3)])
        guard (0..<tokens.count).contains(found) else {
          throw ConformanceViolation("\(found) of \(tokens.count) tokens are said to be in the cache")
        }
      }
      try bench.check()
      let (budget, capacity) = (bench.manager.budget, bench.manager.capacity)
      guard budget.freeBlockCount == capacity.free, budget.totalBlockCount == capacity.total else {
        throw ConformanceViolation("budget and capacity differ: \(budget), \(capacity)")
      }
    }
    for slot in bench.running.keys.sorted() { bench.free(slot) }
    try bench.check()
    let capacity = bench.manager.capacity
    guard capacity.free == capacity.total else {
      throw ConformanceViolation("\(capacity.total - capacity.free) blocks are held by nobody")
    }
  }
}
