internal import ArgumentParser
internal import Inflight
internal import JSON
internal import Simulation

/// `inflight simulate`
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "What a scheduling policy does to a trace of requests, on a machine that need not be there.",
    discussion: """
      A trace has one request a line: when it arrives, in seconds, the tokens of its prompt and those of its answer, and, \
      if it begins as others do, the number of that beginning (from 1; 0 is none), its tokens, and a priority:

        arrival,prompt,output[,prefix,prefix tokens[,priority]]
        0.00,812,64,1,512
        0.35,90,220
        # a comment

      The machine is known by the cost of a step: so much for the step itself, for each token of a prompt, and for each \
      request that generates. --cost-from takes that from what inflight bench --sweep --json has printed; without costs \
      those of a small model on two processors are used. The cache is simplified: what requests share is what the trace \
      says they share. docs/simulation.md has the details.

      EXAMPLES:
        inflight simulate --generate 1000 --rate 4
        inflight simulate --generate 1000 --rate 4 --all-policies --json
        inflight bench --sweep --json > bench.json
        inflight simulate --trace trace.csv --cost-from bench.json --cache-tokens 32768 --all-policies
        inflight simulate --trace trace.csv --cost-from bench.json --target-itl 50
      """)

  @Option(help: ArgumentHelp("The trace.", valueName: "file"))
  var trace: String?
  @OptionGroup(title: "A TRACE AT RANDOM") var synthetic: SyntheticTraceArguments
  @OptionGroup(title: "COSTS") var cost: StepCostArguments
  @OptionGroup(title: "MACHINE AND POLICIES") var machine: SimulatedMachineArguments
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if (trace == nil) == (synthetic.generate == nil) {
      throw ValidationError("either --trace FILE or --generate N says which requests arrive")
    }
    if trace != nil, let name = synthetic.firstGiven {
      throw ValidationError("\(name) belongs to --generate; with --trace the file says it")
    }
  }

  func run() throws {
    let trace = try trace.map { try RequestTrace(csv: TextFile.read($0)) } ?? synthetic.trace()
    if let path = synthetic.writeTrace { try TextFile.write(trace.csv, to: path) }
    let cost = try cost.cost()
    var runs: [SimulationRun] = []
    for (capacity, chunking) in machine.policies {
      let started = ContinuousClock.now
      let report = try TraceReplay(
        scheduler: Scheduler(
          capacity, chunking, maximumRequestCount: machine.maxBatchSize, maximumChunkSize: machine.step.chunkSize),
        machine: machine.machine(cost)
      ).run(trace)
      runs.append(
        SimulationRun(
          capacity: capacity, chunking: chunking, report: report,
          wallSeconds: (ContinuousClock.now - started) / .seconds(1)))
    }
    let result = SimulationResult(requestCount: trace.entries.count, cost: cost, runs: runs)
    StandardOutput.write(json ? result.json.serialized() + "\n" : result.words)
  }
}

/// A trace that is made up.
struct SyntheticTraceArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Make up a trace of this many requests that arrive at random.", valueName: "n"))
  var generate: Int?
  @Option(help: ArgumentHelp("Requests per second. Default: 1.", valueName: "r"))
  var rate: Double?
  @Option(help: ArgumentHelp("Tokens of a prompt, on average, without what is shared. Default: 256.", valueName: "n"))
  var promptTokens: Int?
  @Option(help: ArgumentHelp("Tokens of an answer, on average. Default: 128.", valueName: "n"))
  var outputTokens: Int?
  @Option(help: ArgumentHelp("Number of beginnings that prompts share. Default: 0.", valueName: "n"))
  var prefixes: Int?
  @Option(help: ArgumentHelp("Tokens of each of them. Default: 512.", valueName: "n"))
  var prefixTokens: Int?
  @Option(help: ArgumentHelp("The same seed gives the same trace. Default: 0.", valueName: "s"))
  var seed: UInt64?
  @Option(help: ArgumentHelp("Write the trace to a file as well.", valueName: "file"))
  var writeTrace: String?

  /// The first option that says something about the trace to make up.
  var firstGiven: String? {
    let given = [
      ("--rate", rate != nil), ("--prompt-tokens", promptTokens != nil), ("--output-tokens", outputTokens != nil),
      ("--prefixes", prefixes != nil), ("--prefix-tokens", prefixTokens != nil), ("--seed", seed != nil),
      ("--write-trace", writeTrace != nil),
    ]
    return given.first { $0.1 }?.0
  }

  func validate() throws {
    if generate != nil {
      do { _ = try description.trace(of: 1) } catch { throw ValidationError("\(error)") }
    }
  }

  /// The trace.
  func trace() throws(SyntheticTraceError) -> RequestTrace { try description.trace() }

  private var description: SyntheticTrace {
    SyntheticTrace(
      requestCount: generate ?? 0, rate: rate ?? 1, promptTokenCount: promptTokens ?? 256,
      outputTokenCount: outputTokens ?? 128, prefixCount: prefixes ?? 0, prefixTokenCount: prefixTokens ?? 512,
      seed: seed ?? 0)
  }
}

