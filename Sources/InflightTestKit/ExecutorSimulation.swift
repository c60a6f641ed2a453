internal import Decoding
internal import Executor
internal import ModelEngines
internal import Requests
public import Resources
public import Scheduling
internal import TestKit

/// Runs scenarios step by step on one thread, with a model engine that notices every wrong block, and checks the contracts
/// of the executor: after every step the books of the cache add up and no budget is exceeded; in the end every request
/// has ended for a reason that the scenario gives, with the tokens that it would have got alone, and every block is free.
public struct ExecutorSimulation: Sendable {
  /// Makes the policies; called for every run.
  public var makeScheduler: @Sendable (Scenario) -> Scheduler
  /// Makes the cache manager, or nil for the usual one. The store is that of the engine.
  public var makeCache: (@Sendable (Scenario, any KVBlockStore) -> any KVCacheManaging)?
  /// Makes what else requests need. A request that such a manager refuses may fail for that reason.
  public var makeResources: @Sendable (Scenario) -> [any BaseResourceManager]
  /// Whether the policies promise never to pause a request.
  public var neverPauses: Bool

  /// Creates a simulation.
  public init(
    neverPauses: Bool = false, makeCache: (@Sendable (Scenario, any KVBlockStore) -> any KVCacheManaging)? = nil,
    makeResources: @escaping @Sendable (Scenario) -> [any BaseResourceManager] = { _ in [] },
    makeScheduler: @escaping @Sendable (Scenario) -> Scheduler
  ) {
    self.makeScheduler = makeScheduler
    self.makeCache = makeCache
    self.makeResources = makeResources
    self.neverPauses = neverPauses
  }

  /// Runs the random scenarios with these seeds, and makes the first that breaks a contract smaller.
  ///
  /// - Throws: ``ConformanceViolation`` with the smallest scenario that was found to break a contract.
  public func check(seeds: Range<UInt64>) async throws(ConformanceViolation) {
    for seed in seeds {
      let scenario = Scenario(seed: seed)
      guard let violation = await run(scenario) else { continue }
      let (smallest, reason) = await shrink(scenario, violation)
      throw ConformanceViolation("\(reason)\n\(smallest)")
    }
  }

  /// The smallest scenario that breaks a contract and that is reached by small changes to `scenario`.
  private func shrink(
    _ scenario: Scenario, _ violation: ConformanceViolation
  ) async -> (Scenario, ConformanceViolation) {
    var (smallest, reason) = (scenario, violation)
    var isSmaller = true
    while isSmaller {
      isSmaller = false
      for candidate in smallest.reductions {
        guard let violation = await run(candidate) else { continue }
        (smallest, reason, isSmaller) = (candidate, violation, true)
        break
      }
    }
    return (smallest, reason)
  }

  /// Runs a scenario; returns the contract that was broken, nil if none was.
  public func run(_ scenario: Scenario) async -> ConformanceViolation? {
    do {
      var run = ScenarioRun(scenario, self)
      try run.steps()
      try await run.compare()
      return nil
    } catch let violation as ConformanceViolation {
      return violation
    } catch {
      return ConformanceViolation("\(error)")
    }
  }
}

/// One run of a scenario.
private struct ScenarioRun {
  let scenario: Scenario
  let neverPauses: Bool
  let engine: FakeModelEngine
  let cache: any KVCacheManaging
  let others: [any BaseResourceManager]
  let limits: BatchLimits
  let mailbox = Mailbox(maximumQueuedRequests: .max)
  let statistics = StatisticsBox()
  var loop: StepLoop
  var outputs: [RequestOutputs?]

