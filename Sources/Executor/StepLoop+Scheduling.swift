internal import ModelEngines
internal import Requests
internal import Resources
internal import Scheduling

/// Lines 1 to 3 of the step: from mail to a batch.
extension StepLoop {
  /// Empties what the last step left.
  mutating func begin() {
    roundNumber += 1
    current = StepStatistics()
    if !batch.isRepeatable { batch.removePlan() }
    batch.removeContents()
    let now = Stopwatch.now
    resources.cache.advanceTime(to: recorder?.beginStep(roundNumber, nanoseconds: now) ?? Double(now) / 1e9)
  }

  /// Takes new requests and cancellations out of the mailbox.
  mutating func fetch() {
    mailbox.collect(into: &mail)
    recorder?.fetched(mail)
    for request in mail.submissions { accept(request) }
    if let mode = mail.shutdown, shutdown != .cancelling { shutdown = mode }
    for ending in mail.endings {
      for index in active.indices where active[index].id == ending.id { active[index].finish(ending.reason) }
    }
    if shutdown == .cancelling {
      cancel { _ in true }
    } else if !mail.cancellations.isEmpty || !mail.endings.isEmpty {
      let cancelled = Set(mail.cancellations)
      cancel { cancelled.contains($0) }
    }
    if !readers.isEmpty { wakeReaders() }
    current.fetchNanoseconds = stopwatch.lap()
  }

  /// Lets a new request wait, or fails it if a resource manager says that it can never run.
  private mutating func accept(_ request: Request) {
    let needs = ResourceRequest(
      id: request.id, slot: 0, processedTokenCount: 0, tokenCount: request.tokens.count,
      maximumTokenCount: request.maximumTokenCount, tag: request.input.tag)
    if let refusal = resources.refusal(of: needs) {
      finishWaiting(request, .failed(.resources("\(refusal)")))
      mailbox.leftQueue(CollectionOfOne(request), startableCount: startableCount)
    } else {
      waiting.insert(request)
    }
  }

  /// Ends the requests that `isCancelled` names and gives back at once what they hold.
  private mutating func cancel(where isCancelled: (RequestID) -> Bool) {
    let cancelled = waiting.removeAll { isCancelled($0.id) }
    for request in cancelled { finishWaiting(request, .cancelled) }
    if !cancelled.isEmpty { mailbox.leftQueue(cancelled, startableCount: startableCount) }
    for index in active.indices where isCancelled(active[index].groupID) { active[index].finish(.cancelled) }
    respond()
    free()
  }

  /// Ends a request that holds nothing.
  private mutating func finishWaiting(_ request: Request, _ reason: FinishReason) {
    if let reader = request.respondFinished(reason, completionTokenCount: 0) { readers.append(reader) }
    recorder?.finished(request.id, reason, tokenCount: request.generatedCount)
    statistics.countFinished(reason)
  }

  /// Plans the step.
  mutating func schedule() {
    if !repeatPlan() { makePlan() }
    current.scheduleNanoseconds = stopwatch.lap()
  }

  /// Plans what the step before did, each request one token further, if the policies could say nothing else.
  ///
  /// - Returns: false, and nothing is done, if they must be asked.
  private mutating func repeatPlan() -> Bool {
    guard batch.isRepeatable, waiting.requests.isEmpty, mail.inquiries.isEmpty else { return false }
    for index in active.indices where !active[index].isOneTokenBehind { return false }
    for position in batch.items.indices { batch.items[position].moveOn() }
    return true
  }

  /// Asks the policies, pauses whom they pause, and makes active whom they start.
  private mutating func makePlan() {
    let activeCount = active.count
    batch.removePlan()
    showRequests()
    round.budget = resources.cache.budget
    round.limits = limits
    if let prefillBudget { round.limits.maximumPrefillTokenCount = prefillBudget.tokenCount }
    if let recorder {
      let suggested = prefillBudget == nil ? nil : round.limits.maximumPrefillTokenCount
      round.limits.maximumPrefillTokenCount = recorder.limitPrefill(suggested) ?? limits.maximumPrefillTokenCount
    }
    round.run(scheduler)
    recorder?.scheduled(round)
    if !mail.inquiries.isEmpty { answerInquiries() }
    for index in round.decision.paused where index < shown.count { pause(shown[index]) }
    for entry in round.plan.entries { add(entry) }
    if active.count > activeCount || !mail.submissions.isEmpty {
      waiting.removeStarted()
      mailbox.leftQueue(active[activeCount...], startableCount: startableCount)
    }
    // Who records is told of every round, and beams take turns.
    batch.isRepeatable =
      isSteady && recorder == nil && beamGroups.isEmpty && batch.items.count == active.count
      && batch.items.allSatisfy { $0.tokenCount == 1 }
  }

