public import Requests
public import Resources
internal import Scheduling

/// A manager with an engine beside it: sequences that live in slots, and a check that what they would read is right.
public final class CacheBench<Manager: KVCacheManaging> {
  /// A running sequence.
  public struct Running: Sendable {
    /// What is known of it.
    public var tokens: [TokenID]
    /// Number of tokens whose keys and values are in the cache.
    public var processed: Int
    /// With whom it shares blocks.
    public var namespace: CacheNamespace?
  }

  /// The manager.
  public let manager: Manager
  /// The engine's blocks.
  public let store: HistoryStore
  /// The running sequences by slot.
  public var running: [Int: Running] = [:]
  private let window: Int?

  /// Creates a bench for `manager`, whose store is `store`.
  public init(manager: Manager, store: HistoryStore, window: Int? = nil) {
    self.manager = manager
    self.store = store
    self.window = window
  }

  /// What a manager is told about the sequence in `slot`.
  public func request(_ slot: Int, next: Int = 0) -> ResourceRequest {
    ResourceRequest(
      id: RequestID(UInt64(slot)), slot: slot, processedTokenCount: running[slot]?.processed ?? 0, tokenCount: next,
      maximumTokenCount: 1000)
  }

  /// Begins a sequence and returns how many of its tokens were found.
  @discardableResult
  public func begin(
    _ slot: Int, _ tokens: [TokenID], namespace: CacheNamespace? = CacheNamespace(), retention: CacheRetention = .init()
  ) -> Int {
    let sequence = CacheSequence(tokens: tokens, namespace: namespace, retention: retention)
    let found = manager.beginSequence(slot: slot, sequence: sequence, maximumReuse: tokens.count - 1)
    running[slot] = Running(tokens: tokens, processed: found, namespace: namespace)
    return found
  }

  /// Processes the next `count` known tokens, all that are left by default.
  public func process(_ slot: Int, _ count: Int? = nil) throws {
    guard var sequence = running[slot] else { return }
    let count = count ?? sequence.tokens.count - sequence.processed
    try manager.prepareResources(for: request(slot, next: count))
    let histories = HistoryStore.histories(sequence.tokens, namespace: sequence.namespace)
    let table = manager.blockTable(forSlot: slot)
    for position in sequence.processed..<sequence.processed + count {
      store.write(histories[position], at: position, table: table)
    }
    let update = request(slot, next: count)
    let filled = update.filledBlocks(ofSize: manager.budget.blockSize)
    if !filled.isEmpty { manager.extendSequence(slot: slot, by: sequence.tokens[filled]) }
    sequence.processed += count
    running[slot] = sequence
    manager.updateResources(for: update)
  }

  /// Ends a sequence.
  public func free(_ slot: Int) {
    manager.freeResources(for: request(slot))
    running[slot] = nil
  }

  /// Runs a sequence from its beginning to its end and returns how many tokens were found.
  @discardableResult
  public func run(
    _ tokens: [TokenID], slot: Int = 0, namespace: CacheNamespace? = CacheNamespace(),
    retention: CacheRetention = .init()
  ) throws -> Int {
    let found = begin(slot, tokens, namespace: namespace, retention: retention)
    try process(slot)
    free(slot)
    return found
  }

  /// What the manager would find of `tokens`.
  public func find(_ tokens: [TokenID], namespace: CacheNamespace? = CacheNamespace()) -> CachedPrefix {
    var sequence = CacheSequence(tokens: tokens, namespace: namespace)
    return manager.cachedPrefix(of: &sequence, maximumReuse: tokens.count - 1)
  }

  /// Checks the books, and that every running sequence would read what it should.
  public func check() throws {
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
