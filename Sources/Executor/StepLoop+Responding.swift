internal import Decoding
internal import ModelEngines
internal import Requests
internal import Resources
internal import Scheduling

/// Lines 6 to 9 of the step: from tokens to answers.
extension StepLoop {
  /// Moves every request of the batch forward, adds its new token if it has one, and sees whether that ends it.
  mutating func append() {
    for item in batch.items { active[item.index].advance(by: item.tokenCount) }
    pool()
    for (place, position) in batch.rowItems.enumerated() {
      let index = batch.items[position].index
      guard batch.rowSamples[place] == active[index].sampleIndex else { continue }
      guard place < batch.results.count, batch.results.count == batch.rows.count else {
        let reason = "the decoder returned \(batch.results.count) results for \(batch.rows.count) rows"
        active[index].finish(.failed(.decoding(reason)))
        continue
      }
      switch batch.results[place] {
      case .success(let output) where active[index].beamPlace != nil: note(output, of: index)
      case .success(let output): append(output, to: index)
      case .failure(let error): fail(index, error)
      }
    }
  }

  /// Appends a token that the decoder has chosen, and those that must follow it.
  private mutating func append(_ output: TokenOutput, to index: Int) {
    appendOne(output, to: index)
    while !active[index].isFinished, let token = active[index].controls?.takeForcedToken() {
      appendOne(TokenOutput(token: token), to: index)
      current.jumpedTokenCount += 1
    }
  }

  private mutating func appendOne(_ output: TokenOutput, to index: Int) {
    guard output.token >= 0, Int(output.token) < engine.limits.vocabularySize else {
      return active[index].finish(.failed(.decoding("the decoder chose token \(output.token), which does not exist")))
    }
    var output = output
    output.sampleIndex = active[index].sampleIndex
    active[index].tokens.append(output.token)
    current.generatedTokenCount += 1
    recorder?.generated(output, by: active[index].id)
    send(.token(output), of: index)
    let reason = active[index].reasonToFinish
    guard let controls = active[index].controls, reason == nil || reason == .length else {
      if let reason { active[index].finish(active[index].unlessShortened(reason)) }
      return
    }
    do throws(DecodingError) {
      try controls.accept(output.token)
      // A text that is complete has ended for that reason, even with the last token that it may have.
      if controls.isFinished { active[index].finish(active[index].unlessShortened(.constraintEnded)) }
    } catch {
      fail(index, error)
    }
    if let reason { active[index].finish(reason) }
  }

  /// Fails a request for which no token can be chosen. Where its constraint cannot go on, that is no fault of the engine's.
  private mutating func fail(_ index: Int, _ error: DecodingError) {
    let isConstraint =
      switch error {
      case .nothingAllowed: true
      case .unsupported: active[index].controls?.isRewriting ?? false
      default: false
      }
    active[index].finish(.failed(isConstraint ? .constraint("\(error)") : .decoding("\(error)")))
  }

  /// Tells the resource managers that the tokens of the step are processed. What a request computed that then failed is
  /// not offered to others. Then the sequences of further samples can be forked, and beams go on.
  mutating func update() {
    for place in batch.items.indices {
      let (index, request) = (batch.items[place].index, batch.items[place].resources)
      if case .finished(.failed) = active[index].state { continue }
      let filled = request.filledBlocks(ofSize: limits.blockSize)
      if !filled.isEmpty {
        resources.cache.extendSequence(slot: request.slot, by: active[index].tokens[filled])
      }
      resources.updateResources(for: request)
    }
    if batch.hasFurtherSamples { fork() }
    if !beamGroups.isEmpty { followBeams() }
    if board.isWatched { showBatch() }
  }

