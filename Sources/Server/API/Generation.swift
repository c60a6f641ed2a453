internal import Inflight
internal import NIOCore
internal import Synchronization

/// Everything that one HTTP request has running in the engine. It ends when its client goes away or its time is over: the
/// engine then frees what it holds within a step, and reading its streams fails.
final class Generation: Sendable {
  /// Why it was broken off.
  enum Break: Sendable, Equatable {
    case disconnected
    case timedOut
  }

  private struct Contents {
    /// End what it has running in the engine.
    var endings: [@Sendable () -> Void] = []
    var reason: Break?
    var timer: Scheduled<Void>?
    /// Tokens of the prompts that were begun, and of what was read of the answers.
    var tokenCounts = (prompt: 0, completion: 0)
  }

  private let llm: LLM
  private let state: ServerState
  private let exchange: Exchange
  private let connection: WatchedConnection?
  private let contents = Mutex(Contents())
  private let end = Once()

  /// The most pieces that are handed out without a pause: what is there may be all of a long answer, if its client reads slowly.
  private static let maximumBurst = 64
  /// The most pieces of several streams that are read ahead of the client.
  private static let maximumBacklog = 4096

  /// Begins to watch the client and the clock.
  init(_ exchange: Exchange, llm: LLM, state: ServerState) async {
    self.llm = llm
    self.state = state
    self.exchange = exchange
    connection = await WatchedConnection.of(exchange.channel)
    state.requestBegan()
    if let connection {
      connection.observe { [weak self] in self?.breakOff(.disconnected) }
    } else {
      // A channel that was reset has lost its handlers already; then this is told at once.
      exchange.channel.closeFuture.whenComplete { [weak self] _ in self?.breakOff(.disconnected) }
    }
    let left = max(0, state.options.requestTimeout - exchange.seconds)
    let timer = exchange.channel.eventLoop.scheduleTask(in: .milliseconds(Int64(left * 1000))) {
      [weak self] () -> Void in self?.breakOff(.timedOut)
    }
    contents.withLock { $0.timer = timer }
  }

  deinit { finish() }

  /// Why it was broken off; nil if it was not.
  var reason: Break? { contents.withLock { $0.reason } }

  /// Submits prompts; all or none.
  func submit(_ plan: GenerationPlan) throws(InflightError) -> [CompletionStream] {
    // None is begun where not all have room, unless others come in between.
    try llm.checkRoom(for: plan.prompts.count, sampleCount: plan.params.sampleCount)
    var streams: [CompletionStream] = []
    for prompt in plan.prompts {
      let stream = try llm.samples(
        tokens: prompt, plan.params, priority: plan.priority, cache: plan.cache, controls: plan.controls)
      streams.append(stream)
      watch(stream.abandonment)
    }
    return streams
  }

  /// Has a request of the engine's end with this one: `end` lets who reads it go on at once, even if the engine never makes
  /// another step.
  func watch(_ end: @escaping @Sendable () -> Void) {
    let isLate = contents.withLock { contents in
      contents.endings.append(end)
      return contents.reason != nil
    }
    if isLate { end() }
  }

  /// It is over: nobody is watched any more.
  func finish() {
    guard end.isFirst() else { return }
    connection?.observe(nil)
    contents.withLock { $0.timer.take() }?.cancel()
    state.requestEnded()
  }

  private func breakOff(_ reason: Break) {
    let endings = contents.withLock { contents in
      if contents.reason == nil { contents.reason = reason }
      return contents.endings
    }
    for end in endings { end() }
    guard reason == .timedOut else { return }
    // A client that does not read keeps the answer from ending: it loses the connection.
    exchange.channel.eventLoop.scheduleTask(in: .seconds(5)) { [weak self] in
      if let self { self.exchange.channel.close(promise: nil) }
    }
  }

  /// What a refusal of the engine means to the client.
  func refusal(_ error: InflightError) -> APIError {
    // The engine may end between the question for it and the request.
    if state.phase == .draining { return .ending }
    return APIError(error, retryAfter: state.retryAfter).naming(exchange.fieldNames)
  }

  /// Ends it because of an error while reading, which is noted; returns what it means to the client. A ``refusal(_:)`` is
  /// that already, and nothing that was broken off.
  func fail(_ error: any Error) -> APIError {
    if let refusal = error as? APIError, reason == nil {
      finish()
      return refusal
    }
    let answer = apiError(error)
    state.metrics.recordBroken(answer.code ?? "error")
    exchange.note("broken", answer.code ?? "error")
    let counts = contents.withLock { $0.tokenCounts }
    exchange.note("prompt_tokens", String(counts.prompt))
    exchange.note("completion_tokens", String(counts.completion))
    finish()
    return answer
  }

  private func apiError(_ error: any Error) -> APIError {
    switch reason {
    case .timedOut?: .timedOut(state.options.requestTimeout)
    case .disconnected?: .disconnected
    case nil:
      if let error = error as? InflightError {
        error.kind == .cancelled
          ? .ending
          : refusal(error)
      } else {
        APIError(500, "the answer could not be written", type: "server_error", code: "internal_error")
      }
    }
  }

