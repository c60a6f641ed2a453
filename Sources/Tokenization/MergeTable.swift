/// The merges of a byte-pair model: which two tokens join, how early, and into what.
///
/// Open addressing over ranks. A slot is small, and most look-ups end at the first: pairs that do not join.
struct MergeTable: Sendable {
  /// What a pair of tokens becomes.
  struct Merge: Sendable {
    /// The pair's place in the list of merges: a smaller rank is merged first.
    var rank: Int32
    /// The token that the pair becomes.
    var merged: Int32
  }

  private struct Entry: Sendable {
    var left: Int32
    var right: Int32
    var merged: Int32
  }

  /// Every merge, by rank.
  private var entries: [Entry] = []
  private var slots: PackedSlots
  private let seed: UInt64

  /// Creates an empty table with room for `capacity` merges.
  init(capacity: Int) {
    entries.reserveCapacity(capacity)
    slots = PackedSlots(capacity: capacity)
    seed = UInt64.random(in: .min ... .max)
  }

  /// Adds the merge that has the next rank; one that was there for the same pair is replaced.
  mutating func append(left: Int32, right: Int32, merged: Int32) {
    let hash = hash(left, right)
    var slot = slots.start(hash)
    while let candidate = slots.candidate(at: slot, hash: hash) {
      if let rank = candidate, entries[rank].left == left, entries[rank].right == right { break }
      slot = slots.next(slot)
    }
    slots.set(slot, index: entries.count, hash: hash)
    entries.append(Entry(left: left, right: right, merged: merged))
  }

  /// What the pair becomes; nil if it does not join.
  @inline(__always)
  func find(left: Int32, right: Int32) -> Merge? {
    let hash = hash(left, right)
    var slot = slots.start(hash)
    while let candidate = slots.candidate(at: slot, hash: hash) {
      if let rank = candidate {
        let entry = entries[rank]
        if entry.left == left, entry.right == right { return Merge(rank: Int32(rank), merged: entry.merged) }
      }
      slot = slots.next(slot)
    }
    return nil
  }

  @inline(__always)
  private func hash(_ left: Int32, _ right: Int32) -> UInt64 {
    let pair = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    var hash = (pair ^ seed) &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    return hash ^ hash >> 32
  }
}
