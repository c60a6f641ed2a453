/// The merges of a byte-pair model: which two tokens join, how early, and into what.
struct MergeTable: Sendable {
  /// What a pair of tokens becomes.
  struct Merge: Sendable {
    /// The pair's place in the list of merges: a smaller rank is merged first.
    var rank: Int32
    /// The token that the pair becomes.
    var merged: Int32
  }

  private struct Slot: Sendable {
    var left: Int32
    var right: Int32
    var merge: Merge
  }

  private var slots: [Slot]
  private let mask: Int
  private let seed: UInt64

  /// Creates an empty table with room for `capacity` merges.
  init(capacity: Int) {
    var size = 16
    while size < capacity + capacity / 2 { size *= 2 }
    slots = [Slot](repeating: Slot(left: -1, right: -1, merge: Merge(rank: 0, merged: 0)), count: size)
    mask = size - 1
    seed = UInt64.random(in: .min ... .max)
  }

  /// Adds a merge; one that was there for the same pair is replaced.
  mutating func insert(left: Int32, right: Int32, merge: Merge) {
    var slot = start(left, right)
    while slots[slot].left >= 0, slots[slot].left != left || slots[slot].right != right { slot = (slot + 1) & mask }
    slots[slot] = Slot(left: left, right: right, merge: merge)
  }

  /// What the pair becomes; nil if it does not join.
  @inline(__always)
  func find(left: Int32, right: Int32) -> Merge? {
    var slot = start(left, right)
    while slots[slot].left >= 0 {
      if slots[slot].left == left, slots[slot].right == right { return slots[slot].merge }
      slot = (slot + 1) & mask
    }
    return nil
  }

  @inline(__always)
  private func start(_ left: Int32, _ right: Int32) -> Int {
    let pair = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    var hash = (pair ^ seed) &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: hash >> 32) & mask
  }
}