  /// Reads streams until all have ended and hands out what they say, one piece after another. `onPause` is called when
  /// everything was handed out that is there.
  ///
  /// - Throws: what a stream or a closure throws; the other streams are then dropped, which cancels them. An error too for a
  ///   stream that ends without saying how.
  func read(
    _ streams: [CompletionStream], _ handle: (Int, CompletionChunk) async throws -> Void,
    onPause: () async throws -> Void = {}
  ) async throws {
    var clocks = streams.map { TokenClock($0, exchange: exchange, metrics: state.metrics) }
    defer {
      for clock in clocks { clock.finish() }
      contents.withLock { contents in
        contents.tokenCounts = (clocks.reduce(0) { $0 + $1.promptCount }, clocks.reduce(0) { $0 + $1.completionCount })
      }
    }
    if let stream = streams.first, streams.count == 1 {
      var iterator = stream.makeAsyncIterator()
      while let first = try await iterator.next(isolation: nil) {
        var next: CompletionChunk? = first
        var count = 0
        while let chunk = next {
          clocks[0].record(chunk)
          try await handle(0, chunk)
          count += 1
          next = count < Self.maximumBurst ? try iterator.nextIfThere() : nil
        }
        try await onPause()
      }
      return try clocks[0].checkEnd()
    }
    let (merged, continuation) = AsyncThrowingStream<(Int, CompletionChunk), any Error>.makeStream()
    let backlog = Backlog(limit: Self.maximumBacklog)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let remaining = Countdown(streams.count)
      for (index, stream) in streams.enumerated() {
        group.addTask {
          do {
            for try await chunk in stream {
              continuation.yield((index, chunk))
              try await backlog.add()
            }
            if remaining.isLast() { continuation.finish() }
          } catch {
            continuation.finish(throwing: error)
          }
        }
      }
      defer { group.cancelAll() }
      for try await (index, chunk) in merged {
        backlog.remove()
        clocks[index].record(chunk)
        try await handle(index, chunk)
        try await onPause()
      }
    }
    for clock in clocks { try clock.checkEnd() }
  }
}

/// Counts what was read of several streams and not handed out yet. The rest stays in the engine's queues, where it takes less
/// memory.
private final class Backlog: Sendable {
  private let count = Atomic<Int>(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Counts a piece, and waits as long as there are too many.
  func add() async throws {
    guard count.add(1, ordering: .relaxed).newValue > limit else { return }
    // Only a client that reads slowly makes that happen.
    while count.load(ordering: .relaxed) > limit { try await Task.sleep(for: .milliseconds(5)) }
  }

  /// A piece is handed out.
  func remove() { count.subtract(1, ordering: .relaxed) }
}

/// Counts down to the last of several.
private final class Countdown: Sendable {
  private let count: Atomic<Int>

  init(_ count: Int) { self.count = Atomic(count) }

  /// Whether all others have been here.
  func isLast() -> Bool { count.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}

/// Times the tokens of one stream for the metrics. Times are those of reading: a client that reads slowly makes them longer.
private struct TokenClock {
  private let stream: CompletionStream
  private let exchange: Exchange
  private let metrics: ServerMetrics
  /// When each sample had its last token.
  private var last: [Int: ContinuousClock.Instant] = [:]
  /// Tokens of the prompt; 0 until something came of it.
  private(set) var promptCount = 0
  /// Tokens of the answers so far.
  private(set) var completionCount = 0
  /// Whether the stream has said how it ended.
  private var hasEnded = false

  init(_ stream: CompletionStream, exchange: Exchange, metrics: ServerMetrics) {
    self.stream = stream
    self.exchange = exchange
    self.metrics = metrics
  }

  /// Counts a piece of an answer.
  mutating func record(_ chunk: CompletionChunk) {
    if promptCount == 0 {
      promptCount = stream.promptTokenCount
      metrics.recordStart(promptTokenCount: promptCount, queueSeconds: queueSeconds ?? 0)
    }
    if chunk.token != nil {
      completionCount += 1
      let now = ContinuousClock.now
      if last.isEmpty { metrics.recordFirstToken((now - exchange.start) / .seconds(1)) }
      metrics.recordToken(interval: last[chunk.sampleIndex].map { (now - $0) / .seconds(1) })
      last[chunk.sampleIndex] = now
    }
    if let summary = chunk.summary {
      hasEnded = true
      metrics.record(summary, totalSeconds: exchange.seconds)
    }
  }

  /// Refuses to take what broke off for an answer.
  func checkEnd() throws(InflightError) {
    guard hasEnded else { throw InflightError(.failed, "the engine ended before the answer") }
  }

  /// There will be no more. What was given up before anything came of it has waited too.
  func finish() {
    if promptCount == 0 { metrics.recordWait(queueSeconds ?? exchange.seconds) }
  }

  private var queueSeconds: Double? { stream.queueNanoseconds.map { Double($0) / 1e9 } }
}
