/// Nodes by the time at which their priority ends: a binary heap. What has changed since is noticed when it comes out.
struct ExpiryQueue: Sendable {
  struct Entry: Sendable {
    var time: Double
    var node: Int32
    var generation: UInt32
  }

  private var heap: [Entry] = []

  var count: Int { heap.count }

  /// Removes the entries that `isRemoved` says yes to.
  mutating func removeAll(where isRemoved: (Entry) -> Bool) {
    heap.removeAll(where: isRemoved)
    // What is sorted is a heap.
    heap.sort { $0.time < $1.time }
  }

  mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var place = heap.count - 1
    while place > 0, heap[place].time < heap[(place - 1) / 2].time {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Removes and returns the first entry whose time is not after `time`.
  mutating func popFirst(until time: Double) -> Entry? {
    guard let first = heap.first, first.time <= time else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return first }
    heap[0] = last
    var place = 0
    while true {
      var least = place
      for child in (2 * place + 1)...(2 * place + 2) where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      if least == place { return first }
      heap.swapAt(place, least)
      place = least
    }
  }
}
