/// Finds the identifier of a token from its spelling: open addressing over the spellings' own bytes.
///
/// The hash starts from a random number, so that a file cannot be made whose tokens all collide; no result depends on it.
struct SpellingTable: Sendable {
  private var slots: PackedSlots
  private let seed: UInt64

  /// Creates an empty table with room for `capacity` tokens.
  init(capacity: Int) {
    slots = PackedSlots(capacity: capacity)
    seed = UInt64.random(in: .min ... .max)
  }

  /// Adds token `id` with the spelling that `spellings` has for it.
  ///
  /// - Returns: nil, or the token that has this spelling already; the table is unchanged then.
  mutating func insert(id: Int, of spellings: borrowing ByteStrings) -> Int? {
    let range = spellings.range(of: id)
    let hash = hash(spellings.bytes, range, 0..<0)
    var slot = slots.start(hash)
    while let candidate = slots.candidate(at: slot, hash: hash) {
      if let other = candidate,
        Self.equal(spellings.bytes, range, 0..<0, spellings.bytes, spellings.range(of: other))
      {
        return other
      }
      slot = slots.next(slot)
    }
    slots.set(slot, index: id, hash: hash)
    return nil
  }

  /// The token that is spelled as the bytes of `first` followed by those of `second`.
  func find(
    _ bytes: [UInt8], _ first: Range<Int>, _ second: Range<Int> = 0..<0, in spellings: borrowing ByteStrings
  ) -> Int? {
    let hash = hash(bytes, first, second)
    var slot = slots.start(hash)
    while let candidate = slots.candidate(at: slot, hash: hash) {
      if let id = candidate, Self.equal(bytes, first, second, spellings.bytes, spellings.range(of: id)) { return id }
      slot = slots.next(slot)
    }
    return nil
  }

  /// Whether `first` followed by `second`, of `bytes`, are the bytes of `range` of `others`.
  @inline(__always)
  static func equal(
    _ bytes: [UInt8], _ first: Range<Int>, _ second: Range<Int>, _ others: [UInt8], _ range: Range<Int>
  ) -> Bool {
    guard first.count + second.count == range.count else { return false }
    var other = range.lowerBound
    for index in first {
      if bytes[index] != others[other] { return false }
      other += 1
    }
    for index in second {
      if bytes[index] != others[other] { return false }
      other += 1
    }
    return true
  }

  @inline(__always)
  private func hash(_ bytes: [UInt8], _ first: Range<Int>, _ second: Range<Int>) -> UInt64 {
    var hash = seed
    for index in first { hash = Self.mix(hash, bytes[index]) }
    for index in second { hash = Self.mix(hash, bytes[index]) }
    return hash ^ hash >> 32
  }

  @inline(__always)
  private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    let product = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
    return product ^ product >> 29
  }
}
