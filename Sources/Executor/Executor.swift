package import Decoding
package import ModelEngines
package import Requests
package import Resources
package import Scheduling
internal import Synchronization

/// Runs requests on an engine, many at a time, on a thread of its own.
///
/// Requests go in through ``submit(_:)`` from any thread or task; what happens to them comes out of their streams. A
/// request's tokens do not depend on what else the executor is doing.
package final class Executor: Sendable {
  /// What the engine can take.
  package let engineLimits: ModelEngineLimits
  /// The engine's cache.
  package let cacheGeometry: KVCacheGeometry
  /// Width of the hidden states that the engine hands out; nil if it hands out none.
  package let hiddenSize: Int?

  private let runningCount: Int
  private let waitingCount: Int

  private let admission: AdmissionLimits
  private let isJumpingForward: Bool
  private let mailbox: Mailbox
  private let statisticsBox: StatisticsBox
  private let thread: DedicatedThread
  private let waker: ReaderWaker
  private let keeper: PrefixCacheKeeper
  /// Where the batch can be watched.
  package let board = BatchBoard()
  /// What happens to the blocks of the cache, if the configuration asks for it.
  package let cacheEvents: AsyncStream<NumberedCacheEvent>?
  private let end = EndSignal()
  private let nextID = Atomic<UInt64>(0)

  /// Starts an executor.
  ///
  /// - Parameters:
  ///   - engine: the model; handed over for good, and used by the executor's thread only.
  ///   - configuration: budgets; the engine's own limits are upper limits to them.
  ///   - scheduler: policies, or nil for the default ones.
  ///   - decoder: chooses tokens.
  ///   - cache: the manager of the engine's cache, or nil for a ``KVCacheManager`` over all of it.
  ///   - otherResources: what else requests need, in the order of preparation; the cache comes last.
  ///   - recorder: told everything that happens, on the engine thread.
  ///   - onStep: called on the engine thread after every step; it must be quick.
  /// - Throws: ``ExecutorConfigurationError``.
  package init(
    engine: sending any ModelEngine, configuration: ExecutorConfiguration = ExecutorConfiguration(),
    scheduler: Scheduler? = nil, decoder: sending any Decoder = SamplingDecoder(),
    cache: sending (any KVCacheManaging)? = nil, otherResources: sending [any BaseResourceManager] = [],
    recorder: (any ExecutionRecorder)? = nil, onStep: (@Sendable (StepStatistics) -> Void)? = nil
  ) throws(ExecutorConfigurationError) {
    let configuration = try configuration.validated()
    (engineLimits, cacheGeometry, hiddenSize) = (engine.limits, engine.cacheGeometry, engine.hiddenSize)
    let limits = try Self.batchLimits(configuration, engine.limits, engine.cacheGeometry)
    let manager: any KVCacheManaging
    if let cache {
      try Self.check(configuration, for: cache)
      manager = cache
    } else {
      manager = try Self.cacheManager(engine, configuration, limits)
    }
    let keeper = PrefixCacheKeeper(configuration.prefixCacheFile)
    cacheEvents = configuration.isReportingCacheEvents ? (manager as? KVCacheManager)?.events() : nil
    keeper.restore(manager)
    self.keeper = keeper
    let budget = manager.budget
    guard budget.blockSize == cacheGeometry.blockSize, budget.totalBlockCount <= cacheGeometry.blockCount else {
      throw ExecutorConfigurationError(
        "the cache manager has \(budget.totalBlockCount) blocks of \(budget.blockSize) tokens, but the engine has "
          + "\(cacheGeometry.blockCount) of \(cacheGeometry.blockSize)")
    }
    admission = AdmissionLimits(engineLimits, budget, maximumSampleCount: limits.maximumRequestCount)
    isJumpingForward = configuration.isJumpingForward
    let policies = scheduler ?? configuration.scheduler(limits)
    (runningCount, waitingCount) = (limits.maximumRequestCount, configuration.maximumQueuedRequests)
    let mailbox = Mailbox(
      maximumQueuedRequests: configuration.maximumQueuedRequests, startableCount: limits.maximumRequestCount)
    let statisticsBox = StatisticsBox(onStep: onStep)
    let end = end
    self.mailbox = mailbox
    self.statisticsBox = statisticsBox
    let waker: ReaderWaker
    do { waker = try ReaderWaker() } catch { throw ExecutorConfigurationError("\(error)") }
    self.waker = waker
    var loop = StepLoop(
      engine: engine, decoder: decoder, scheduler: policies,
      resources: ResourceManager(cache: manager, others: otherResources), limits: limits, mailbox: mailbox,
      statistics: statisticsBox, waker: waker, board: board, prefillBudget: configuration.prefillBudget(limits))
    loop.recorder = recorder
    do {
      thread = try DedicatedThread {
        loop.run()
        keeper.save(loop.resources.cache)
        waker.close()
        end.signal()
      }
    } catch {
      throw ExecutorConfigurationError("\(error)")
    }
  }

  /// Ends everything as cancelled, without waiting for it; see ``shutdown(_:)``.
  deinit { mailbox.shutdown(.cancelling) }

  /// A request that was accepted.
  package struct Submission: Sendable {
    /// Its name.
    package let id: RequestID
    /// The seed of its random numbers, drawn if none was given.
    package let seed: UInt64
    /// What happens to it. To stop reading (leaving the loop, cancelling the task) cancels the request.
    package let outputs: RequestOutputs
  }

  /// Accepts a request, or refuses it if it can never run.
  ///
  /// - Throws: ``SubmissionError``.
  package func submit(
    _ request: GenerationRequest, controls: TokenControls = TokenControls()
  ) throws(SubmissionError) -> Submission {
    if request.pooling != nil, hiddenSize == nil { throw .noHiddenStates }
    let maximumTokenCount =
      request.pooling == nil
      ? try admission.maximumTokenCount(of: request, controls: controls) : try admission.pooledTokenCount(of: request)
    // Every sample has a name, and so has every beam.
    let count = UInt64(request.sequenceCount)
    let id = RequestID(nextID.wrappingAdd(count, ordering: .relaxed).oldValue)
    let seed = request.params.seed ?? UInt64.random(in: .min ... .max)
    let queue = OutputQueue()
    try mailbox.submit(
      Request(
        id: id, input: request, seed: seed, maximumTokenCount: maximumTokenCount, controls: controls,
        isJumpingForward: isJumpingForward, outputs: queue))
    return Submission(
      id: id, seed: seed, outputs: RequestOutputs(queue, onAbandonment: { [mailbox] in mailbox.cancel(id) }))
  }

  /// Refuses what ``submit(_:controls:)`` would refuse now, whatever the requests are, if `count` of them came, each of
  /// `sampleCount` samples.
  ///
  /// - Throws: ``SubmissionError``.
  package func checkRoom(for count: Int, sampleCount: Int) throws(SubmissionError) {
    try mailbox.checkRoom(for: count, sampleCount: sampleCount)
  }

  /// The most requests of `sampleCount` samples, or beams, that can run and wait at a time.
  package func maximumRequestCount(sampleCount: Int) -> Int {
    let (count, overflow) = waitingCount.addingReportingOverflow(max(1, runningCount / max(1, sampleCount)))
    return overflow ? .max : count
  }

  /// The most tokens of the prompts of several requests that have not started.
  package var maximumQueuedTokens: Int { mailbox.maximumQueuedTokens }

  /// Ends a request within one step; nothing happens if it has ended already.
  package func cancel(_ id: RequestID) { mailbox.cancel(id) }

  /// Ends sample `sampleIndex` of a request for a reason that its reader has found in the text; the others go on. Nothing
  /// happens if it has ended already.
  package func endSample(_ sampleIndex: Int, of id: RequestID, for reason: FinishReason) {
    mailbox.end(RequestID(id.rawValue &+ UInt64(sampleIndex)), for: reason)
  }

  /// What the executor has done so far.
  package func statistics() -> ExecutorStatistics { statisticsBox.snapshot() }

  /// What went wrong with the file of the prefix cache, which is then not used: when it was read at the start, and when it
  /// was written at the end.
  package var prefixCacheFailures: [CacheFileError] { keeper.failures }

  /// Why the requests that did not run in the next step did not; empty if none had to wait.
  package func explainWaiting() async -> [SchedulingExplanation] {
    await withCheckedContinuation { mailbox.inquire($0) }
  }

  /// What every block of the cache is used for, as it is after the next step; one is made if there is nothing to do. Empty for
  /// a cache of the user's own, and when the executor has ended.
  package func blockUses() async -> [BlockUse] {
    await withCheckedContinuation { mailbox.inquireBlocks($0) }
  }

  /// Accepts nothing new, runs or cancels what was accepted, and returns when the thread has ended.
  package func shutdown(_ mode: ShutdownMode = .cancelling) async {
    mailbox.shutdown(mode)
    await end.wait()
    thread.join()
    waker.join()
  }

  /// Refuses what a cache manager of the user's own would ignore.
  private static func check(
    _ configuration: ExecutorConfiguration, for cache: any KVCacheManaging
  ) throws(ExecutorConfigurationError) {
    guard configuration.secondTier == .none else {
      throw ExecutorConfigurationError(
        "secondTier is that of the usual cache manager; give the tier to the manager of your own")
    }
    guard configuration.prefixCacheFile == nil || cache is KVCacheManager else {
      throw ExecutorConfigurationError("prefixCacheFile needs a KVCacheManager, but the cache manager is \(cache.name)")
    }
  }

  /// The manager of all of the engine's cache.
  package static func cacheManager(
    _ engine: any ModelEngine, _ configuration: ExecutorConfiguration, _ limits: BatchLimits
  ) throws(ExecutorConfigurationError) -> KVCacheManager {
    let geometry = engine.cacheGeometry
    guard configuration.secondTier == .none || engine.blockStore != nil else {
      throw ExecutorConfigurationError(
        "the engine gives no access to the contents of its cache; there can be no second tier")
    }
    return KVCacheManager(
      KVCacheManager.Configuration(
        blockSize: geometry.blockSize, blockCount: geometry.blockCount, slotCount: limits.maximumRequestCount,
        isReusing: configuration.isReusingPrefixes, slidingWindow: geometry.slidingWindow,
        maximumStepTokens: limits.maximumTokenCount),
      store: engine.blockStore, tier: try configuration.secondTier.tier(bytesPerBlock: geometry.bytesPerBlock))
  }

  /// The budgets of a step: the smaller of what is configured and what the engine can take.
  package static func batchLimits(
    _ configuration: ExecutorConfiguration, _ engine: ModelEngineLimits, _ cache: KVCacheGeometry
  ) throws(ExecutorConfigurationError) -> BatchLimits {
    let values = [
      ("vocabularySize", engine.vocabularySize), ("maximumBatchTokens", engine.maximumBatchTokens),
      ("maximumLogitsRows", engine.maximumLogitsRows), ("blockSize", cache.blockSize), ("blockCount", cache.blockCount),
    ]
    for (name, value) in values where value < 1 {
      throw ExecutorConfigurationError("the engine's \(name) is \(value); it must be at least 1")
    }
    guard cache.blockCount <= Int(Int32.max) else {
      throw ExecutorConfigurationError(
        "the engine's blockCount is \(cache.blockCount); it must be at most \(Int32.max)")
    }
    guard engine.maximumSequenceLength >= 2 else {
      throw ExecutorConfigurationError(
        "the engine's maximumSequenceLength is \(engine.maximumSequenceLength); a prompt and a token need 2")
    }
    let tokens = min(configuration.maximumBatchTokens, engine.maximumBatchTokens)
    return BatchLimits(
      maximumTokenCount: tokens,
      maximumRequestCount: min(configuration.maximumBatchSize, tokens, engine.maximumLogitsRows),
      maximumLogitsRowCount: engine.maximumLogitsRows, blockSize: cache.blockSize,
      maximumPrefillTokenCount: configuration.maximumPrefillTokensPerStep)
  }
}

/// Something that happens once and that tasks can wait for.
private final class EndSignal: Sendable {
  private struct State {
    var hasEnded = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// It has happened.
  func signal() {
    let waiters = state.withLock { state in
      state.hasEnded = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns when it has happened.
  func wait() async {
    await withCheckedContinuation { waiter in
      let hasEnded = state.withLock { state in
        if !state.hasEnded { state.waiters.append(waiter) }
        return state.hasEnded
      }
      if hasEnded { waiter.resume() }
    }
  }
}
