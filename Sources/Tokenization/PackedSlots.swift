/// The slots of a hash table with linear probing: in 32 bits an index below 2^23 - 1 and 9 bits of the hash.
struct PackedSlots: Sendable {
  /// Upper 9 bits: of the hash. Lower 23 bits: the index plus one; 0 is an empty slot.
  private var slots: [UInt32]
  private let mask: Int

  /// Creates empty slots, at least half as many again as `capacity`, which is below 2^23 - 1.
  init(capacity: Int) {
    precondition(capacity < (1 << 23) - 1)
    var size = 16
    while size < capacity + capacity / 2 { size *= 2 }
    slots = [UInt32](repeating: 0, count: size)
    mask = size - 1
  }

  /// The first slot for `hash`.
  @inline(__always)
  func start(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & mask }

  /// The slot to try after `slot`.
  @inline(__always)
  func next(_ slot: Int) -> Int { (slot + 1) & mask }

  /// Nil if `slot` is empty; otherwise the index in it, or nil within if it cannot have `hash`.
  @inline(__always)
  func candidate(at slot: Int, hash: UInt64) -> Int?? {
    let value = slots[slot]
    if value == 0 { return nil }
    return .some(value >> 23 == Self.tag(hash) ? Int(value & 0x7F_FFFF) - 1 : nil)
  }

  /// Puts `index` into `slot`.
  @inline(__always)
  mutating func set(_ slot: Int, index: Int, hash: UInt64) {
    slots[slot] = Self.tag(hash) << 23 | UInt32(index + 1)
  }

  @inline(__always)
  private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 55) }
}
