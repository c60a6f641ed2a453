internal import ArgumentParser
internal import Benchmarking
internal import Catalogue
internal import Checkpoints
internal import Inflight
internal import ModelEngines
internal import Tensors

/// A benchmark of a loaded model.
final class BenchRun {
  let llm: LLM
  let plan: BenchPlan
  let driver: BenchDriver
  private let recorder: StepRecorder
  /// Where the engine adds its times; nil if operations are not timed.
  private let profile: OperationProfile?
  private let threads: Int
  private let kernels: String
  private let batchTokens: Int
  private let weightByteCount: Int
  private let handOverMicroseconds: Double
  /// The number of the next request.
  private var nextNumber = 0

  private init(
    _ llm: LLM, _ plan: BenchPlan, _ engine: EngineArguments, recorder: StepRecorder, profile: OperationProfile?,
    weightByteCount: Int
  ) {
    self.llm = llm
    self.plan = plan
    self.recorder = recorder
    self.profile = profile
    self.weightByteCount = weightByteCount
    driver = BenchDriver(llm: llm, promptTokens: plan.promptTokens, outputTokens: plan.outputTokens)
    threads = engine.threads ?? availableProcessorCount()
    kernels = engine.kernels ?? KernelTier.best.name
    batchTokens = engine.step.maxBatchTokens
    handOverMicroseconds = profile == nil ? 0 : taskHandOverMicroseconds(threadCount: threads)
  }

  /// Loads the model, with an engine that times its operations if the plan says so.
  static func load(_ model: ModelArgument, _ engine: EngineArguments, _ plan: BenchPlan) async throws -> BenchRun {
    let recorder = StepRecorder()
    var options = engine.options(maximumBatchSize: max(256, plan.levels.max() ?? 1))
    // A prompt that is sent again is to be computed again.
    options.executor.isReusingPrefixes = false
    // Where ways to choose tokens are compared, each step has one token of each request.
    if !plan.ways.isEmpty { options.executor.isJumpingForward = false }
    guard plan.isProfiled else {
      let llm = try await LLM.load(model, options: options) { recorder.add($0) }
      llm.printMemory()
      return BenchRun(
        llm, plan, engine, recorder: recorder, profile: nil, weightByteCount: llm.information.weightByteCount)
    }
    let bar = ProgressBar()
    defer { bar.finish() }
    let path = try await ModelCatalogue().resolve(model.model, progress: bar)
    let checkpoint = try Checkpoint.open(path: path)
    let ledger = try MemoryLedger(
      checkpoint, options: options.engine, secondTierByteCount: options.executor.secondTier.memoryByteCount)
    Terminal.write(ledger.words)
    options.engine.cacheTokens = ledger.cacheTokens
    let profile = OperationProfile()
    let (profiled, bytes) = try engineThatIsTimed(checkpoint, options.engine, profile, bar)
    let llm = try await LLM(model: path, options: options, engine: profiled, onStep: { recorder.add($0) })
    return BenchRun(llm, plan, engine, recorder: recorder, profile: profile, weightByteCount: bytes)
  }

  private static func engineThatIsTimed(
    _ checkpoint: Checkpoint, _ options: EngineOptions, _ profile: OperationProfile, _ bar: ProgressBar
  ) throws -> sending (any ModelEngine, Int) {
    let total = Double(max(1, checkpoint.tensorByteCount))
    var done = 0.0
    let backend = try CPUBackend(configuration: checkpoint.configuration, options: options) { bytes in
      done += Double(bytes)
      bar.update("loading", fraction: min(1, done / total))
    }
    let engine = try BackendModelEngine(
      checkpoint: checkpoint, options: options, backend: ProfilingBackend(backend, profile: profile))
    return (engine, backend.weightByteCount)
  }