  /// Begins the samples of the requests whose prompts are processed now, each with its first token. They share the blocks
  /// of the prompt where the cache can do that; elsewhere they begin as paused requests do.
  mutating func fork() {
    guard batch.results.count == batch.rows.count else { return }
    for (place, position) in batch.rowItems.enumerated() {
      let (source, sample) = (batch.items[position].index, batch.rowSamples[place])
      guard sample != active[source].sampleIndex else { continue }
      if sampleGroups[active[source].groupID] == nil {
        sampleGroups[active[source].groupID] = SampleGroup(remainingCount: active[source].pendingSampleCount + 1)
      }
      active[source].pendingSampleCount -= 1
      var request = Request(sample: sample, of: active[source], controls: batch.rows[place].controls)
      if let slot = active[source].slot, let target = freeSlots.last,
        case .waiting(let right) = request.state, resources.cache.forkSequence(slot: slot, into: target)
      {
        freeSlots.removeLast()
        request.slot = target
        request.state = right.started(cached: request.tokens.count)
      }
      active.append(request)
      batch.isRepeatable = false
      switch batch.results[place] {
      case .success(let output): append(output, to: active.count - 1)
      case .failure(let error): fail(active.count - 1, error)
      }
    }
  }

  /// Shows the batch to those who watch. Before requests that finished are forgotten, since items name them by place.
  func showBatch() {
    guard !batch.items.isEmpty else { return }
    board.show { entries in
      for item in batch.items {
        let request = active[item.index]
        let promptCount = request.input.promptTokens.count
        entries.append(
          BatchBoard.Entry(
            id: request.id, isContext: item.resources.processedTokenCount < promptCount, tokenCount: item.tokenCount,
            promptTokenCount: promptCount, generatedTokenCount: request.generatedCount))
      }
    }
  }

  /// Sends an event of an active request. A reader that has waited for it goes on when all of the step are sent.
  mutating func send(_ output: RequestOutput, of index: Int) {
    if let reader = active[index].outputs.send(output) { readers.append(reader) }
  }

  /// Sends the last event of every request that is finished, and lets the readers go on that have waited for those of the step.
  mutating func respond() {
    if !sampleGroups.isEmpty || !beamGroups.isEmpty { failTogether() }
    var isFirst = true
    for index in active.indices {
      guard case .finished(let reason) = active[index].state else { continue }
      if isFirst {
        // Before anybody learns that a request has ended: who sends another one then finds its place free. Those that wait
        // get such places at the next plan, or show then that it is not for want of places.
        mailbox.leftQueue(EmptyCollection<Request>(), startableCount: placeCount)
        isFirst = false
      }
      if active[index].hasSiblings {
        respondSample(index, reason)
      } else if active[index].beamPlace != nil {
        respondSearch(index, reason)
      } else {
        let count = active[index].generatedCount
        if let reader = active[index].respondFinished(reason, completionTokenCount: count) { readers.append(reader) }
        statistics.countFinished(reason)
      }
    }
    wakeReaders()
  }

  /// A request whose sample has failed or was cancelled ends with all of its samples, and a search with every beam.
  private mutating func failTogether() {
    for index in active.indices where active[index].hasSiblings || active[index].beamPlace != nil {
      guard case .finished(let reason) = active[index].state, !active[index].isDropped,
        reason.endsEverySample || active[index].beamPlace != nil
      else { continue }
      let group = active[index].groupID
      for sibling in active.indices where active[sibling].groupID == group { active[sibling].finish(reason) }
    }
  }

  /// Tells the reader that one of several samples has ended, and that the request has if it was the last.
  private mutating func respondSample(_ index: Int, _ reason: FinishReason) {
    let (id, count) = (active[index].groupID, active[index].generatedCount)
    guard var group = sampleGroups[id] else { return }
    group.remainingCount -= 1
    group.completionTokenCount += count
    sampleGroups[id] = group.remainingCount == 0 ? nil : group
    if !reason.endsEverySample {
      let summary = SampleSummary(
        sampleIndex: active[index].sampleIndex, reason: reason, completionTokenCount: count)
      send(.sampleFinished(summary), of: index)
    }
    guard group.remainingCount == 0 else { return }
    let total = group.completionTokenCount
    if let reader = active[index].respondFinished(reason, completionTokenCount: total) { readers.append(reader) }
    statistics.countFinished(reason)
  }

