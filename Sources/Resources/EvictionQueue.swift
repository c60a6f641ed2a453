/// Nodes of a tree by what is to be given up first: a binary heap that knows where each node is, so that any of them can
/// be taken out.
struct EvictionQueue: Sendable {
  private struct Entry {
    var key: UInt64
    var node: Int32
  }

  private var heap: [Entry] = []
  /// For every node its place in ``heap``, -1 if it is not in it.
  private var places: [Int32] = []

  /// Creates an empty queue with room for the nodes `0 ..< capacity`.
  init(capacity: Int) {
    heap.reserveCapacity(capacity)
    places = Array(repeating: -1, count: capacity)
  }

  /// Number of nodes in the queue.
  var count: Int { heap.count }

  /// The key of a node: lower ones go first. By priority (0 to 100), then by the time of the last use, a count of less
  /// than 2^45, then the deeper ones first.
  static func key(priority: UInt8, lastUse: UInt64, depth: Int32) -> UInt64 {
    UInt64(priority) << 57 | (lastUse & (1 << 45 - 1)) << 12 | UInt64(4095 - min(4095, max(0, depth)))
  }

  /// Whether `node` is in the queue.
  func contains(_ node: Int32) -> Bool { Int(node) < places.count && places[Int(node)] >= 0 }

  /// The key of `node`, nil if it is not in the queue.
  func key(of node: Int32) -> UInt64? { contains(node) ? heap[Int(places[Int(node)])].key : nil }

  /// Adds `node`, which is not in the queue.
  mutating func insert(_ node: Int32, key: UInt64) {
    precondition(!contains(node), "node \(node) is queued twice")
    while places.count <= Int(node) { places.append(-1) }
    heap.append(Entry(key: key, node: node))
    places[Int(node)] = Int32(heap.count - 1)
    siftUp(heap.count - 1)
  }

  /// Removes `node` if it is in the queue.
  mutating func remove(_ node: Int32) {
    guard contains(node) else { return }
    let place = Int(places[Int(node)])
    places[Int(node)] = -1
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    places[Int(last.node)] = Int32(place)
    siftUp(place)
    siftDown(Int(places[Int(last.node)]))
  }

  /// Removes and returns the node that goes first.
  mutating func popFirst() -> Int32? {
    guard let first = heap.first else { return nil }
    remove(first.node)
    return first.node
  }

  private mutating func siftUp(_ start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard heap[place].key < heap[parent].key else { return }
      exchange(place, parent)
      place = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var place = start
    while true {
      var least = place
      for child in (2 * place + 1)...(2 * place + 2) where child < heap.count && heap[child].key < heap[least].key {
        least = child
      }
      if least == place { return }
      exchange(place, least)
      place = least
    }
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    places[Int(heap[left].node)] = Int32(left)
    places[Int(heap[right].node)] = Int32(right)
  }
}
