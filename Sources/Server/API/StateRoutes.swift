internal import Inflight
internal import JSON

/// The routes that tell how the server is.
struct StateRoutes: Sendable {
  /// What the server's routes share.
  let state: ServerState

  /// Between two looks at what there is to tell.
  private static let interval = Duration.milliseconds(100)
  /// Looks without an event after which a comment finds out whether the client is still there.
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

  /// `GET /inflight/waiting`: why requests wait, those that go first first.
  ///
  /// - Throws: ``APIError`` if there is no engine to ask, and if it makes no step with which it could answer.
  func waiting() async throws(APIError) -> Answer {
    let llm = try state.engine()
    let seconds = state.options.stallTimeout
    guard let explanations = await state.waiting.value(within: seconds, ask: { await llm.explainWaiting() }) else {
      throw .unavailable(
        "the engine has made no step for \(APIError.words(seconds: seconds)), and cannot say why requests wait",
        retryAfter: 10)
    }
    return .json(.object([("object", "list"), ("data", .array(explanations.map(\.json)))]))
  }

  private func model(_ name: String, _ llm: LLM) -> JSONValue {
    .object([
      ("id", .string(name)), ("object", "model"), ("created", .integer(state.created)), ("owned_by", "inflight"),
      ("max_model_len", .integer(Int64(llm.engineLimits.maximumSequenceLength))),
    ])
  }

  /// `GET /v1/kv_cache/events`: what happens to the blocks of the cache, from the event after `lastID` on if that is still
  /// known.
  func cacheEvents(after lastID: String?, _ exchange: Exchange) throws(APIError) -> Answer {
    guard state.options.isReportingCacheEvents else {
      throw APIError(
        501, "cache events are off; start the server with --kv-cache-events", type: "not_implemented",
        code: "not_enabled")
    }
    _ = try state.engine()
    let log = state.cacheEvents
    var first = log.firstNumber
    if let lastID {
      guard let number = UInt64(lastID), number < .max else { throw .invalid("Last-Event-ID", "must be a number") }
      first = log.number(after: number)
    }
    return .events { [first] writer in
      var next = first
      var silence = 0
      let connection = await WatchedConnection.of(exchange.channel)
      while state.phase == .ready, !Task.isCancelled, connection?.hasGone == false {
        let events = log.events(from: next)
        for event in events { try await writer.add(CacheEventLog.json(event), id: event.number) }
        try await writer.flush()
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
