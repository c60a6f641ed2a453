import Requests
import Resources
import Scheduling

/// A seeded generator for tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

/// Blocks of an engine that, for every position, writes a hash of all tokens up to it: what a position holds depends on
/// its whole prefix, as keys and values do.
final class HistoryStore: KVBlockStore {
  let blockSize: Int
  private(set) var entries: [UInt64]
  private(set) var copyCount = 0

  init(blockSize: Int, blockCount: Int) {
    self.blockSize = blockSize
    entries = Array(repeating: 0, count: blockSize * blockCount)
  }

  var bytesPerBlock: Int { blockSize * 8 }

  func copyBlock(from source: Int32, to target: Int32, tokenCount: Int) {
    copyCount += 1
    for offset in 0..<blockSize {
      // What is behind the copied positions is of no use to anybody: make that sure.
      entries[Int(target) * blockSize + offset] =
        offset < tokenCount ? entries[Int(source) * blockSize + offset] : 0xBAD
    }
  }

  func readBlock(_ block: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    for entry in entries[Int(block) * blockSize..<(Int(block) + 1) * blockSize] {
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: entry >> UInt64(shift))) }
    }
  }

  func writeBlock(_ block: Int32, from bytes: [UInt8]) {
    precondition(bytes.count == bytesPerBlock)
    for offset in 0..<blockSize {
      entries[Int(block) * blockSize + offset] = (0..<8).reduce(0) {
        $0 | UInt64(bytes[offset * 8 + $1]) << UInt64(8 * $1)
      }
    }
  }

  func write(_ value: UInt64, at position: Int, table: [Int32]) {
    entries[Int(table[position / blockSize]) * blockSize + position % blockSize] = value
  }

  func read(_ position: Int, table: [Int32]) -> UInt64 {
    entries[Int(table[position / blockSize]) * blockSize + position % blockSize]
  }

  /// What an engine writes for every position of `tokens`, in a namespace.
  static func histories(_ tokens: [TokenID], namespace: CacheNamespace?) -> [UInt64] {
    var state = UInt64(bitPattern: Int64(namespace?.adapterID ?? 0)) &+ 77
    return tokens.map { token in
      var generator = SeededGenerator(seed: state ^ UInt64(UInt32(bitPattern: token)) &* 0x9E37_79B9)
      state = generator.next()
      return state
    }
  }
}

/// A manager with an engine beside it: sequences that live in slots, and a check that what they would read is right.
final class CacheBench {
  struct Running {
    var tokens: [TokenID]
    var processed: Int
    var namespace: CacheNamespace?
  }

  let manager: KVCacheManager
  let store: HistoryStore
  let window: Int?
  var running: [Int: Running] = [:]

  init(
    blockSize: Int = 4, blockCount: Int = 16, slotCount: Int = 4, window: Int? = nil, isReusing: Bool = true,
    tier: (any CacheTier)? = nil
  ) {
    store = HistoryStore(blockSize: blockSize, blockCount: blockCount)
    self.window = window
    manager = KVCacheManager(
      KVCacheManager.Configuration(
        blockSize: blockSize, blockCount: blockCount, slotCount: slotCount, isReusing: isReusing,
        slidingWindow: window, maximumStepTokens: 64),
      store: store, tier: tier)
  }

  func request(_ slot: Int, next: Int = 0) -> ResourceRequest {
    ResourceRequest(
      id: RequestID(UInt64(slot)), slot: slot, processedTokenCount: running[slot]?.processed ?? 0, tokenCount: next,
      maximumTokenCount: 1000)
  }

  /// Begins a sequence and returns how many of its tokens were found.
  @discardableResult
  func begin(
    _ slot: Int, _ tokens: [TokenID], namespace: CacheNamespace? = CacheNamespace(), retention: CacheRetention = .init()
  ) -> Int {
    let sequence = CacheSequence(tokens: tokens, namespace: namespace, retention: retention)
    let found = manager.beginSequence(slot: slot, sequence: sequence, maximumReuse: tokens.count - 1)
    running[slot] = Running(tokens: tokens, processed: found, namespace: namespace)
    return found
  }

  /// Processes the next `count` known tokens, all that are left by default.
  func process(_ slot: Int, _ count: Int? = nil) throws {
    guard var sequence = running[slot] else { return }
    let count = count ?? sequence.tokens.count - sequence.processed
    try manager.prepareResources(for: request(slot, next: count))
    let histories = HistoryStore.histories(sequence.tokens, namespace: sequence.namespace)
    let table = manager.blockTable(forSlot: slot)
    for position in sequence.processed..<sequence.processed + count {
      store.write(histories[position], at: position, table: table)
    }
    let update = request(slot, next: count)
    manager.extendSequence(slot: slot, by: sequence.tokens[sequence.processed..<sequence.processed + count])
    sequence.processed += count
    running[slot] = sequence
    manager.updateResources(for: update)
  }

  func free(_ slot: Int) {
    manager.freeResources(for: request(slot))
    running[slot] = nil
  }

  /// Runs a sequence from its beginning to its end and returns how many tokens were found.
  @discardableResult
  func run(
    _ tokens: [TokenID], slot: Int = 0, namespace: CacheNamespace? = CacheNamespace(),
    retention: CacheRetention = .init()
  ) throws -> Int {
    let found = begin(slot, tokens, namespace: namespace, retention: retention)
    try process(slot)
    free(slot)
    return found
  }

  /// What the manager would find of `tokens`.
  func find(_ tokens: [TokenID], namespace: CacheNamespace? = CacheNamespace()) -> CachedPrefix {
    var sequence = CacheSequence(tokens: tokens, namespace: namespace)
    return manager.cachedPrefix(of: &sequence, maximumReuse: tokens.count - 1)
  }

  /// Checks the books, and that every running sequence would read what it should.
  func check() throws {
    try manager.checkIntegrity()
    for (slot, sequence) in running {
      let histories = HistoryStore.histories(sequence.tokens, namespace: sequence.namespace)
      let table = manager.blockTable(forSlot: slot)
      let first = window.map { max(0, sequence.processed - $0 + 1) } ?? 0
      for position in first..<max(first, sequence.processed)
      where store.read(position, table: table) != histories[position] {
        throw CacheIntegrityError("slot \(slot) reads something else at position \(position)")
      }
    }
  }
}

/// `count` tokens that are a function of `seed`.
func tokens(_ count: Int, _ seed: UInt64 = 1) -> [TokenID] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in TokenID.random(in: 0..<1000, using: &generator) }
}
