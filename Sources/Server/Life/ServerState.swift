package import Inflight
internal import JSON
package import Logging
internal import Resources
internal import Synchronization

/// What the routes of a server share: the model once it is there, the phase of the server's life, its counters.
package final class ServerState: Sendable {
  /// Where the server is in its life.
  package enum Phase: Sendable, Equatable {
    /// The model is being fetched and packed; how far, from 0 to 1.
    case loading(Double)
    /// Requests are served.
    case ready
    /// What was accepted is finished; nothing else is accepted.
    case draining
  }

  private struct Contents {
    var phase = Phase.loading(0)
    var llm: LLM?
    var isListening = false
  }

  /// How the server is set up.
  package let options: ServerOptions
  /// What it counts.
  package let metrics = ServerMetrics()
  /// Where it logs.
  package let logger: Logger
  /// When it was made, in seconds since 1970.
  let created = Timestamp.seconds
  /// The keys that clients may send.
  let keys: APIKeys
  /// The events of the cache, if they are asked for.
  let cacheEvents: CacheEventLog
  /// Where text is worked on.
  package let work = TextWork()
  /// The places of those who watch the engine.
  let watchers = Seats(count: LiveState.maximumWatchers)
  /// Why requests wait, for all who ask.
  let waiting = SharedInquiry<[SchedulingExplanation]>()
  /// What the cache's blocks are used for, for all who watch.
  let blockUses = SharedInquiry<[BlockUse]>()
  /// The memory of bodies.
  package let bodies: BodyBudget
  private let contents = Mutex(Contents())
  private let activeCount = Atomic<Int>(0)

  /// Creates the state of a server whose model is not there yet.
  package init(options: ServerOptions, logger: Logger) {
    self.options = options
    self.logger = logger
    keys = APIKeys(options.apiKeys)
    cacheEvents = CacheEventLog()
    bodies = BodyBudget(limit: options.maximumBufferedBytes)
  }

  /// Connections are accepted.
  func beganListening() { contents.withLock { $0.isListening = true } }

  /// Whether connections were ever accepted: if not, the server has failed to begin.
  var hasListened: Bool { contents.withLock { $0.isListening } }

  /// The phase now.
  package var phase: Phase { contents.withLock { $0.phase } }

  /// Loading is this far.
  package func loaded(_ fraction: Double) {
    contents.withLock { contents in
      if case .loading = contents.phase { contents.phase = .loading(fraction) }
    }
  }

  /// The model is there. Requests are served from now on, unless the server is already ending.
  package func becomeReady(_ llm: LLM) {
    contents.withLock { contents in
      contents.llm = llm
      if case .loading = contents.phase { contents.phase = .ready }
    }
  }

  /// Nothing more is accepted.
  package func beginDraining() { contents.withLock { $0.phase = .draining } }

  /// The model, whatever the phase; nil as long as it is not there.
  package var llm: LLM? { contents.withLock { $0.llm } }

  /// The model for a new request.
  ///
  /// - Throws: ``APIError`` while loading and draining.
  package func engine() throws(APIError) -> LLM {
    let (phase, llm) = contents.withLock { ($0.phase, $0.llm) }
    switch (phase, llm) {
    case (.ready, let llm?): return llm
    case (.draining, _): throw .ending
    case (_, _): throw .unavailable("the model is loading", retryAfter: 5)
    }
  }

  /// The model for a new request that generates.
  ///
  /// - Throws: ``APIError`` while loading and draining, and if no more requests may wait.
  func engineWithRoom() throws(APIError) -> LLM {
    let llm = try engine()
    do { try llm.checkRoom() } catch { throw APIError(error, retryAfter: retryAfter) }
    return llm
  }

  /// Has `read` make something of a body, on a thread for text; the body's memory is given back then.
  ///
  /// - Throws: ``APIError`` if the body is no JSON object, if too many wait, and what `read` throws.
  func read<Value: Sendable>(
    _ body: ReceivedBody, _ exchange: Exchange, _ read: @Sendable (JSONObject) throws(APIError) -> Value
  ) async throws(APIError) -> Value {
    defer { body.release() }
    return try await work.run(TextWork.Lane(byteCount: body.byteCount), isWanted: wanted(exchange)) {
      () throws(APIError) in
      let object = try body.takeObject(depth: options.maximumDepth)
      exchange.noteFields(of: object)
      return try read(object)
    }
  }

  /// Compiles the grammar of a plan if that is still to be done, on a thread for grammars.
  ///
  /// - Throws: ``APIError`` for a grammar that is wrong or not supported, and if too many wait.
  func compile(_ plan: inout GenerationPlan, _ llm: LLM, _ exchange: Exchange) async throws(APIError) {
    guard let guided = plan.uncompiled else { return }
    plan.uncompiled = nil
    plan.controls = try await work.run(.grammar, isWanted: wanted(exchange)) {
      () throws(APIError) in try guided.controls(llm)
    }
  }

  private func wanted(_ exchange: Exchange) -> @Sendable () throws(APIError) -> Void {
    { [timeout = options.requestTimeout] () throws(APIError) in try exchange.checkIsWanted(timeout: timeout) }
  }

  /// Generating requests under way.
  package var activeRequestCount: Int { activeCount.load(ordering: .relaxed) }

  /// A generating request begins.
  func requestBegan() { activeCount.add(1, ordering: .relaxed) }

  /// A generating request is over.
  func requestEnded() { activeCount.subtract(1, ordering: .relaxed) }

  /// Seconds after which it makes sense to try a full queue again: the mean time of a request, from 1 to 60.
  package var retryAfter: Int {
    let (counts, sum) = metrics.requestLatency.snapshot
    let count = counts.reduce(0, +)
    guard count > 0 else { return 1 }
    return Int(min(60, max(1, (sum / Double(count)).rounded(.up))))
  }

  /// Why the server is not healthy, in a word and in words; nil if it is.
  package var illness: (status: String, reason: String)? {
    switch phase {
    case .loading(let fraction):
      return ("loading", "the model is loading: \(Int(fraction * 100)) %")
    case .draining: return ("draining", "the server is shutting down")
    case .ready:
      guard let statistics = llm?.statistics() else { return ("loading", "the model is loading") }
      let seconds = statistics.secondsSinceProgress
      guard seconds > options.stallTimeout else { return nil }
      return ("stalled", "the engine has made no step for \(Int(seconds)) seconds while requests wait")
    }
  }
}
