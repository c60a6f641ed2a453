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
    for (place, position) in batch.rowItems.enumerated() {
      let index = batch.items[position].index
      guard place < batch.results.count, batch.results.count == batch.rows.count else {
        let reason = "the decoder returned \(batch.results.count) results for \(batch.rows.count) rows"
        active[index].finish(.failed(.decoding(reason)))
        continue
      }
      switch batch.results[place] {
      case .success(let output): append(output, to: index)
      case .failure(let error): active[index].finish(.failed(.decoding("\(error)")))
      }
    }
  }

  private mutating func append(_ output: TokenOutput, to index: Int) {
    guard output.token >= 0, Int(output.token) < engine.limits.vocabularySize else {
      return active[index].finish(.failed(.decoding("the decoder chose token \(output.token), which does not exist")))
    }
    active[index].tokens.append(output.token)
    current.generatedTokenCount += 1
    recorder?.generated(output, by: active[index].id)
    events.append((index, .token(output)))
    if let reason = active[index].reasonToFinish { active[index].finish(reason) }
  }

  /// Tells the resource managers that the tokens of the step are processed. What a request computed that then failed is
  /// not offered to others.
  func update() {
    for place in batch.items.indices {
      let (index, request) = (batch.items[place].index, batch.items[place].resources)
      if case .finished(.failed) = active[index].state { continue }
      let first = request.processedTokenCount
      resources.cache.extendSequence(
        slot: request.slot, by: active[index].tokens[first..<first + request.tokenCount])
      resources.updateResources(for: request)
    }
  }

  /// Sends the events of the step, and the last one of every request that is finished.
  mutating func respond() {
    for place in events.indices {
      if let reader = active[events[place].index].outputs.send(events[place].output) { readers.append(reader) }
    }
    events.removeAll(keepingCapacity: true)
    for index in active.indices {
      guard case .finished(let reason) = active[index].state else { continue }
      if let reader = active[index].respondFinished(reason) { readers.append(reader) }
    }
    wakeReaders()
  }

  /// Lets the readers go on whose events have come.
  mutating func wakeReaders() {
    if let waker { return waker.wake(&readers) }
    for reader in readers { reader.resume(isTurn: true) }
    readers.removeAll(keepingCapacity: true)
  }

  /// Gives back what finished requests held and forgets them.
  mutating func free() {
    var finishedCount = 0
    for index in active.indices {
      guard case .finished(let reason) = active[index].state else { continue }
      if let slot = active[index].slot { release(slot, of: index) }
      statistics.countFinished(reason)
      recorder?.finished(active[index].id, reason, tokenCount: active[index].generatedCount)
      finishedCount += 1
    }
    if finishedCount > 0 { active.removeAll { $0.state.isFinished } }
  }

  /// Gives back everything that a request holds, its slot included.
  mutating func release(_ slot: Int, of index: Int) {
    resources.freeResources(
      for: ResourceRequest(
        id: active[index].id, slot: slot, processedTokenCount: active[index].state.processedTokenCount, tokenCount: 0,
        maximumTokenCount: active[index].maximumTokenCount))
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
    learn()
    recorder?.endStep()
    statistics.record(current, isStalled: isStalled)
  }

  /// Tells the budget of prompts how long the step took.
  private mutating func learn() {
    guard prefillBudget != nil, !batch.items.isEmpty else { return }
    let generationCount = batch.items.count { $0.tokenCount == 1 && $0.isCaughtUp }
    prefillBudget?.record(
      nanoseconds: current.forwardNanoseconds + current.overheadNanoseconds,
      prefillTokenCount: batch.items.reduce(0) { $0 + $1.tokenCount } - generationCount,
      generationCount: generationCount)
  }
}
