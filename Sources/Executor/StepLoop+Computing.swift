internal import Decoding
internal import ModelEngines
internal import Requests
internal import Resources
internal import Scheduling
internal import Tensors

/// Lines 3 to 5 of the step: resources, the pass, and the choice of tokens.
extension StepLoop {
  /// Gets every request of the plan what it needs for its tokens, and builds the batch of those that got it.
  mutating func prepare() {
    var firstRow = 0
    var isAnyFinished = false
    for position in batch.items.indices {
      var item = batch.items[position]
      if active[item.index].slot == nil, !active[item.index].isFinished { begin(&item) }
      do {
        if !active[item.index].isFinished {
          try resources.prepareResources(for: item.resources)
          appendRun(&item, firstRow: &firstRow)
        }
      } catch {
        active[item.index].finish(.failed(.resources("\(error)")))
      }
      if active[item.index].isFinished { isAnyFinished = true }
      batch.items[position] = item
    }
    if isAnyFinished { batch.items.removeAll { active[$0.index].isFinished } }
    current.prepareNanoseconds = stopwatch.lap()
  }

  /// Gives a request that starts, or starts again, a slot and a sequence in the cache.
  private mutating func begin(_ item: inout StepBatch.Item) {
    guard case .waiting(let right) = active[item.index].state, let slot = freeSlots.popLast() else {
      preconditionFailure("there are as many slots as active requests, and only running requests hold one")
    }
    let knownCount = active[item.index].tokens.count
    // What was planned not to reach the last token must not, even if more is found than was seen when it was planned:
    // there may be no row of logits for it.
    let isWhole = item.resources.processedTokenCount + item.tokenCount == knownCount
    let maximumReuse = min(active[item.index].maximumReuse, knownCount - (isWhole ? 1 : item.tokenCount + 1))
    let sequence =
      active[item.index].sequence.take()
      ?? CacheSequence(tokens: active[item.index].tokens, options: active[item.index].input.cache)
    let cached = resources.cache.beginSequence(slot: slot, sequence: sequence, maximumReuse: maximumReuse)
    active[item.index].slot = slot
    // A cache manager is replaceable, so its answer is not trusted.
    guard cached >= 0, cached <= max(0, maximumReuse) else {
      return active[item.index].finish(
        .failed(.resources("\(resources.cache.name) found \(cached) tokens where \(maximumReuse) are allowed")))
    }
    recorder?.started(active[item.index].id, cachedTokenCount: cached)
    active[item.index].state = right.started(cached: cached)
    if active[item.index].generatedCount == 0 { active[item.index].cachedTokenCount = cached }
    active[item.index].outputs.noteStart()
    item.tokenCount = min(item.tokenCount, knownCount - cached)
    item.resources.slot = slot
    item.resources.processedTokenCount = cached
    item.resources.tokenCount = item.tokenCount
  }

  /// Adds the request's tokens to the batch.
  private mutating func appendRun(_ item: inout StepBatch.Item, firstRow: inout Int) {
    let first = item.resources.processedTokenCount
    let end = first + item.tokenCount
    let blocks = resources.cache.blockTable(forSlot: item.resources.slot)
    guard blocks.count == (end + limits.blockSize - 1) / limits.blockSize else {
      return active[item.index].finish(
        .failed(.resources("\(resources.cache.name) gave \(blocks.count) blocks for \(end) tokens")))
    }
    if checksBlocks, let block = blocks.first(where: { $0 < 0 || Int($0) >= engine.cacheGeometry.blockCount }) {
      return active[item.index].finish(
        .failed(.resources("\(resources.cache.name) gave block \(block), which is none")))
    }
    item.isCaughtUp = end == active[item.index].tokens.count
    item.logits = active[item.index].needsEveryLogitsRow ? .all : item.isCaughtUp ? .last : .none
    if active[item.index].facts.isPooled { requestHidden(&item) }
    item.firstRow = firstRow
    if item.tokenCount == 1 {
      batch.forward.append(
        token: active[item.index].tokens[first], position: first, blocks: blocks, logits: item.logits,
        hidden: item.hidden)
    } else {
      batch.forward.append(
        tokens: active[item.index].tokens[first..<end], firstPosition: first, blocks: blocks, logits: item.logits,
        hidden: item.hidden)
    }
    firstRow = item.logits == .none ? firstRow : item.lastRow + 1
  }

  /// Runs the model. A pass that fails, fails the requests of its batch, or the one that the engine names, without which
  /// the pass is made again; the loop goes on.
  mutating func forward() -> Logits? {
    defer { current.forwardNanoseconds = stopwatch.lap() }
    while !batch.items.isEmpty {
      let rowCount = batch.forward.logitsRowCount
      do {
        let logits = try engine.forward(batch.forward)
        if logits.rowCount == rowCount { return logits }
        failBatch("the engine returned \(logits.rowCount) rows of logits instead of \(rowCount)")
      } catch let failure as RunFailure where batch.items.indices.contains(failure.runIndex) {
        active[batch.items[failure.runIndex].index].finish(.failed(.engine(failure.reason)))
        batch.items.remove(at: failure.runIndex)
        rebuildBatch()
      } catch {
        failBatch("\(error)")
      }
    }
    return nil
  }

