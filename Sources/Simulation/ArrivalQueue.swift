/// Requests that have not started, by priority and arrival; taken out near the front.
struct ArrivalQueue {
  private var entries: [(entry: Int, priority: Int)] = []
  private var first = 0
  /// Places, from the first, that have started in this step.
  private var started: [Int] = []

  var count: Int { entries.count - first }
  var isEmpty: Bool { count == 0 }

  subscript(place: Int) -> Int { entries[first + place].entry }

  mutating func append(_ entry: Int, priority: Int) {
    var (low, high) = (first, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].priority >= priority { low = middle + 1 } else { high = middle }
    }
    entries.insert((entry, priority), at: low)
  }

  mutating func start(at place: Int) -> Int? {
    guard place < count, !started.contains(place) else { return nil }
    started.append(place)
    return self[place]
  }

  /// Moves the others that stand before a started one up to the others, so that the cost does not depend on the length.
  mutating func removeStarted() {
    guard let last = started.max() else { return }
    var target = last
    for place in (0...last).reversed() where !started.contains(place) {
      entries[first + target] = entries[first + place]
      target -= 1
    }
    first += started.count
    started.removeAll(keepingCapacity: true)
    if first > 4096, first > entries.count / 2 {
      entries.removeFirst(first)
      first = 0
    }
  }
}