extension SyntheticTrace {
  /// The first `count` requests, to see whether the numbers make a trace.
  fileprivate func trace(of count: Int) throws(SyntheticTraceError) -> RequestTrace {
    var first = self
    if requestCount > 0 { first.requestCount = min(count, requestCount) }
    return try first.trace()
  }
}

/// What steps cost.
struct StepCostArguments: ParsableArguments {
  @Option(help: ArgumentHelp("What inflight bench --json has printed; with --sweep it knows more.", valueName: "file"))
  var costFrom: String?
  @Option(help: ArgumentHelp("Milliseconds of any step: reading the weights. Default: 8.", valueName: "ms"))
  var stepMs: Double?
  @Option(help: ArgumentHelp("Microseconds that a token of a prompt adds. Default: 400.", valueName: "us"))
  var promptTokenUs: Double?
  @Option(help: ArgumentHelp("Microseconds that a request that generates adds. Default: 500.", valueName: "us"))
  var generationUs: Double?
  @Option(
    help: ArgumentHelp(
      "Microseconds for each token in the cache of a request of the batch. Default: 0.", valueName: "us"))
  var cachedTokenUs: Double?

  func validate() throws {
    for (name, value) in [
      ("--step-ms", stepMs), ("--prompt-token-us", promptTokenUs), ("--generation-us", generationUs),
      ("--cached-token-us", cachedTokenUs),
    ] {
      guard let value else { continue }
      guard value >= 0, value <= 1e9 else { throw ValidationError("\(name) is \(value); it must be from 0 to 1e9") }
      if costFrom != nil { throw ValidationError("\(name) and --cost-from exclude each other") }
    }
  }

  /// The costs.
  func cost() throws -> StepCost {
    if let costFrom { return try StepCost(bench: JSONValue(parsing: TextFile.read(costFrom))) }
    return StepCost(
      secondsPerStep: (stepMs ?? 8) / 1e3, secondsPerPromptToken: (promptTokenUs ?? 400) / 1e6,
      secondsPerGeneration: (generationUs ?? 500) / 1e6, secondsPerCachedToken: (cachedTokenUs ?? 0) / 1e6)
  }
}

/// The machine, and which policies are tried.
struct SimulatedMachineArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Tokens that the cache of keys and values holds.", valueName: "n"))
  var cacheTokens: Int = 65_536
  @Option(help: ArgumentHelp("Tokens in a block of the cache.", valueName: "n"))
  var blockSize: Int = 32
  @Option(help: ArgumentHelp("Most requests that run at a time.", valueName: "n"))
  var maxBatchSize: Int = 256
  @OptionGroup var step: StepArguments
  @Option(
    help: ArgumentHelp(
      "guaranteed-no-evict, max-utilization, static-batch or max-requests (which does not look at the cache); may be "
        + "given several times.", valueName: "policy"))
  var capacityPolicy: [CapacityPolicy] = []
  @Option(help: ArgumentHelp("first-come or equal-progress; may be given several times.", valueName: "policy"))
  var chunking: [ChunkingPolicy] = []
  @Flag(help: "Try every policy that looks at the cache, with every way to share a step.")
  var allPolicies = false

  func validate() throws {
    for (name, value) in [
      ("--cache-tokens", cacheTokens), ("--block-size", blockSize), ("--max-batch-size", maxBatchSize),
    ] where !(1...1 << 40).contains(value) {
      throw ValidationError("\(name) is \(value); it must be at least 1")
    }
    if cacheTokens < blockSize { throw ValidationError("--cache-tokens is \(cacheTokens), less than a block") }
    if allPolicies, !capacityPolicy.isEmpty || !chunking.isEmpty {
      throw ValidationError("--all-policies leaves nothing for --capacity-policy and --chunking to say")
    }
  }

  /// The policies to try.
  var policies: [(CapacityPolicy, ChunkingPolicy)] {
    let capacities: [CapacityPolicy] =
      allPolicies
      ? CapacityPolicy.allCases.filter { $0 != .maximumRequests }
      : capacityPolicy.isEmpty ? [.guaranteedNoEvict] : capacityPolicy
    let chunkings = allPolicies ? ChunkingPolicy.allCases : chunking.isEmpty ? [.firstCome] : chunking
    return capacities.flatMap { capacity in chunkings.map { (capacity, $0) } }
  }

  /// The machine.
  func machine(_ cost: StepCost) -> SimulatedMachine {
    SimulatedMachine(
      cost: cost, blockSize: blockSize, blockCount: cacheTokens / blockSize,
      maximumBatchTokens: step.maxBatchTokens, maximumBatchSize: maxBatchSize,
      maximumPrefillTokensPerStep: step.maxPrefillTokensPerStep,
      targetInterTokenLatency: step.targetInterTokenLatency.map { $0 / 1000 })
  }
}
