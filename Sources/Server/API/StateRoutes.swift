internal import Executor
internal import Inflight
internal import JSON

/// The routes that tell how the server is.
struct StateRoutes: Sendable {
  /// What the server's routes share.
  let state: ServerState

  /// Between two events of the live view.
  private static let interval = Duration.milliseconds(100)
  /// Ticks without an event after which a comment finds out whether the client is still there.
  private static let ticksPerComment = 100

  /// `GET /health`
  func health() -> Answer {
    guard let (status, reason) = state.illness else { return .json(.object([("status", "ok")])) }
    return .json(.object([("status", .string(status)), ("reason", .string(reason))]), status: 503)
  }

  /// `GET /version`
  func version() -> Answer { .json(.object([("version", .string(state.options.version))])) }

  /// `GET /metrics`
  func metrics() -> Answer {
    .text(
      state.metrics.text(
        model: state.options.modelNames.first ?? "", statistics: state.llm?.statistics(),
        activeRequests: state.activeRequestCount), type: "text/plain; version=0.0.4; charset=utf-8")
  }

  /// `GET /v1/models`
  func models() throws(APIError) -> Answer {
    let llm = try state.engine()
    return .json(
      .object([("object", "list"), ("data", .array(state.options.modelNames.map { model($0, llm) }))]))
  }

  /// `GET /v1/models/NAME`
  func model(named name: String) throws(APIError) -> Answer {
    let llm = try state.engine()
    guard state.options.modelNames.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
      throw .noModel(String(name.prefix(200)), served: state.options.modelNames)
    }
    return .json(model(name, llm))
  }

  private func model(_ name: String, _ llm: LLM) -> JSONValue {
    .object([
      ("id", .string(name)), ("object", "model"), ("created", .integer(state.created)), ("owned_by", "inflight"),
      ("max_model_len", .integer(Int64(llm.engineLimits.maximumSequenceLength))),
    ])
  }

  /// `GET /inflight/state`: every step and its batch, sent several times a second.
  func liveState() throws(APIError) -> Answer {
    let llm = try state.engine()
    return .events { writer in
      llm.board.addWatcher()
      defer { llm.board.removeWatcher() }
      let start = llm.statistics()
      var next = start.stepCount
      var last = (tokens: start.generatedTokenCount, time: ContinuousClock.now)
      // One event at once, and one after the last step, show what is there when nobody is aboard.
      var isRestShown = false
      var silence = 0
      while state.phase == .ready, !Task.isCancelled {
        let steps = llm.board.steps(from: next)
        let statistics = llm.statistics()
        let now = ContinuousClock.now
        let seconds = (now - last.time) / .seconds(1)
        let rate = seconds > 0 ? Double(statistics.generatedTokenCount - last.tokens) / seconds : 0
        for step in steps {
          try await writer.send(event(step.statistics, statistics, batch: step.entries, tokensPerSecond: rate))
        }
        if let step = steps.last {
          next = step.statistics.index + 1
          last = (statistics.generatedTokenCount, now)
          isRestShown = false
        }
        let isIdle = statistics.activeRequestCount == 0 && statistics.waitingRequestCount == 0
        silence = steps.isEmpty ? silence + 1 : 0
        if steps.isEmpty, isIdle && !isRestShown || silence % Self.ticksPerComment == 0 {
          try await writer.send(event(statistics.lastStep, statistics, batch: [], tokensPerSecond: rate))
          last = (statistics.generatedTokenCount, now)
          isRestShown = isIdle
        }
        try await Task.sleep(for: Self.interval)
      }
    }
  }

  private func event(
    _ step: StepStatistics, _ statistics: ExecutorStatistics, batch: [BatchBoard.Entry], tokensPerSecond: Double
  ) -> JSONValue {
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    let latencies = state.metrics.recentLatencies
    // Between steps the books are those of now.
    let (used, free, waiting) =
      batch.isEmpty
      ? (statistics.usedBlockCount, statistics.freeBlockCount, statistics.waitingRequestCount)
      : (step.usedBlockCount, step.freeBlockCount, step.waitingRequestCount)
    let cached = min(step.cachedBlockCount, free)
    return .object([
      ("step", count(batch.isEmpty ? statistics.stepCount : step.index + 1)),
      ("time_ms", .rounded(Double(step.forwardNanoseconds + step.overheadNanoseconds) / 1e6, digits: 3)),
      (
        "batch",
        .array(
          batch.map { entry in
            .object([
              ("id", .integer(Int64(clamping: entry.id.rawValue))),
              ("phase", entry.isContext ? "context" : "generation"),
              ("tokens", count(entry.tokenCount)), ("prompt_tokens", count(entry.promptTokenCount)),
              ("generated", count(entry.generatedTokenCount)),
            ])
          })
      ), ("waiting", count(waiting)),
      (
        "blocks",
        .object([
          ("total", count(used + free)), ("used", count(used)), ("cached", count(cached)),
          ("free", count(free - cached)),
        ])
      ), ("tokens_per_second", .rounded(tokensPerSecond, digits: 1)),
      ("ttft_ms", .rounded(latencies.timeToFirstToken * 1000, digits: 2)),
      ("itl_ms", .rounded(latencies.interTokenLatency * 1000, digits: 3)),
    ])
  }

  /// `GET /v1/kv_cache/events`: what happens to the blocks of the cache, from the event after `lastID` on if that is still
  /// known.
  func cacheEvents(after lastID: String?) throws(APIError) -> Answer {
    guard state.options.isReportingCacheEvents else {
      throw APIError(
        501, "cache events are off; start the server with --kv-cache-events", type: "not_implemented",
        code: "not_enabled")
    }
    _ = try state.engine()
    let log = state.cacheEvents
    var next = log.firstNumber
    if let lastID {
      guard let number = UInt64(lastID), number < .max else { throw .invalid("Last-Event-ID", "must be a number") }
      next = number + 1
    }
    let first = next
    return .events { writer in
      var next = first
      var silence = 0
      while state.phase == .ready, !Task.isCancelled {
        let events = log.events(from: next)
        for event in events { try await writer.send(CacheEventLog.json(event), id: event.number) }
        if let last = events.last {
          next = last.number + 1
          silence = 0
        } else {
          silence += 1
          if silence % Self.ticksPerComment == 0 { try await writer.sendComment() }
          try await Task.sleep(for: Self.interval)
        }
      }
    }
  }
}