  /// Measures everything that the plan says, with `peer` in turns if there is one; guided texts are what `guided` allows.
  func measure(peer: LlamaPeer?, guided: TokenControls) async throws -> BenchFigures {
    // What measuring the limits takes must not count as the model's. Where that cannot be kept apart, they are measured
    // at the end only.
    var peak = peakResidentBytes()
    var limits: [MachineLimits] = []
    if resetPeakResidentBytes() {
      limits.append(MachineLimits.measure(threadCount: threads))
      _ = resetPeakResidentBytes()
    }
    if let peer { try loadPeer(peer) }
    try await warmUp()

    var measured = Measured()
    if let peer, let rounds = plan.rounds {
      try await compare(with: peer, rounds: rounds, &measured)
    } else {
      try await reset()
      for number in takeNumbers(5) { measured.single.append(try await driver.request(number)) }
      measured.singleSteps = try await steps()
      if let rounds = plan.rounds {
        try await compareWays(rounds: rounds, guided, &measured)
      } else {
        for level in plan.levels { measured.loops.append(try await loop(level)) }
      }
    }
    peak = max(peak, peakResidentBytes())
    limits.append(MachineLimits.measure(threadCount: threads))
    return try figures(measured, limits: limits.dropFirst().reduce(limits[0]) { $0.merging($1) }, peak: peak)
  }

  /// Runs one loop at the highest level, unmeasured: it brings the processor and the threads up to speed, and touches the
  /// memory. The system gives the pages of the cache when they are first written, which takes longer than to write them, and
  /// a peer has touched its own when it was loaded.
  private func warmUp() async throws {
    let most = plan.levels.max() ?? 1
    if most > 1 { Terminal.write("warming up with \(most) requests at a time\n") }
    _ = try await driver.closedLoop(takeNumbers(most), concurrency: most)
  }

  /// What was measured, before shares of the limits can be computed.
  struct Measured {
    var single: [Timeline] = []
    var singleSteps: Steps?
    var loops: [(concurrency: Int, result: BenchDriver.LoopResult, steps: Steps)] = []
    var comparison: Comparison?
    var decoding: DecodingComparison?
  }

  /// What executor and engine counted.
  struct Steps {
    var executor: StepRecorder.Contents
    var operations: OperationProfile.Snapshot?
  }

  private func loop(
    _ level: Int
  ) async throws -> (concurrency: Int, result: BenchDriver.LoopResult, steps: Steps) {
    let numbers = takeNumbers(plan.requests(level: level))
    try await reset()
    let result = try await driver.closedLoop(numbers, concurrency: level)
    let output = result.timelines.reduce(0) { $0 + $1.tokenTimes.count }
    if plan.isSweep {
      Terminal.write(
        "\(level) at a time: \(numbers.count) requests, \(Words.number(Double(output) / result.seconds)) output tokens/s\n"
      )
    }
    return (level, result, try await steps())
  }

  private func compare(with peer: LlamaPeer, rounds: Int, _ measured: inout Measured) async throws {
    let level = plan.levels[0]
    var comparison = Comparison(peer: "llama.cpp", version: peer.version, concurrency: level)
    var loops = BenchDriver.LoopResult(timelines: [], seconds: 0)
    try await reset()
    for round in 1...rounds {
      let alone = takeNumbers(1).lowerBound
      let numbers = takeNumbers(plan.requests(level: level))
      let single = try await driver.request(alone)
      let loop = try await driver.closedLoop(numbers, concurrency: level)
      let theirs = try speeds(of: peer, alone: driver.prompt(alone), numbers.map { driver.prompt($0) }, level)
      guard let figures = SingleFigures([single], promptTokens: plan.promptTokens) else { continue }
      let output = loop.timelines.reduce(0) { $0 + $1.tokenTimes.count }
      let ours = Comparison.Speeds(
        prefill: figures.prefillTokensPerSecond, decode: figures.decodeTokensPerSecond,
        output: Double(output) / loop.seconds)
      comparison.add(ours: ours, theirs: theirs)
      measured.single.append(single)
      loops.timelines += loop.timelines
      loops.seconds += loop.seconds
      Terminal.write(
        "round \(round): prefill \(Words.number(ours.prefill)) and \(Words.number(theirs.prefill)), decode "
          + "\(Words.optional(ours.decode)) and \(Words.optional(theirs.decode)), \(level) at a time "
          + "\(Words.number(ours.output)) and \(Words.number(theirs.output)) tokens/s\n")
    }
    measured.loops = [(level, loops, try await steps())]
    measured.comparison = comparison
  }

