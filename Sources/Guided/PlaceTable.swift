/// Lists of pairs of numbers, each kept once and known by its place: what a grammar's following is made of.
struct PlaceTable: Sendable {
  /// A pair of a state and what lies below it.
  struct Pair: Equatable, Sendable {
    var state: Int32
    var below: Int32
  }

  private var pairs: [Pair] = []
  private var firsts: [Int32] = [0]
  private var flags: [Bool] = []
  private var latest: [UInt64: Int32] = [:]
  /// The list that was added before with the same hash, or -1.
  private var earlier: [Int32] = []

  /// The number of lists.
  var count: Int { flags.count }

  /// Bytes of the lists, about.
  var byteCount: Int { pairs.count * 8 + flags.count * 40 }

  /// The places in ``subscript(_:)`` of list `place`.
  @inline(__always)
  func range(of place: Int32) -> Range<Int> { Int(firsts[Int(place)])..<Int(firsts[Int(place) + 1]) }

  /// One pair of a list.
  @inline(__always)
  subscript(index: Int) -> Pair { pairs[index] }

  /// The mark that a list was added with.
  @inline(__always)
  func flag(of place: Int32) -> Bool { flags[Int(place)] }

  /// The place of the list of `list`, sorted and without repetitions, with a mark that tells lists apart.
  mutating func place(of list: [Pair], flag: Bool) -> Int32 {
    var hash: UInt64 = flag ? 0x9E37_79B9_7F4A_7C15 : 0
    for pair in list {
      let bits = UInt64(UInt32(bitPattern: pair.state)) << 32 | UInt64(UInt32(bitPattern: pair.below))
      hash = (hash ^ bits) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
    }
    let newest = latest[hash] ?? -1
    var candidate = newest
    while candidate >= 0 {
      if flags[Int(candidate)] == flag, pairs[range(of: candidate)].elementsEqual(list) { return candidate }
      candidate = earlier[Int(candidate)]
    }
    let place = Int32(count)
    pairs.append(contentsOf: list)
    firsts.append(Int32(pairs.count))
    flags.append(flag)
    earlier.append(newest)
    latest[hash] = place
    return place
  }
}
