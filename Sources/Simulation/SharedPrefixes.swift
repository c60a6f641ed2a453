/// The beginnings that requests share.
struct SharedPrefixes {
  struct State {
    /// Number of its blocks that are in the cache.
    var blockCount = 0
    var holderCount = 0
    var lastUse = 0
    /// Number of blocks that its holders are computing it to.
    var goal = 0

    var isBeingComputed: Bool { holderCount > 0 && blockCount < goal }
  }

  private let blockSize: Int
  private var states: [Int: State] = [:]
  /// Beginnings in the order in which they were let go of; entries that were used again since are passed over.
  private var idle: [(prefix: Int, lastUse: Int)] = []
  private var firstIdle = 0
  private var useCount = 0
  /// Number of blocks of beginnings that somebody holds.
  private(set) var heldBlockCount = 0
  private var idleBlockCount = 0

  init(blockSize: Int) { self.blockSize = blockSize }

  /// Number of whole blocks of the request's shared beginning, nil if it has none.
  func wholeBlocks(of request: RequestTrace.Entry) -> Int? {
    let whole = request.prefixTokenCount / blockSize
    return request.prefix == 0 || whole == 0 ? nil : whole
  }

  func state(_ prefix: Int) -> State { states[prefix] ?? State() }

  mutating func hold(_ prefix: Int, upTo whole: Int) -> Int {
    useCount += 1
    var state = state(prefix)
    if state.holderCount == 0 {
      idleBlockCount -= state.blockCount
      heldBlockCount += state.blockCount
    }
    state.holderCount += 1
    state.lastUse = useCount
    state.goal = max(state.goal, whole)
    states[prefix] = state
    return min(state.blockCount, whole)
  }

  mutating func grow(_ prefix: Int, to blockCount: Int) {
    guard var state = states[prefix], blockCount > state.blockCount else { return }
    heldBlockCount += blockCount - state.blockCount
    state.blockCount = blockCount
    states[prefix] = state
  }

  mutating func letGo(_ prefix: Int) {
    guard var state = states[prefix] else { return }
    useCount += 1
    state.holderCount -= 1
    state.lastUse = useCount
    if state.holderCount == 0 {
      state.goal = state.blockCount
      heldBlockCount -= state.blockCount
      idleBlockCount += state.blockCount
      idle.append((prefix, useCount))
    }
    states[prefix] = state
  }

  /// Forgets beginnings that nobody holds until all fit into `total` blocks.
  mutating func makeRoom(total: Int) {
    while heldBlockCount + idleBlockCount > total, firstIdle < idle.count {
      let (prefix, lastUse) = idle[firstIdle]
      firstIdle += 1
      guard let state = states[prefix], state.holderCount == 0, state.lastUse == lastUse else { continue }
      idleBlockCount -= state.blockCount
      states[prefix] = nil
    }
    if firstIdle > 4096, firstIdle > idle.count / 2 {
      idle.removeFirst(firstIdle)
      firstIdle = 0
    }
  }
}
