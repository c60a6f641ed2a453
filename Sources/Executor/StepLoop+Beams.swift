internal import Decoding
internal import ModelEngines
internal import Requests
internal import Resources

/// A beam search under way. Its beams are requests that go on together: when the engine has computed all of them, the search
/// says which sequences are followed next, and the beams become those, each with a fork of the sequence that it goes on from.
struct BeamGroup: Sendable {
  /// Which sequences are followed, and what was found.
  var search: BeamSearch
  /// The most probable next tokens of every beam by its place; nil for one that is not computed yet.
  var alternatives: [[TokenLogprob]?] = [nil]
  /// Numbers that no beam has for a name, the least last.
  var freeNumbers: [Int]

  /// A search for `request` that has not begun.
  init(_ params: BeamSearchParams, _ request: GenerationRequest) {
    search = BeamSearch(params, endTokens: request.endTokens)
    freeNumbers = (1..<max(1, params.width)).reversed()
  }

  /// The next tokens of all beams, if all are known.
  var whole: [[TokenLogprob]]? {
    let known = alternatives.compactMap { $0 }
    return known.count == search.running.count ? known : nil
  }
}

/// Beams: what a request for a beam search does in place of appending a token.
extension StepLoop {
  /// Begins the search of an active request that asks for one.
  mutating func beginSearch(_ index: Int) {
    guard let params = active[index].input.beams else { return }
    beamGroups[active[index].groupID] = BeamGroup(params, active[index].input)
  }

  /// Takes down the most probable next tokens of a beam.
  mutating func note(_ output: TokenOutput, of index: Int) {
    guard let place = active[index].beamPlace, !active[index].isFinished else { return }
    let vocabulary = 0..<engine.limits.vocabularySize
    guard !output.top.isEmpty, output.top.allSatisfy({ vocabulary.contains(Int($0.token)) }) else {
      return active[index].finish(.failed(.decoding("the decoder gave no tokens that a beam could go on with")))
    }
    beamGroups[active[index].groupID]?.alternatives[place] = output.top
  }

  /// Lets the searches go on whose beams are all computed.
  ///
  /// A beam that is computed and must wait for another gives back what it holds until the search goes on, and policies do not
  /// see it: who holds memory can always go on by itself, so that no two searches can keep each other waiting. That happens
  /// only when a policy has paused some beams of a search.
  mutating func followBeams() {
    // In the order of their names: slots are given out on the way, and a replay must do the same.
    for id in beamGroups.keys.sorted() {
      guard var group = beamGroups[id] else { continue }
      let beams = active.indices.filter { active[$0].groupID == id && !active[$0].isDropped }
        .sorted { active[$0].beamPlace ?? 0 < active[$1].beamPlace ?? 0 }
      guard beams.count == group.alternatives.count, !beams.contains(where: { active[$0].isFinished }) else {
        continue
      }
      guard let alternatives = group.whole else {
        for (place, index) in beams.enumerated() where group.alternatives[place] != nil {
          giveUp(index)
          active[index].isWaitingForBeams = true
        }
        continue
      }
      group.search.advance(alternatives)
      current.generatedTokenCount += group.search.running.count
      if group.search.isOver { finish(beams, group) } else { reorder(beams, &group) }
      beamGroups[id] = group
    }
  }