  private func loadPeer(_ peer: LlamaPeer) throws {
    let path = llm.information.path
    guard path.utf8.suffix(5).elementsEqual(".gguf".utf8) else { throw PeerError.unsupportedModel(path: path) }
    try peer.load(
      path, threads: threads, context: plan.promptTokens + plan.outputTokens, batch: min(2048, batchTokens))
  }

  private func speeds(
    of peer: LlamaPeer, alone: [TokenID], _ prompts: [[TokenID]], _ level: Int
  ) throws(PeerError) -> Comparison.Speeds {
    let prefill = try peer.prefill(alone)
    let decoded = Array(alone.prefix(1)) + (1..<max(1, plan.outputTokens - 1)).map { TokenID($0 % 1000) }
    let decode = plan.outputTokens > 1 ? try peer.decode(decoded) : nil
    let loop = try peer.loop(prompts, output: plan.outputTokens, concurrency: level)
    return Comparison.Speeds(
      prefill: Double(alone.count) / prefill, decode: decode.map { Double(decoded.count) / $0 },
      output: Double(loop.tokens) / loop.seconds)
  }

  func takeNumbers(_ count: Int) -> Range<Int> {
    defer { nextNumber += count }
    return nextNumber..<nextNumber + count
  }

  /// Forgets the steps so far. The executor tells of its last step after the reader has the last token, so wait for it.
  func reset() async throws {
    try await Task.sleep(for: .milliseconds(20))
    recorder.reset()
    profile?.reset()
  }

  func steps() async throws -> Steps {
    try await Task.sleep(for: .milliseconds(20))
    return Steps(executor: recorder.contents, operations: profile?.snapshot)
  }

  private func figures(_ measured: Measured, limits: MachineLimits, peak: Int) throws(CommandFailure) -> BenchFigures {
    guard let single = SingleFigures(measured.single, promptTokens: plan.promptTokens), !measured.loops.isEmpty else {
      throw CommandFailure("the model generated no token; nothing can be measured")
    }
    let information = llm.information
    func profile(_ steps: Steps?) -> StepProfile? {
      guard let steps, let operations = steps.operations else { return nil }
      return StepProfile(
        operations, prefill: steps.executor.prefill, decode: steps.executor.decode, limits: limits,
        usesIntegers: information.hasIntegerWeights, handOverMicroseconds: handOverMicroseconds)
    }
    return BenchFigures(
      setting: BenchSetting(
        model: information.path, architecture: information.architecture, processor: processorName(), threads: threads,
        kernels: kernels, commandLine: CommandLine.arguments.joined(separator: " "), date: currentDate(),
        promptTokens: plan.promptTokens, outputTokens: plan.outputTokens, weightByteCount: weightByteCount,
        layerWeightCount: information.layerWeightCount, hasIntegerWeights: information.hasIntegerWeights),
      limits: limits, single: single, profile: profile(measured.singleSteps),
      loops: measured.loops.map { loop in
        LoopFigures(
          loop.result.timelines, seconds: loop.result.seconds, concurrency: loop.concurrency,
          promptTokens: plan.promptTokens, stepOverheads: loop.steps.executor.overheads, profile: profile(loop.steps))
      }, isSweep: plan.isSweep, comparison: measured.comparison, decoding: measured.decoding,
      peakResidentBytes: peak)
  }
}