  /// Lets the readers go on whose events have come.
  mutating func wakeReaders() {
    if let waker { return waker.wake(&readers, on: workers) }
    for reader in readers { reader.resume() }
    readers.removeAll(keepingCapacity: true)
  }

  /// Gives back what finished requests held and forgets them.
  mutating func free() {
    var finishedCount = 0
    for index in active.indices {
      guard case .finished(let reason) = active[index].state else { continue }
      if let slot = active[index].slot { release(slot, of: index) }
      // The ends of beams are those of what was found.
      if active[index].beamPlace == nil {
        recorder?.finished(active[index].id, reason, tokenCount: active[index].generatedCount)
      }
      finishedCount += 1
    }
    if finishedCount > 0 {
      active.removeAll { $0.isFinished }
      batch.isRepeatable = false
    }
  }

  /// Gives back everything that a request holds, its slot included.
  mutating func release(_ slot: Int, of index: Int) {
    resources.freeResources(
      for: ResourceRequest(
        id: active[index].id, slot: slot, processedTokenCount: active[index].state.processedTokenCount, tokenCount: 0,
        maximumTokenCount: active[index].maximumTokenCount, tag: active[index].input.tag))
    active[index].slot = nil
    freeSlots.append(slot)
  }

  /// Publishes the statistics of the step.
  mutating func record() {
    isStalled = batch.forward.runs.isEmpty && hasRequests
    current.respondNanoseconds = stopwatch.lap()
    let runningCount = limits.maximumRequestCount - freeSlots.count
    current.activeRequestCount = runningCount
    current.pausedRequestCount = active.count - runningCount
    current.waitingRequestCount = waiting.requests.count + current.pausedRequestCount
    current.batchRequestCount = batch.forward.runs.count
    current.batchTokenCount = batch.forward.tokens.count
    let budget = resources.cache.budget
    current.freeBlockCount = budget.freeBlockCount
    current.usedBlockCount = budget.totalBlockCount - budget.freeBlockCount
    let cache = resources.cache.statistics
    current.cachedBlockCount = cache.cachedBlockCount
    current.cacheHitRate = cache.hitRate
    if prefillBudget != nil { learn() }
    if !mail.blockInquiries.isEmpty { answerBlockInquiries() }
    recorder?.endStep()
    let step = statistics.record(current, isStalled: isStalled)
    if board.isWatched, step.batchRequestCount > 0 { board.finish(step) }
  }

  /// Tells those who asked what the blocks of the cache are used for.
  private mutating func answerBlockInquiries() {
    let uses = (resources.cache as? KVCacheManager)?.blockUses ?? []
    for caller in mail.blockInquiries { caller.resume(returning: uses) }
    mail.blockInquiries.removeAll(keepingCapacity: true)
  }

  /// Tells the budget of prompts how long the step took.
  private mutating func learn() {
    guard !batch.items.isEmpty else { return }
    let generationCount = batch.items.count { $0.tokenCount == 1 && $0.isCaughtUp }
    prefillBudget?.record(
      nanoseconds: current.forwardNanoseconds + current.overheadNanoseconds,
      prefillTokenCount: batch.items.reduce(0) { $0 + $1.tokenCount } - generationCount,
      generationCount: generationCount)
  }
}

/// The samples of one request that have not ended, and what those that have were.
struct SampleGroup: Sendable {
  /// Samples that have not ended.
  var remainingCount: Int
  /// Tokens that the others generated.
  var completionTokenCount = 0
}

extension FinishReason {
  /// Whether a sample that ends for this reason ends the others too.
  var endsEverySample: Bool {
    switch self {
    case .failed, .cancelled: true
    case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length: false
    }
  }
}
