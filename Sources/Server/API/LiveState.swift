internal import Executor
internal import Inflight
internal import JSON
internal import Resources

/// `GET /inflight/state`: every step and its batch, sent several times a second, and what the blocks of the cache are used
/// for.
struct LiveState: Sendable {
  /// What the server's routes share.
  let state: ServerState
  /// The request.
  let exchange: Exchange

  /// Between two looks at the engine.
  private static let interval = Duration.milliseconds(100)
  /// Looks without an event after which one finds out whether the client is still there.
  private static let looksPerEvent = 100
  /// The most clients that watch at a time.
  static let maximumWatchers = 16
  /// The most blocks of which a map is sent.
  private static let maximumMapLength = 1 << 18

  /// The events, until the client goes or the server ends.
  ///
  /// - Throws: ``APIError`` if there is no engine to look at.
  func answer() throws(APIError) -> Answer {
    let llm = try state.engine()
    // Every one of them is work in every step.
    guard let seat = state.watchers.take() else {
      throw .unavailable("\(Self.maximumWatchers) clients watch already", retryAfter: 10)
    }
    return .events { writer in
      llm.board.addWatcher()
      defer {
        llm.board.removeWatcher()
        _ = seat
      }
      try await send(llm, &writer)
    }
  }

  private func send(_ llm: LLM, _ writer: inout EventWriter) async throws {
    let connection = await WatchedConnection.of(exchange.channel)
    let start = llm.statistics()
    var next = start.stepCount
    var last = (tokens: start.generatedTokenCount, time: ContinuousClock.now)
    // One event at once, and one after the last step, show what is there when nobody is aboard.
    var isRestShown = false
    var silence = 0
    while state.phase == .ready, !Task.isCancelled, connection?.hasGone == false {
      let steps = llm.board.steps(from: next)
      let statistics = llm.statistics()
      let now = ContinuousClock.now
      let seconds = (now - last.time) / .seconds(1)
      let rate = seconds > 0 ? Double(statistics.generatedTokenCount - last.tokens) / seconds : 0
      for step in steps.dropLast() {
        try await writer.add(event(step.statistics, statistics, batch: step.entries, tokensPerSecond: rate))
      }
      // The newest event of those that are sent together has the map.
      if let step = steps.last {
        try await writer.add(
          event(
            step.statistics, statistics, batch: step.entries, tokensPerSecond: rate,
            map: await map(llm)))
        next = step.statistics.index + 1
        last = (statistics.generatedTokenCount, now)
        isRestShown = false
      }
      let isIdle = statistics.activeRequestCount == 0 && statistics.waitingRequestCount == 0
      silence = steps.isEmpty ? silence + 1 : 0
      if steps.isEmpty, isIdle && !isRestShown || silence % Self.looksPerEvent == 0 {
        let map = isIdle ? await map(llm) : nil
        try await writer.add(event(statistics.lastStep, statistics, batch: [], tokensPerSecond: rate, map: map))
        last = (statistics.generatedTokenCount, now)
        isRestShown = isIdle
      }
      try await writer.flush()
      try await Task.sleep(for: Self.interval)
    }
  }

  /// What the blocks are used for now; nil if the engine does not say.
  private func map(_ llm: LLM) async -> JSONValue? {
    await state.blockUses.value(within: state.options.stallTimeout) { await llm.blockUses() }.flatMap(Self.map)
  }

  /// The uses of blocks as letters, runs of the same one with their length before it: `12u3s.` is twelve used blocks, three
  /// shared ones and a free one; `c` is cached. Nil if there are none, or too many.
  static func map(_ uses: [BlockUse]) -> JSONValue? {
    guard (1...maximumMapLength).contains(uses.count) else { return nil }
    var text = ""
    var index = 0
    while index < uses.count {
      let run = uses[index...].prefix { $0 == uses[index] }
      if run.count > 1 { text += String(run.count) }
      text += letter(uses[index])
      index = run.endIndex
    }
    return .string(text)
  }

  private static func letter(_ use: BlockUse) -> String {
    switch use {
    case .free: "."
    case .cached: "c"
    case .used: "u"
    case .shared: "s"
    }
  }

  private func event(
    _ step: StepStatistics, _ statistics: ExecutorStatistics, batch: [BatchBoard.Entry], tokensPerSecond: Double,
    map: JSONValue? = nil
  ) -> JSONValue {
    let latencies = state.metrics.recentLatencies
    return .object([
      ("step", .count(batch.isEmpty ? statistics.stepCount : step.index + 1)),
      ("time_ms", .rounded(Double(step.forwardNanoseconds + step.overheadNanoseconds) / 1e6, digits: 3)),
      ("batch", .array(batch.map(Self.json))),
      ("waiting", .count(batch.isEmpty ? statistics.waitingRequestCount : step.waitingRequestCount)),
      ("blocks", blocks(step, statistics, isRest: batch.isEmpty, map: map)),
      ("tokens_per_second", .rounded(tokensPerSecond, digits: 1)),
      ("ttft_ms", .rounded(latencies.timeToFirstToken * 1000, digits: 2)),
      ("itl_ms", .rounded(latencies.interTokenLatency * 1000, digits: 3)),
    ])
  }

  /// The blocks after a step; between steps (`isRest`) those of now.
  private func blocks(
    _ step: StepStatistics, _ statistics: ExecutorStatistics, isRest: Bool, map: JSONValue?
  ) -> JSONValue {
    let used = isRest ? statistics.usedBlockCount : step.usedBlockCount
    let free = isRest ? statistics.freeBlockCount : step.freeBlockCount
    let cached = min(step.cachedBlockCount, free)
    var members: [(String, JSONValue)] = [
      ("total", .count(used + free)), ("used", .count(used)), ("cached", .count(cached)),
      ("free", .count(free - cached)),
    ]
    if let map { members.append(("map", map)) }
    return .object(members)
  }

  private static func json(_ entry: BatchBoard.Entry) -> JSONValue {
    .object([
      ("id", .integer(Int64(clamping: entry.id.rawValue))), ("phase", entry.isContext ? "context" : "generation"),
      ("tokens", .count(entry.tokenCount)), ("prompt_tokens", .count(entry.promptTokenCount)),
      ("generated", .count(entry.generatedTokenCount)),
    ])
  }
}

extension JSONValue {
  fileprivate static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
}