  init(_ scenario: Scenario, _ simulation: ExecutorSimulation) {
    self.scenario = scenario
    neverPauses = simulation.neverPauses
    engine = scenario.makeEngine()
    limits = BatchLimits(
      maximumTokenCount: scenario.batchTokens, maximumRequestCount: scenario.batchRequests,
      maximumLogitsRowCount: scenario.batchRows, blockSize: scenario.blockSize,
      maximumPrefillTokenCount: scenario.prefillTokens)
    cache =
      simulation.makeCache?(scenario, engine)
      ?? KVCacheManager(
        KVCacheManager.Configuration(
          blockSize: scenario.blockSize, blockCount: scenario.blockCount, slotCount: scenario.batchRequests,
          isReusing: scenario.isReusing),
        store: engine,
        tier: scenario.hostBlockCount > 0 ? HostCacheTier(blockCount: scenario.hostBlockCount) : nil)
    others = simulation.makeResources(scenario)
    loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: simulation.makeScheduler(scenario),
      resources: ResourceManager(cache: cache, others: others), limits: limits, mailbox: mailbox,
      statistics: statistics)
    outputs = Array(repeating: nil, count: scenario.clients.count)
  }

  /// Makes steps until every request has ended.
  mutating func steps() throws {
    var step = 0
    var idleSteps = 0
    let lastArrival = scenario.clients.map(\.arrival).max() ?? 0
    while step <= lastArrival || loop.hasRequests {
      for (index, client) in scenario.clients.enumerated() {
        if client.arrival == step { try submit(index) }
        if client.cancellation == step { mailbox.cancel(RequestID(UInt64(index))) }
      }
      let passCount = engine.log.passes.count
      loop.step()
      try check(step)
      idleSteps = engine.log.passes.count == passCount && loop.hasRequests ? idleSteps + 1 : 0
      if idleSteps > 100 { throw ConformanceViolation("step \(step): requests wait, and nothing runs for 100 steps") }
      if step > 50_000 { throw ConformanceViolation("the scenario does not end") }
      step += 1
    }
  }

  private mutating func submit(_ index: Int) throws {
    let request = scenario.request(index)
    let queue = OutputQueue()
    try mailbox.submit(
      Request(
        id: RequestID(UInt64(index)), input: request, seed: scenario.seed,
        maximumTokenCount: request.promptTokens.count + scenario.clients[index].maxTokens, outputs: queue))
    outputs[index] = RequestOutputs(queue)
  }

  private mutating func check(_ step: Int) throws {
    do {
      try cache.checkIntegrity()
    } catch {
      throw ConformanceViolation("step \(step): \(error)")
    }
    let now = statistics.snapshot()
    let (budget, capacity) = (cache.budget, cache.capacity)
    func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
      if !condition { throw ConformanceViolation("step \(step): \(reason())") }
    }
    try require(now.activeRequestCount <= limits.maximumRequestCount, "\(now.activeRequestCount) requests run")
    try require(!neverPauses || now.pauseCount == 0, "a request was paused")
    try require(
      (0...budget.totalBlockCount).contains(budget.freeBlockCount), "\(budget.freeBlockCount) blocks are free")
    if !loop.hasRequests {
      try require(capacity.free == capacity.total, "\(capacity.free) of \(capacity.total) blocks are free in the end")
      for other in others {
        let (name, left) = (other.name, other.capacity)
        try require(left.free == left.total, "\(name): \(left.free) of \(left.total) are free in the end")
      }
    }
    guard let pass = engine.log.passes.last else { return }
    try require(
      pass.tokenCount <= limits.maximumTokenCount && pass.runCount <= limits.maximumRequestCount
        && pass.logitsRowCount <= limits.maximumLogitsRowCount, "the budgets are exceeded: \(pass)")
  }

  /// Compares every request's events with those of the request alone.
  func compare() async throws {
    for (index, client) in scenario.clients.enumerated() {
      guard let stream = outputs[index] else { continue }
      let output = await Events(stream)
      let alone = await Events(scenario.runAlone(index))
      func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
        if !condition { throw ConformanceViolation("client \(index): \(reason())") }
      }
      switch output.reason {
      case .length:
        try require(
          output.tokens == alone.tokens && output.prompt == alone.prompt, "its answer is not the one it gets alone")
        try require(client.failureLength ?? .max > client.promptCount + client.maxTokens - 1, "it should have failed")
      case .cancelled: try require(client.cancellation != nil, "it was cancelled by nobody")
      case .failed(.engine(let reason)):
        try require(
          client.failureLength != nil || (!scenario.failingPasses.isEmpty && reason.hasPrefix("pass ")),
          "it failed for no reason of its own: \(reason)")
      case .failed(.resources(let reason)):
        try require(
          others.contains { reason.utf8.starts(with: "\($0.name): ".utf8) },
          "it failed for want of resources: \(reason)")
      default: try require(false, "it ended as \(output.reason.map { "\($0)" } ?? "nothing")")
      }
      try require(
        alone.tokens.starts(with: output.tokens) && alone.prompt.starts(with: output.prompt),
        "its answer does not begin as the one it gets alone")
    }
  }
}