  /// Makes what the policies see: the active requests that can run, and of the waiting ones as many as there are places.
  private mutating func showRequests() {
    round.requests.removeAll(keepingCapacity: true)
    shown.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    holdings.removeAll(keepingCapacity: true)
    // By index: iterating would copy every request, and count its references up and down.
    for index in active.indices where !active[index].isWaitingForBeams {
      shown.append(index)
      if let slot = active[index].slot { slots.append(slot) }
    }
    resources.cache.holdings(forSlots: slots, into: &holdings)
    var (placeCount, runningCount) = (limits.maximumRequestCount - active.count, 0)
    for index in shown {
      if active[index].slot == nil {
        round.requests.append(active[index].waitingView(cache: resources.cache))
      } else {
        // A cache manager is replaceable, so its answer is not trusted.
        let held = runningCount < holdings.count ? holdings[runningCount] : .none
        round.requests.append(active[index].runningView(holdings: held))
        runningCount += 1
      }
      // Kept for the samples that begin when the prompt is processed.
      placeCount -= active[index].pendingSampleCount
    }
    for index in waiting.requests.indices {
      placeCount -= waiting.requests[index].pendingSampleCount + 1
      guard placeCount >= 0 else { break }
      round.requests.append(waiting.view(at: index, cache: resources.cache))
    }
  }

  /// How many requests need not wait: as many as there are free places, unless some wait in spite of them.
  var startableCount: Int { waiting.requests.isEmpty ? placeCount : 0 }

  /// How many places no request has that goes on.
  var placeCount: Int {
    var count = limits.maximumRequestCount
    for index in active.indices where !active[index].isFinished { count -= 1 + active[index].pendingSampleCount }
    return max(0, count)
  }

  /// Adds an entry of the plan to the batch, and starts the request if it was waiting. A policy is replaceable: an entry
  /// that is impossible fails the request that it names, and no other.
  private mutating func add(_ entry: MicroBatchPlan.Entry) {
    let view = round.requests[entry.requestIndex]
    let index: Int
    if entry.requestIndex < shown.count {
      index = shown[entry.requestIndex]
    } else if let request = waiting.start(at: entry.requestIndex - shown.count) {
      active.append(request)
      index = active.count - 1
      beginSearch(index)
    } else {
      index = active.lastIndex { $0.id == view.id } ?? 0
    }
    if let reason = objection(to: entry, view: view, index: index) {
      return active[index].finish(.failed(.scheduling(reason)))
    }
    active[index].lastRound = roundNumber
    batch.tokenCount += entry.tokenCount
    batch.rowCount += view.logitsRowCount(forNext: entry.tokenCount)
    batch.items.append(
      StepBatch.Item(view: view, slot: active[index].slot ?? 0, index: index, tokenCount: entry.tokenCount))
  }

  /// What is impossible about an entry, or nil if it can be done.
  private func objection(to entry: MicroBatchPlan.Entry, view: SchedulableRequest, index: Int) -> String? {
    if active[index].lastRound == roundNumber { return "the plan names the request twice" }
    if view.isRunning, active[index].slot == nil { return "the request was paused and planned in one step" }
    guard (1...view.pendingTokenCount).contains(entry.tokenCount) else {
      return "the plan processes \(entry.tokenCount) tokens, but \(view.pendingTokenCount) are pending"
    }
    let tokens = batch.tokenCount + entry.tokenCount
    if tokens > limits.maximumTokenCount {
      return "the plan has \(tokens) tokens or more, the limit is \(limits.maximumTokenCount)"
    }
    let rows = batch.rowCount + view.logitsRowCount(forNext: entry.tokenCount)
    if rows > limits.maximumLogitsRowCount {
      return "the plan needs \(rows) rows of logits or more, the limit is \(limits.maximumLogitsRowCount)"
    }
    return nil
  }

  /// Tells those who asked why requests wait.
  mutating func answerInquiries() {
    var explanations = round.explanations(scheduler)
    var previous: RequestID?
    let shownCount = round.requests.count - shown.count
    for (place, request) in waiting.requests.enumerated() {
      if place >= shownCount {
        let cause =
          previous.map(SchedulingExplanation.Cause.headOfLine) ?? .batchSize(limit: limits.maximumRequestCount)
        explanations.append(SchedulingExplanation(id: request.id, cause: cause))
      }
      previous = request.id
    }
    for caller in mail.inquiries { caller.resume(returning: explanations) }
    mail.inquiries.removeAll(keepingCapacity: true)
  }

  /// Takes everything back from a running request, which keeps its tokens and will compute them again.
  private mutating func pause(_ index: Int) {
    guard let slot = active[index].slot else { return }
    let progress: RequestState.Progress
    switch active[index].state {
    case .context(let value), .generating(let value): progress = value
    case .waiting, .finished: return
    }
    release(slot, of: index)
    active[index].state = progress.paused()
    statistics.countPause()
  }
}
