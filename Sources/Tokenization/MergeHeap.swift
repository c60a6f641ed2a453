/// A binary heap of the merges that are possible in a piece, the next one first.
struct MergeHeap {
  /// A merge of the symbol at ``position`` with the one after it.
  struct Entry {
    /// The merge's rank.
    var rank: Int32
    /// What the two become.
    var merged: Int32
    /// The symbol at ``position`` when the entry was made.
    var left: Int32
    /// The symbol after it then.
    var right: Int32
    /// The index of the left symbol in the piece.
    var position: Int

    /// Whether it comes before `other`: by rank, and from left to right.
    @inline(__always)
    func precedes(_ other: Entry) -> Bool {
      rank != other.rank ? rank < other.rank : position < other.position
    }
  }

  private var entries: [Entry] = []

  /// Creates an empty heap.
  init() {}

  /// Empties the heap and keeps its memory.
  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Adds an entry.
  mutating func insert(_ entry: Entry) {
    var index = entries.count
    entries.append(entry)
    while index > 0 {
      let parent = (index - 1) / 2
      guard entry.precedes(entries[parent]) else { break }
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = entry
  }

  /// Removes the entry that comes before all others; nil if there is none.
  mutating func popFirst() -> Entry? {
    guard let last = entries.popLast() else { return nil }
    guard let first = entries.first else { return last }
    var index = 0
    while true {
      var child = index * 2 + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
      guard entries[child].precedes(last) else { break }
      entries[index] = entries[child]
      index = child
    }
    entries[index] = last
    return first
  }
}
