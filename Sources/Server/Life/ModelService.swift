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
      state.logger.notice("ending before the model is loaded")
      return
    }
    let llm = try result.get()
    state.becomeReady(llm)
    if let events = llm.cacheEvents {
      Task { [state] in
        for await event in events { state.cacheEvents.append(event) }
      }
    }
    state.logger.notice(
      "ready",
      metadata: [
        "model": "\(state.options.modelNames.first ?? "")",
        "ms": "\(Int((ContinuousClock.now - start) / .milliseconds(1)))",
      ])
    try? await gracefulShutdown()
    await drain(llm)
  }

  /// Waits for running requests, as long as it may, and ends the others.
  private func drain(_ llm: LLM) async {
    state.beginDraining()
    state.logger.notice("draining", metadata: ["requests": "\(state.activeRequestCount)"])
    let deadline = ContinuousClock.now + .seconds(state.options.drainTimeout)
    while state.activeRequestCount > 0, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(20))
    }
    if state.activeRequestCount > 0 {
      state.logger.warning("cancelling", metadata: ["requests": "\(state.activeRequestCount)"])
    }
    await llm.shutdown(.cancelling)
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
