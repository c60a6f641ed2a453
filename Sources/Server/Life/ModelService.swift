internal import Inflight
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// Loads the model, keeps it, and on the way out lets what is running finish.
struct ModelService: Service {
  /// What the routes share.
  let state: ServerState
  /// Makes the model.
  let load: InflightServer.Load

  /// Loads, serves, and drains once the server is told to end. Told so while it loads, it ends at once.
  ///
  /// - Throws: what loading throws.
  func run() async throws {
    let start = ContinuousClock.now
    let loading = Loading(load, state)
    guard let result = await cancelWhenGracefulShutdown({ await loading.next() }) else {
      loading.abandon()
      state.beginDraining()
      // A server that could not listen says so itself.
      if state.hasListened { state.logger.notice("ending before the model is loaded") }
      return
    }
    let llm = try result.get()
    state.becomeReady(llm)
    if let events = llm.cacheEvents {
      Task { [state] in
        for await event in events { state.cacheEvents.append(event) }
      }
    }
    logStart(llm, milliseconds: Int((ContinuousClock.now - start) / .milliseconds(1)))
    try? await gracefulShutdown()
    try await drain(llm)
  }

  /// Says what was loaded, what it takes of the memory, and what is wrong with it that keeps nobody from being served.
  private func logStart(_ llm: LLM, milliseconds: Int) {
    var metadata: Logger.Metadata = [
      "model": "\(state.options.modelNames.first ?? "")", "ms": "\(milliseconds)",
    ]
    if let memory = llm.memory {
      metadata["memory_bytes"] = "\(memory.total)"
      metadata["memory_limit_bytes"] = "\(memory.limit)"
      metadata["weight_bytes"] = "\(memory.weights)"
      metadata["cache_bytes"] = "\(memory.cache)"
      metadata["cache_tokens"] = "\(memory.cacheTokens)"
    }
    state.logger.notice("ready", metadata: metadata)
    logFailures(llm.prefixCacheFailures)
  }

  private func logFailures(_ failures: some Sequence<CacheFileError>) {
    for failure in failures { state.logger.warning("prefix cache", metadata: ["error": "\(failure)"]) }
  }

  /// Waits for running requests, as long as it may, and ends the others.
  ///
  /// - Throws: ``StuckEngine``.
  private func drain(_ llm: LLM) async throws(StuckEngine) {
    state.beginDraining()
    state.logger.notice("draining", metadata: ["requests": "\(state.activeRequestCount)"])
    let deadline = ContinuousClock.now + .seconds(state.options.drainTimeout)
    while state.activeRequestCount > 0, ContinuousClock.now < deadline {
      await pause()
    }
    if state.activeRequestCount > 0 {
      state.logger.warning("cancelling", metadata: ["requests": "\(state.activeRequestCount)"])
    }
    let failureCount = llm.prefixCacheFailures.count
    try await shutDown(llm)
    logFailures(llm.prefixCacheFailures.dropFirst(failureCount))
    if let failure = llm.recordingFailure {
      state.logger.error("the recording is not complete", metadata: ["error": "\(failure)"])
    }
  }

  /// Ends the engine. It is not waited for if it is stuck within a step, which it then is for good.
  private func shutDown(_ llm: LLM) async throws(StuckEngine) {
    let end = Task { await llm.shutdown(.cancelling) }
    let hasEnded = Once()
    Task {
      await end.value
      _ = hasEnded.isFirst()
    }
    while !hasEnded.isOver {
      let seconds = llm.statistics().secondsSinceProgress
      guard seconds <= state.options.stallTimeout else {
        state.logger.error("the engine is stuck", metadata: ["seconds": "\(Int(seconds))"])
        throw StuckEngine(seconds: seconds)
      }
      await pause()
    }
  }

  /// Waits a little, even if the task is cancelled.
  private func pause() async { await Task { try? await Task.sleep(for: .milliseconds(20)) }.value }
}

/// The engine did not end when it was told to.
package struct StuckEngine: Error, CustomStringConvertible {
  fileprivate let seconds: Double

  /// One line that says for how long it has done nothing.
  package var description: String {
    "the engine has made no step for \(Int(seconds)) seconds; its requests and what is kept for later are lost"
  }
}

/// A model on its way, on threads of its own, since packing weights would keep one of few threads from answering.
private struct Loading {
  private let results: AsyncStream<Result<LLM, any Error>>
  private let task: Task<Void, Never>

  /// Begins to load.
  init(_ load: @escaping InflightServer.Load, _ state: ServerState) {
    let (results, continuation) = AsyncStream.makeStream(of: Result<LLM, any Error>.self)
    self.results = results
    // One for the weights, one for the tokenizer, which is read meanwhile.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    task = Task(executorPreference: LoopExecutor(group)) {
      do {
        let llm = try await load({ state.loaded($0) }, { state.metrics.record($0) })
        continuation.yield(.success(llm))
      } catch {
        continuation.yield(.failure(error))
      }
      continuation.finish()
      // Not waited for: it is these threads that end.
      group.shutdownGracefully { _ in }
    }
  }

  /// What came of it; nil if the waiting task is cancelled before.
  func next() async -> Result<LLM, any Error>? {
    for await result in results { return result }
    return nil
  }

  /// Nobody waits for it any more. What is being fetched is given up; packing goes on until the process ends.
  func abandon() { task.cancel() }
}
