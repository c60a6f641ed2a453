/// A place with all that lies below it, apart from the numbers that a walker gave it.
struct PlaceImage: Sendable {
  /// Lists of a state and the list below it, each behind those below it; the last is the place.
  fileprivate var pairs: [PlaceTable.Pair] = []
  fileprivate var ends: [Int] = []
  fileprivate var flags: [Bool] = []

  fileprivate mutating func append(_ list: some Sequence<PlaceTable.Pair>, flag: Bool) {
    pairs.append(contentsOf: list)
    ends.append(pairs.count)
    flags.append(flag)
  }
}

extension GrammarWalker {
  /// What another walker of the same network needs to know of `place`. The work is that of the frames below it.
  func image(of place: Int32) -> PlaceImage {
    var image = PlaceImage()
    var moved: [Int32: Int32] = [:]
    var pending = places.range(of: place).map { places[$0].below }
    while let node = pending.last {
      guard moved[node] == nil else {
        pending.removeLast()
        continue
      }
      let missing = frames.range(of: node).map { frames[$0].below }.filter { moved[$0] == nil }
      guard missing.isEmpty else {
        pending.append(contentsOf: missing)
        continue
      }
      let list = frames.range(of: node).map { index in
        PlaceTable.Pair(state: frames[index].state, below: moved[frames[index].below] ?? 0)
      }
      moved[node] = Int32(image.flags.count)
      image.append(list, flag: frames.flag(of: node))
      pending.removeLast()
    }
    let items = places.range(of: place).map { index in
      PlaceTable.Pair(state: places[index].state, below: moved[places[index].below] ?? 0)
    }
    image.append(items, flag: canEnd(at: place))
    return image
  }

  /// The number that the place of `image` has here.
  mutating func adopt(_ image: PlaceImage) -> Int32 {
    var numbers: [Int32] = []
    var first = 0
    for (end, flag) in zip(image.ends.dropLast(), image.flags) {
      let pairs = image.pairs[first..<end].map { PlaceTable.Pair(state: $0.state, below: numbers[Int($0.below)]) }
      numbers.append(addFrames(normalized(pairs), isBottom: flag))
      first = end
    }
    let items = image.pairs[first...].map { PlaceTable.Pair(state: $0.state, below: numbers[Int($0.below)]) }
    return addPlace(items, canEnd: image.flags.last ?? false)
  }
}
