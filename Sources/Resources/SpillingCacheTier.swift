/// Two tiers as one: what the first has no room for goes on to the second, the oldest first. For a fast tier in memory before
/// a large one on a disk.
///
/// A block keeps its place when it goes on, so that whoever stored it need not know. A block that cannot go on stays, and
/// what is stored next goes to the second tier, or nowhere.
public final class SpillingCacheTier: CacheTier {
  /// Most blocks that both tiers hold.
  public let blockCount: Int

  /// Where a block is.
  private enum Location {
    case first(Int32)
    case second(Int32)
    /// It could not be read when it was to go on.
    case nowhere
  }

  /// A place. Those in the first tier are linked in the order in which they were stored; -1 is the end of the list.
  private struct Entry {
    var location: Location
    var older: Int32 = -1
    var newer: Int32 = -1
  }

  private let first: any CacheTier
  private let second: any CacheTier
  private var entries: [Entry] = []
  private var freePlaces: [Int32] = []
  private var (oldest, newest): (Int32, Int32) = (-1, -1)
  /// Number of blocks in the first tier.
  private var firstCount = 0
  private var scratch: [UInt8] = []

  /// Creates a tier of two empty ones.
  public init(_ first: any CacheTier, before second: any CacheTier) {
    (self.first, self.second) = (first, second)
    let (sum, overflow) = first.blockCount.addingReportingOverflow(second.blockCount)
    blockCount = overflow ? Int(Int32.max) : min(sum, Int(Int32.max))
  }

  /// Keeps `bytes` in the first tier, whose oldest block goes on if it is full.
  public func store(_ bytes: [UInt8]) -> Int32? {
    if firstCount >= first.blockCount { spill() }
    if firstCount < first.blockCount, let inner = first.store(bytes) {
      let place = makePlace(.first(inner))
      link(place)
      return place
    }
    return second.store(bytes).map { makePlace(.second($0)) }
  }

  /// Reads a place back, wherever it is.
  public func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool {
    switch entries[Int(place)].location {
    case .first(let inner): first.load(inner, into: &bytes)
    case .second(let inner): second.load(inner, into: &bytes)
    case .nowhere: false
    }
  }

  /// Frees a place.
  public func remove(_ place: Int32) {
    switch entries[Int(place)].location {
    case .first(let inner):
      first.remove(inner)
      unlink(place)
    case .second(let inner): second.remove(inner)
    case .nowhere: break
    }
    entries[Int(place)].location = .nowhere
    freePlaces.append(place)
  }

  /// Moves the oldest block of the first tier to the second, if it has room.
  private func spill() {
    guard oldest >= 0, case .first(let inner) = entries[Int(oldest)].location else { return }
    var location = Location.nowhere
    if first.load(inner, into: &scratch) {
      guard let target = second.store(scratch) else { return }
      location = .second(target)
    }
    first.remove(inner)
    entries[Int(oldest)].location = location
    unlink(oldest)
  }

  private func makePlace(_ location: Location) -> Int32 {
    if let place = freePlaces.popLast() {
      entries[Int(place)] = Entry(location: location)
      return place
    }
    entries.append(Entry(location: location))
    return Int32(entries.count - 1)
  }

  /// Makes `place`, which was just stored, the newest.
  private func link(_ place: Int32) {
    entries[Int(place)].older = newest
    if newest >= 0 { entries[Int(newest)].newer = place } else { oldest = place }
    newest = place
    firstCount += 1
  }

  private func unlink(_ place: Int32) {
    let (older, newer) = (entries[Int(place)].older, entries[Int(place)].newer)
    if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
    if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
    (entries[Int(place)].older, entries[Int(place)].newer) = (-1, -1)
    firstCount -= 1
  }
}
