/// Follows a grammar byte by byte and remembers where it has been.
///
/// A *place* is all that may happen next: a list of states, each with the frames to return to when its rule has ended.
/// Frames are lists of states with frames below them, so that what is common to many ways is kept once (the graph of
/// Tomita, "Efficient parsing for natural language", 1985, and of Scott and Johnstone, "GLL parsing", 2010). Equal places
/// have equal numbers, and each knows where every byte leads, once that was asked: an automaton that is built as it is
/// walked. Place 0 is the one from which nothing is allowed.
///
/// Numbers are given as places come, but nothing depends on them: lists are in an order of what they hold, so that where
/// a byte leads, what finding that out costs, and whether it costs too much, are the same in every walker.
struct GrammarWalker: Sendable {
  let network: RuleNetwork
  let limits: GrammarLimits
  private(set) var places = PlaceTable()
  private(set) var frames = PlaceTable()
  /// How many frames lie below each other, at most.
  private var depths: [Int32] = []
  /// For every list of frames a hash of it and of all below, which is the same in every walker.
  private var frameKeys: [UInt64] = []
  /// How many bytes every state needs at least to its rule's end.
  let distances: [Int32]
  /// How many bytes are needed at least to the end of the text below each list of frames.
  private(set) var frameDistances: [Int32] = []
  /// For every place and class of bytes where it leads, or -1 if that was not asked yet.
  private(set) var rows: [Int32] = []
  /// Whether there were too many ways at once, or following them took more work than the limits allow, since
  /// ``resetWork(to:)``. What was found since then is not to be used, and not remembered.
  private(set) var isLost = false
  /// How many pairs of states and frames were touched since ``resetWork(to:)``.
  private(set) var work = 0
  /// The same since the walker was made.
  private(set) var allWork = 0
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

  /// Begins to count work anew, or goes on from what was counted before.
  mutating func resetWork(to earlier: Int = 0) {
    work = earlier
    isLost = false
  }

  private mutating func spend(_ amount: Int) {
    work += amount
    allWork += amount
    if work > limits.maskWork { isLost = true }
  }

  /// Bytes of what is remembered, about.
  var byteCount: Int { places.byteCount + frames.byteCount + rows.count * 4 + frames.count * 16 }

  /// Where `byte` leads.
  @inline(__always)
  mutating func step(_ place: Int32, _ byte: UInt8) -> Int32 {
    let known = rows[Int(place) * network.classCount + Int(network.byteClasses[Int(byte)])]
    return known >= 0 ? known : makeStep(place, byte)
  }

  private mutating func makeStep(_ place: Int32, _ byte: UInt8) -> Int32 {
    guard !isLost else { return Self.dead }
    // The row of the place to come is counted too, whether it is there or not.
    spend(1 + network.classCount / 8)
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
    guard !isLost else { return Self.dead }
    rows[Int(place) * network.classCount + Int(network.byteClasses[Int(byte)])] = target
    return target
  }

  /// Goes on in the callers of all rules that have ended; true if the whole text has.
  private mutating func returnFromRules() -> Bool {
    var canEnd = false
    while !isLost, let index = scratch.pending.popLast() {
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
    spend(1)
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
        isLost = true
        return
      }
      scratch.slots[state] = scratch.items.count
      scratch.pending.append(scratch.items.count)
      scratch.items.append(PlaceTable.Pair(state: state, below: below))
    }
  }

  /// Notes what to return to when the rules that `item` can call have ended.
  private mutating func call(from item: PlaceTable.Pair) {
    for index in network.callRange(of: item.state) where !isLost {
      spend(1)
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
        spend(frames.range(of: item.below).count)
        for frame in frames.range(of: item.below) { scratch.calls[slot - 1].frames.append(frames[frame]) }
      } else {
        scratch.calls[slot - 1].frames.append(PlaceTable.Pair(state: call.target, below: item.below))
      }
    }
  }

  /// Enters all rules that are called, callers first, and gives the place a number.
  private mutating func closePlace(canEnd: Bool) -> Int32 {
    while !isLost, let entered = scratch.calls.popLast() {
      let below = makeFrames(entered.frames, isBottom: entered.isBottom)
      guard Int(depths[Int(below)]) + Int(network.depths[Int(entered.start)]) <= limits.depth else { continue }
      guard scratch.items.count < limits.alternativeCount else {
        isLost = true
        break
      }
      let item = PlaceTable.Pair(state: entered.start, below: below)
      scratch.items.append(item)
      call(from: item)
    }
    return isLost ? Self.dead : addPlace(scratch.items, canEnd: canEnd)
  }

  private mutating func union(_ left: Int32, _ right: Int32) -> Int32 {
    var pairs: [PlaceTable.Pair] = []
    for index in frames.range(of: left) { pairs.append(frames[index]) }
    for index in frames.range(of: right) { pairs.append(frames[index]) }
    return makeFrames(pairs, isBottom: frames.flag(of: left) || frames.flag(of: right))
  }

  private mutating func makeFrames(_ list: [PlaceTable.Pair], isBottom: Bool) -> Int32 {
    spend(list.count)
    let pairs = normalized(list)
    if pairs.count > limits.alternativeCount { isLost = true }
    return addFrames(pairs, isBottom: isBottom)
  }

  /// The number of a list of frames, which is ``normalized(_:)``; `isBottom` if the whole text may end there.
  mutating func addFrames(_ pairs: [PlaceTable.Pair], isBottom: Bool) -> Int32 {
    let place = frames.place(of: pairs, flag: isBottom)
    guard Int(place) == depths.count else { return place }
    var depth: Int32 = 0
    var nearest = isBottom ? 0 : RuleNetwork.farthest
    var key: UInt64 = isBottom ? 1 : 2
    for pair in pairs {
      depth = max(depth, depths[Int(pair.below)] + 1)
      nearest = min(nearest, distances[Int(pair.state)] + frameDistances[Int(pair.below)])
      key = (key ^ UInt64(UInt32(bitPattern: pair.state))) &* 0x9E37_79B9_7F4A_7C15
      key = (key ^ frameKeys[Int(pair.below)] ^ key >> 29) &* 0xD6E8_FEB8_6659_FD93
    }
    depths.append(depth)
    frameDistances.append(nearest)
    frameKeys.append(key ^ key >> 32)
    return place
  }

  /// The number of a place.
  mutating func addPlace(_ list: [PlaceTable.Pair], canEnd: Bool) -> Int32 {
    // Only what can go on tells places apart.
    let live = list.filter { item in
      let state = Int(item.state)
      return network.firstEdges[state] < network.firstEdges[state + 1]
    }
    let place = places.place(of: normalized(live), flag: canEnd)
    if Int(place) * network.classCount == rows.count {
      rows.append(contentsOf: repeatElement(place == Self.dead ? 0 : -1, count: network.classCount))
    }
    return place
  }

  /// A list without repetitions, in an order that does not depend on the numbers of frames.
  func normalized(_ list: [PlaceTable.Pair]) -> [PlaceTable.Pair] {
    if list.count < 2 { return list }
    // A closure that uses the walker would copy it for every comparison.
    let keys = frameKeys
    let sorted = list.sorted { left, right in
      if left.state != right.state { return left.state < right.state }
      let (first, second) = (keys[Int(left.below)], keys[Int(right.below)])
      return first != second ? first < second : left.below < right.below
    }
    var result: [PlaceTable.Pair] = []
    for pair in sorted where pair != result.last { result.append(pair) }
    return result
  }
}