  /// Makes `beams`, in the order of their places, the sequences that are followed now. A beam goes on itself as the first of
  /// the sequences that begin as it does; for the others it is forked, into the places of those that nobody follows.
  private mutating func reorder(_ beams: [Int], _ group: inout BeamGroup) {
    let running = group.search.running
    var indices = [Int?](repeating: nil, count: running.count)
    var isFollowed = [Bool](repeating: false, count: beams.count)
    for (place, beam) in running.enumerated() where !isFollowed[beam.parent] {
      isFollowed[beam.parent] = true
      indices[place] = beams[beam.parent]
    }
    var spare = beams.indices.filter { !isFollowed[$0] }.map { beams[$0] }
    // All of them first: the forks may need their room.
    for index in spare { giveUp(index) }
    for (place, beam) in running.enumerated() where indices[place] == nil {
      let source = beams[beam.parent]
      let target: Int
      if let index = spare.popLast() {
        target = index
        active[target].tokens.removeAll(keepingCapacity: true)
        active[target].tokens += active[source].tokens
      } else if let number = group.freeNumbers.popLast() {
        active.append(Request(beam: number, like: active[source]))
        target = active.count - 1
      } else {
        preconditionFailure("a search has as many names as it has beams at most")
      }
      forkBeam(source, into: target)
      indices[place] = target
    }
    for index in spare {
      active[index].isDropped = true
      active[index].finish(.length)
      group.freeNumbers.append(active[index].sampleIndex)
    }
    for (place, beam) in running.enumerated() {
      guard let index = indices[place], let token = beam.tokens.last else { continue }
      active[index].tokens.append(token)
      active[index].sequence = nil
      active[index].beamPlace = place
      active[index].isWaitingForBeams = false
      // Places in the batch for those that may follow.
      active[index].pendingSampleCount = place == 0 ? active[index].input.sequenceCount - running.count : 0
    }
    group.alternatives = Array(repeating: nil, count: running.count)
  }

  /// Takes everything back from a beam.
  private mutating func giveUp(_ index: Int) {
    if let slot = active[index].slot { release(slot, of: index) }
    switch active[index].state {
    case .context(let progress), .generating(let progress): active[index].state = progress.paused()
    case .waiting, .finished: break
    }
  }

  /// Gives the beam `target`, which holds nothing, a fork of what `source` has in the cache. If that cannot be, it begins as
  /// paused requests do.
  private mutating func forkBeam(_ source: Int, into target: Int) {
    guard case .waiting(let right) = active[target].state, let slot = active[source].slot, let free = freeSlots.last,
      resources.cache.forkSequence(slot: slot, into: free)
    else { return }
    freeSlots.removeLast()
    active[target].slot = free
    active[target].state = right.started(cached: active[source].state.processedTokenCount)
  }

  /// Sends what a search has found, best first, and ends its beams.
  private mutating func finish(_ beams: [Int], _ group: BeamGroup) {
    guard let first = beams.first, let params = active[first].input.beams else { return }
    let id = active[first].groupID
    for (rank, beam) in group.search.finished.prefix(params.n).enumerated() {
      let name = RequestID(id.rawValue &+ UInt64(rank))
      for (token, logprob) in zip(beam.tokens, beam.logprobs) {
        let output = TokenOutput(token: token, logprob: logprob, sampleIndex: rank)
        recorder?.generated(output, by: name)
        send(.token(output), of: first)
      }
      let reason = active[first].input.reason(toEndWith: beam.tokens.last)
      recorder?.finished(name, reason, tokenCount: beam.tokens.count)
      let summary = SampleSummary(sampleIndex: rank, reason: reason, completionTokenCount: beam.tokens.count)
      send(.sampleFinished(summary), of: first)
    }
    let best = group.search.finished.first?.tokens.last
    for index in beams { active[index].finish(active[first].input.reason(toEndWith: best)) }
  }

  /// Tells the reader that a search has ended, when the first of its beams has.
  mutating func respondSearch(_ index: Int, _ reason: FinishReason) {
    guard !active[index].isDropped, let group = beamGroups.removeValue(forKey: active[index].groupID) else { return }
    var count = 0
    if reason.endsEverySample {
      recorder?.finished(active[index].groupID, reason, tokenCount: 0)
    } else {
      for beam in group.search.finished.prefix(active[index].input.beams?.n ?? 0) { count += beam.tokens.count }
    }
    if let reader = active[index].respondFinished(reason, completionTokenCount: count) { readers.append(reader) }
    statistics.countFinished(reason)
  }
}

extension GenerationRequest {
  /// Why a sequence ends whose last token is `token`.
  fileprivate func reason(toEndWith token: TokenID?) -> FinishReason {
    guard let token else { return .length }
    if endOfSequenceTokenIDs.contains(token) { return .endOfSequence(token) }
    return params.stopTokenIDs.contains(token) ? .stopToken(token) : .length
  }
}
