/// Follows a grammar byte by byte and remembers where it has been.
///
/// A *place* is all that may happen next: a list of states, each with the frames to return to when its rule has ended.
/// Frames are lists of states with frames below them, so that what is common to many ways is kept once (the graph of
/// Tomita, "Efficient parsing for natural language", 1985, and of Scott and Johnstone, "GLL parsing", 2010). Equal places
/// have equal numbers, and each knows where every byte leads, once that was asked: an automaton that is built as it is
/// walked. Place 0 is the one from which nothing is allowed.
struct GrammarWalker: Sendable {
  let network: RuleNetwork
  let limits: GrammarLimits
  private(set) var places = PlaceTable()
  private(set) var frames = PlaceTable()
  /// How many frames lie below each other, at most.
  private var depths: [Int32] = []
  /// How many bytes every state needs at least to its rule's end.
  let distances: [Int32]
  /// How many bytes are needed at least to the end of the text below each list of frames.
  private(set) var frameDistances: [Int32] = []
  /// For every place and class of bytes where it leads, or -1 if that was not asked yet.
  private(set) var rows: [Int32] = []
  /// Whether a way was left out because there were too many at once.
  private(set) var hasOverflowed = false
  /// Whether a place was left out because too many are remembered already: what was found since then may lack tokens.
  private(set) var isExhausted = false
  /// How many pairs of states and frames were touched since ``resetWork()``.
  private var work = 0
  private var scratch = Scratch()

  /// What following one byte needs, kept so that nothing is allocated for it.
  private struct Scratch: Sendable {
    var items: [PlaceTable.Pair] = []
    var slots: [Int32: Int] = [:]
    var pending: [Int] = []
    /// For every rule that is called here the frames to return to, by rank.
    var calls: [(rank: Int32, start: Int32, frames: [PlaceTable.Pair], isBottom: Bool)] = []
  }

  /// The place at which nothing is allowed.
  static let dead: Int32 = 0
  /// The place at which nothing is read yet.
  private(set) var start: Int32 = 0

  init(network: RuleNetwork, distances: [Int32], limits: GrammarLimits) {
    self.network = network
    self.distances = distances
    self.limits = limits
    _ = addPlace([], canEnd: false)
    scratch.calls.append((0, network.root, [], true))
    start = closePlace(canEnd: network.matchesEmptyText)
  }

  /// Whether the text may end at a place.
  func canEnd(at place: Int32) -> Bool { places.flag(of: place) }

  /// Whether to go on would take more work than a mask may cost. What was found since then is not remembered.
  var isOverworked: Bool { work > limits.maskWork }

  /// Begins to count work anew.
  mutating func resetWork() { work = 0 }

  /// Whether so much is remembered that it should be forgotten.
  var isFull: Bool { places.count > limits.rememberedPlaceCount }

  /// Where `byte` leads.
  @inline(__always)
  mutating func step(_ place: Int32, _ byte: UInt8) -> Int32 {
    let known = rows[Int(place) * network.classCount + Int(network.byteClasses[Int(byte)])]
    return known >= 0 ? known : makeStep(place, byte)
  }

  private mutating func makeStep(_ place: Int32, _ byte: UInt8) -> Int32 {
    guard !isOverworked else { return Self.dead }
    work += 1
    scratch.items.removeAll(keepingCapacity: true)
    scratch.slots.removeAll(keepingCapacity: true)
    scratch.pending.removeAll(keepingCapacity: true)
    scratch.calls.removeAll(keepingCapacity: true)
    for index in places.range(of: place) {
      let item = places[index]
      let target = network.target(of: item.state, byte: byte)
      if target >= 0 { add(target, below: item.below) }
    }
    let canEnd = returnFromRules()
    for index in scratch.items.indices { call(from: scratch.items[index]) }
    let target = closePlace(canEnd: canEnd)
    guard !isOverworked else { return Self.dead }
    rows[Int(place) * network.classCount + Int(network.byteClasses[Int(byte)])] = target
    return target
  }

  /// Goes on in the callers of all rules that have ended; true if the whole text has.
  private mutating func returnFromRules() -> Bool {
    var canEnd = false
    while !isOverworked, let index = scratch.pending.popLast() {
      let item = scratch.items[index]
      guard network.isAccepting[Int(item.state)] else { continue }
      if frames.flag(of: item.below) { canEnd = true }
      for frame in frames.range(of: item.below) {
        let pair = frames[frame]
        add(pair.state, below: pair.below)
      }
    }
    return canEnd
  }

  /// Adds a state, or what lies below it if the state is there.
  private mutating func add(_ state: Int32, below: Int32) {
    work += 1
    guard Int(depths[Int(below)]) + Int(network.depths[Int(state)]) <= limits.depth else { return }
    if let slot = scratch.slots[state] {
      let known = scratch.items[slot].below
      guard known != below else { return }
      let merged = union(known, below)
      guard merged != known else { return }
      scratch.items[slot].below = merged
      scratch.pending.append(slot)
    } else {
      guard scratch.items.count < limits.alternativeCount else {
        hasOverflowed = true
        return
      }
      scratch.slots[state] = scratch.items.count
      scratch.pending.append(scratch.items.count)
      scratch.items.append(PlaceTable.Pair(state: state, below: below))
    }
  }