  /// Makes the batch of the items that are left. To compute a token again writes what is there already.
  private mutating func rebuildBatch() {
    batch.forward.removeAll()
    var firstRow = 0
    for position in batch.items.indices {
      var item = batch.items[position]
      appendRun(&item, firstRow: &firstRow)
      batch.items[position] = item
    }
  }

  private mutating func failBatch(_ reason: String) {
    for item in batch.items { active[item.index].finish(.failed(.engine(reason))) }
    batch.items.removeAll(keepingCapacity: true)
  }

  /// Computes the log-probabilities of prompts and chooses tokens. A row that fails, fails its request.
  mutating func decode(_ logits: Logits?) {
    guard let logits else { return batch.dropOldRows() }
    prefetchRequests()
    for position in batch.items.indices {
      let item = batch.items[position]
      if item.logits == .all { reportPrompt(item, logits) }
      guard item.isCaughtUp, item.logits != .none, !active[item.index].isFinished else { continue }
      // The samples that begin here all draw from the row after the prompt. Beams have one row whatever follows.
      let first = active[item.index].sampleIndex
      let furtherCount = active[item.index].beamPlace == nil ? active[item.index].pendingSampleCount : 0
      if furtherCount > 0 { batch.hasFurtherSamples = true }
      for sample in first...first + furtherCount {
        addRow(item, sample)
        batch.rowItems.append(position)
        batch.rowSamples.append(sample)
      }
    }
    batch.dropOldRows()
    if !batch.rows.isEmpty { decoder.decode(logits, rows: batch.rows, into: &batch.results) }
    current.decodeNanoseconds = stopwatch.lap()
  }

  /// Asks for what choosing and adding tokens, and preparing the next step, touches of the requests in the batch.
  private mutating func prefetchRequests() {
    slots.removeAll(keepingCapacity: true)
    for position in batch.items.indices {
      active[batch.items[position].index].prefetch()
      slots.append(batch.items[position].resources.slot)
    }
    resources.cache.prefetch(forSlots: slots)
  }

  /// Adds the row from which sample `sample` of the request of `item` gets its token.
  private mutating func addRow(_ item: StepBatch.Item, _ sample: Int) {
    let name = RequestID(active[item.index].groupID.rawValue &+ UInt64(sample))
    let position = item.resources.processedTokenCount + item.tokenCount
    if batch.reuseRow(of: name, logitsRow: item.lastRow, position: position) { return }
    batch.add(
      DecodingRow(
        logitsRow: item.lastRow, params: active[item.index].input.params, seed: active[item.index].seed,
        position: position, sampleIndex: active[item.index].input.firstSampleIndex &+ sample,
        controls: controls(item.index, sample)), of: name)
  }

  /// The controls of sample `sample` of an active request: its own, or a copy for a sample that begins.
  private mutating func controls(_ index: Int, _ sample: Int) -> SequenceControls? {
    guard sample != active[index].sampleIndex else { return active[index].controls }
    return active[index].controls?.copy()
  }

  /// Reports the log-probabilities of those tokens of the prompt that the rows of this step are about: the row of a token
  /// is that of the position before it, so that they carry over from one chunk to the next.
  private mutating func reportPrompt(_ item: StepBatch.Item, _ logits: Logits) {
    let request = active[item.index]
    let prompt = request.input.promptTokens
    guard prompt.allSatisfy({ Int($0) < logits.vocabularySize }) else {
      let reason = "the engine returned \(logits.vocabularySize) logits in a row, which are not for all tokens"
      return active[item.index].finish(.failed(.engine(reason)))
    }
    var entries: [PromptTokenLogprobs] = []
    if request.reportedPromptCount == 0 {
      entries.append(PromptTokenLogprobs(token: prompt[0], logprob: nil, top: []))
    }
    let firstRowPosition = item.resources.processedTokenCount
    var position = max(request.reportedPromptCount, firstRowPosition + 1)
    do throws(DecodingError) {
      while position < min(firstRowPosition + item.tokenCount + 1, prompt.count) {
        let row = item.firstRow + position - 1 - firstRowPosition
        entries.append(
          try logits.withRow(row) { (values) throws(DecodingError) in
            logSoftmax.prepare(values, scan: try LogitsScan(values))
            return PromptTokenLogprobs(
              token: prompt[position], logprob: logSoftmax.logprob(ofLogit: values[Int(prompt[position])]),
              top: logSoftmax.top(request.input.params.promptLogprobs ?? 0, of: values))
          })
        position += 1
      }
    } catch {
      return active[item.index].finish(.failed(.decoding("prompt token \(position): \(error)")))
    }
    guard !entries.isEmpty else { return }
    active[item.index].reportedPromptCount += entries.count
    send(.promptLogprobs(entries), of: item.index)
  }
}
