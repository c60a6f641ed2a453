extension RuleNetwork {
  /// How many bytes every state needs at least to come to its rule's end, saturated at ``farthest``; found in ascending
  /// order (Knuth, "A generalization of Dijkstra's algorithm", 1977).
  func endingDistances() -> [Int32] {
    struct Source {
      var state: Int32
      /// The other half of a call, or -1.
      var other: Int32
    }
    var sources: [[Source]] = Array(repeating: [], count: stateCount)
    var queue = DistanceQueue()
    for state in 0..<stateCount {
      for edge in edges[Int(firstEdges[state])..<Int(firstEdges[state + 1])] {
        sources[Int(edge.target)].append(Source(state: Int32(state), other: -1))
      }
      for call in calls[callRange(of: Int32(state))] {
        sources[Int(call.start)].append(Source(state: Int32(state), other: call.target))
        sources[Int(call.target)].append(Source(state: Int32(state), other: call.start))
      }
      if isAccepting[state] { queue.insert(Int32(state), distance: 0) }
    }
    var distances = [Int32](repeating: -1, count: stateCount)
    while let (state, distance) = queue.removeFirst() {
      guard distances[Int(state)] < 0 else { continue }
      distances[Int(state)] = distance
      for source in sources[Int(state)] where distances[Int(source.state)] < 0 {
        if source.other < 0 {
          queue.insert(source.state, distance: min(distance + 1, Self.farthest))
        } else if distances[Int(source.other)] >= 0 {
          queue.insert(source.state, distance: min(distance + distances[Int(source.other)], Self.farthest))
        }
      }
    }
    return distances.map { $0 < 0 ? Self.farthest : $0 }
  }

  /// Distances from here on are not told apart.
  static let farthest: Int32 = 1 << 29
}

/// States by distance, the nearest first: a binary heap.
private struct DistanceQueue {
  private var heap: [(state: Int32, distance: Int32)] = []

  mutating func insert(_ state: Int32, distance: Int32) {
    heap.append((state, distance))
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2].distance > heap[child].distance {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> (state: Int32, distance: Int32)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].distance < heap[least].distance {
        least = child
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}

extension GrammarWalker {
  /// The fewest bytes from `place` to an end.
  func endingDistance(of place: Int32) -> Int32 {
    if canEnd(at: place) { return 0 }
    var least = RuleNetwork.farthest
    for index in places.range(of: place) {
      let item = places[index]
      least = min(least, distances[Int(item.state)] + frameDistances[Int(item.below)])
    }
    return least
  }

  /// The byte that leads from `place` to the nearest end; nil where the text may end, or if an end is too far.
  mutating func byteTowardsEnd(at place: Int32) -> UInt8? {
    guard !canEnd(at: place) else { return nil }
    var nearest: (byte: UInt8, distance: Int32)?
    for index in places.range(of: place) {
      let state = Int(places[index].state)
      for edge in network.edges[Int(network.firstEdges[state])..<Int(network.firstEdges[state + 1])] {
        // What the byte costs must not depend on the others, some of which may be known already.
        resetWork()
        let target = step(place, edge.low)
        guard target != Self.dead else { continue }
        let distance = endingDistance(of: target)
        if distance < nearest?.distance ?? RuleNetwork.farthest { nearest = (edge.low, distance) }
      }
    }
    return nearest?.byte
  }
}