  /// Notes what to return to when the rules that `item` can call have ended.
  private mutating func call(from item: PlaceTable.Pair) {
    for index in network.callRange(of: item.state) where !isOverworked {
      work += 1
      let call = network.calls[index]
      let need = max(Int(network.depths[Int(call.start)]) + 1, Int(network.depths[Int(call.target)]))
      guard Int(depths[Int(item.below)]) + need <= limits.depth else { continue }
      let rank = network.ranks[Int(call.rule)]
      var slot = scratch.calls.count
      while slot > 0, scratch.calls[slot - 1].rank < rank { slot -= 1 }
      // The calls are in descending order of ranks, so that the next one is the last.
      if slot == 0 || scratch.calls[slot - 1].rank != rank {
        scratch.calls.insert((rank, call.start, [], false), at: slot)
        slot += 1
      }
      if call.isTail {
        if frames.flag(of: item.below) { scratch.calls[slot - 1].isBottom = true }
        work += frames.range(of: item.below).count
        for frame in frames.range(of: item.below) { scratch.calls[slot - 1].frames.append(frames[frame]) }
      } else {
        scratch.calls[slot - 1].frames.append(PlaceTable.Pair(state: call.target, below: item.below))
      }
    }
  }

  /// Enters all rules that are called, callers first, and gives the place a number.
  private mutating func closePlace(canEnd: Bool) -> Int32 {
    while let entered = scratch.calls.popLast() {
      let below = addFrames(entered.frames, isBottom: entered.isBottom)
      guard Int(depths[Int(below)]) + Int(network.depths[Int(entered.start)]) <= limits.depth,
        scratch.items.count < limits.alternativeCount
      else {
        hasOverflowed = hasOverflowed || scratch.items.count >= limits.alternativeCount
        continue
      }
      let item = PlaceTable.Pair(state: entered.start, below: below)
      scratch.items.append(item)
      call(from: item)
    }
    return addPlace(scratch.items, canEnd: canEnd)
  }

  private mutating func union(_ left: Int32, _ right: Int32) -> Int32 {
    var pairs: [PlaceTable.Pair] = []
    for index in frames.range(of: left) { pairs.append(frames[index]) }
    for index in frames.range(of: right) { pairs.append(frames[index]) }
    return addFrames(pairs, isBottom: frames.flag(of: left) || frames.flag(of: right))
  }

  private mutating func addFrames(_ list: [PlaceTable.Pair], isBottom: Bool) -> Int32 {
    work += list.count
    var pairs = Self.normalized(list)
    if pairs.count > limits.alternativeCount {
      hasOverflowed = true
      pairs.removeSubrange(limits.alternativeCount...)
    }
    let place = frames.place(of: pairs, flag: isBottom)
    if Int(place) == depths.count {
      depths.append(pairs.reduce(0) { max($0, depths[Int($1.below)] + 1) })
      var nearest = isBottom ? 0 : RuleNetwork.farthest
      for pair in pairs { nearest = min(nearest, distances[Int(pair.state)] + frameDistances[Int(pair.below)]) }
      frameDistances.append(nearest)
    }
    return place
  }

  private mutating func addPlace(_ list: [PlaceTable.Pair], canEnd: Bool) -> Int32 {
    // Only what can go on tells places apart.
    let live = list.filter { item in
      let state = Int(item.state)
      return network.firstEdges[state] < network.firstEdges[state + 1]
    }
    guard places.count < 8 * limits.rememberedPlaceCount else {
      isExhausted = true
      return Self.dead
    }
    let place = places.place(of: Self.normalized(live), flag: canEnd)
    if Int(place) * network.classCount == rows.count {
      rows.append(contentsOf: repeatElement(place == Self.dead ? 0 : -1, count: network.classCount))
    }
    return place
  }

  private static func normalized(_ list: [PlaceTable.Pair]) -> [PlaceTable.Pair] {
    if list.count < 2 { return list }
    let sorted = list.sorted()
    var result: [PlaceTable.Pair] = []
    for pair in sorted where pair != result.last { result.append(pair) }
    return result
  }

  /// The place of another walker of the same network as a place of this one. The number of steps is that of the frames
  /// below it.
  mutating func adopt(_ place: Int32, from other: GrammarWalker) -> Int32 {
    var moved: [Int32: Int32] = [:]
    var pending = other.places.range(of: place).map { other.places[$0].below }
    while let node = pending.last {
      if moved[node] != nil {
        pending.removeLast()
        continue
      }
      let missing = other.frames.range(of: node).map { other.frames[$0].below }.filter { moved[$0] == nil }
      guard missing.isEmpty else {
        pending.append(contentsOf: missing)
        continue
      }
      let pairs = other.frames.range(of: node).map { index in
        let pair = other.frames[index]
        return PlaceTable.Pair(state: pair.state, below: moved[pair.below] ?? 0)
      }
      moved[node] = addFrames(pairs, isBottom: other.frames.flag(of: node))
      pending.removeLast()
    }
    let items = other.places.range(of: place).map { index in
      let pair = other.places[index]
      return PlaceTable.Pair(state: pair.state, below: moved[pair.below] ?? 0)
    }
    return addPlace(items, canEnd: other.canEnd(at: place))
  }
}
