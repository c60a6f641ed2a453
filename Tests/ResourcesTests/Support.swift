import InflightTestKit
import Requests
import Resources

extension CacheBench where Manager == KVCacheManager {
  /// A bench with a manager of its own.
  convenience init(
    blockSize: Int = 4, blockCount: Int = 16, slotCount: Int = 4, window: Int? = nil, isReusing: Bool = true,
    tier: (any CacheTier)? = nil
  ) {
    let store = HistoryStore(blockSize: blockSize, blockCount: blockCount)
    let manager = KVCacheManager(
      KVCacheManager.Configuration(
        blockSize: blockSize, blockCount: blockCount, slotCount: slotCount, isReusing: isReusing,
        slidingWindow: window, maximumStepTokens: 64),
      store: store, tier: tier)
    self.init(manager: manager, store: store, window: window)
  }
}

/// `count` tokens that are a function of `seed`.
func tokens(_ count: Int, _ seed: UInt64 = 1) -> [TokenID] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in TokenID.random(in: 0..<1000, using: &generator) }
}