/// What came out of a request's stream.
private struct Events {
  var tokens: [TokenOutput] = []
  var prompt: [PromptTokenLogprobs] = []
  var reason: FinishReason?

  init(_ outputs: RequestOutputs) async {
    for await output in outputs {
      switch output {
      case .token(let token): tokens.append(token)
      case .promptLogprobs(let entries): prompt += entries
      case .embedding, .sampleFinished: break
      case .finished(let summary): reason = summary.reason
      }
    }
  }
}

extension Scenario {
  /// The request of client `index`.
  fileprivate func request(_ index: Int) -> GenerationRequest {
    let client = clients[index]
    var generator = SeededGenerator(seed: seed &* 31 &+ UInt64(client.prefix.number))
    var tokens = (0..<client.prefix.count).map { _ in TokenID(generator.number(0...95)) }
    generator = SeededGenerator(seed: seed &* 1000 &+ UInt64(index) &+ 500)
    // Few different tokens, so that own parts have beginnings in common now and then.
    tokens += (0..<client.ownCount).map { _ in TokenID(generator.number(0...2)) }
    // The engine recognizes a request that it cannot compute by this token.
    if client.failureLength != nil { tokens[0] = 96 }
    var params = SamplingParams(maxTokens: client.maxTokens, seed: seed, logprobs: 1)
    if client.isSampling { params.temperature = 1 }
    if client.hasPromptLogprobs { params.promptLogprobs = 1 }
    return GenerationRequest(
      promptTokens: tokens, params: params, priority: client.priority,
      cache: CacheOptions(salt: client.salt == 0 ? nil : "salt \(client.salt)"))
  }

  /// The engine, with the scenario's failures.
  fileprivate func makeEngine() -> FakeModelEngine {
    var script = FakeModelEngine.Script()
    script.failingPasses = Set(failingPasses)
    let lengths = Dictionary(
      clients.indices.compactMap { index in clients[index].failureLength.map { (request(index).promptTokens, $0) } },
      uniquingKeysWith: min)
    if !lengths.isEmpty {
      script.isFailingRun = { history in
        history[0] == 96 && lengths.contains { history.count >= $0.value && history.starts(with: $0.key) }
      }
    }
    return FakeModelEngine(
      maximumBatchTokens: batchTokens, maximumLogitsRows: batchRows, blockSize: blockSize, blockCount: blockCount,
      script: script)
  }

  /// The events of client `index` on a machine of its own, where nothing fails.
  fileprivate func runAlone(_ index: Int) -> RequestOutputs {
    let request = request(index)
    let engine = FakeModelEngine(blockSize: 128, blockCount: 1)
    let mailbox = Mailbox(maximumQueuedRequests: 1)
    let cache = KVCacheManager(
      KVCacheManager.Configuration(blockSize: 128, blockCount: 1, slotCount: 1, isReusing: false))
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(), resources: ResourceManager(cache: cache),
      limits: BatchLimits(maximumTokenCount: 256, maximumRequestCount: 1, maximumLogitsRowCount: 64, blockSize: 128),
      mailbox: mailbox, statistics: StatisticsBox())
    let queue = OutputQueue()
    try? mailbox.submit(
      Request(
        id: RequestID(0), input: request, seed: seed,
        maximumTokenCount: request.promptTokens.count + clients[index].maxTokens, outputs: queue))
    for _ in 0..<1000 {
      loop.step()
      if !loop.hasRequests { break }
    }
    return RequestOutputs(queue)
  }
}
