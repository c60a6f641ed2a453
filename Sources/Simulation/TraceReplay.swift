public import Scheduling

/// What a step costs on a machine: a model with four constants, measured or guessed.
public struct StepCost: Sendable, Equatable {
  /// Seconds of any step: reading the weights once, and overhead.
  public var secondsPerStep: Double
  /// Seconds that every token of a prompt adds.
  public var secondsPerPromptToken: Double
  /// Seconds that every request that generates adds.
  public var secondsPerGeneration: Double
  /// Seconds that every token in the cache of a request in the batch adds: reading keys and values.
  public var secondsPerCachedToken: Double

  /// Creates a cost model.
  public init(
    secondsPerStep: Double, secondsPerPromptToken: Double, secondsPerGeneration: Double,
    secondsPerCachedToken: Double = 0
  ) {
    self.secondsPerStep = secondsPerStep
    self.secondsPerPromptToken = secondsPerPromptToken
    self.secondsPerGeneration = secondsPerGeneration
    self.secondsPerCachedToken = secondsPerCachedToken
  }
}

/// The machine and the budgets that a trace is replayed on.
public struct SimulatedMachine: Sendable, Equatable {
  /// What steps cost.
  public var cost: StepCost
  /// Number of tokens of a cache block.
  public var blockSize: Int
  /// Number of cache blocks.
  public var blockCount: Int
  /// The budgets of a step.
  public var limits: BatchLimits
  /// The inter-token latency to keep while prompts enter, in seconds; nil for none.
  public var targetInterTokenLatency: Double?

  /// Creates a machine.
  public init(
    cost: StepCost, blockSize: Int, blockCount: Int, maximumBatchTokens: Int = 8192, maximumBatchSize: Int = 256,
    maximumPrefillTokensPerStep: Int? = nil, targetInterTokenLatency: Double? = nil
  ) {
    self.cost = cost
    self.blockSize = blockSize
    self.blockCount = blockCount
    limits = BatchLimits(
      maximumTokenCount: maximumBatchTokens, maximumRequestCount: maximumBatchSize,
      maximumLogitsRowCount: maximumBatchSize, blockSize: blockSize,
      maximumPrefillTokenCount: maximumPrefillTokensPerStep)
    self.targetInterTokenLatency = targetInterTokenLatency
  }
}

/// What a replay measured.
public struct ReplayReport: Sendable, Equatable {
  /// Seconds from the first arrival to the last token.
  public var seconds = 0.0
  /// Requests that ended.
  public var completedCount = 0
  /// Requests that can never run: they need more blocks than there are.
  public var refusedCount = 0
  /// Number of steps.
  public var stepCount = 0
  /// Number of times a request was paused.
  public var pauseCount = 0
  /// Tokens that were generated.
  public var outputTokenCount = 0
  /// Tokens that were processed besides, those of paused requests again.
  public var promptTokenCount = 0
  /// Tokens of prompts that were found in the cache.
  public var cachedTokenCount = 0
  /// Times from arrival to the first token.
  public var timeToFirstToken = LatencyHistogram()
  /// Times from one token of a request to its next.
  public var interTokenLatency = LatencyHistogram()

  /// Creates an empty report.
  public init() {}

  /// Generated tokens per second.
  public var outputTokensPerSecond: Double { seconds > 0 ? Double(outputTokenCount) / seconds : 0 }
}

/// Replays a trace against scheduling policies on a machine of which only the cost of a step is known: what a policy does
/// to throughput and latencies, for a million requests in less than a minute.
///
/// Policies are asked in every step as the executor asks them. The cache is simplified: requests share the whole blocks
/// of the beginning that the trace says they share, nothing else is found again, and beginnings that nobody uses are
/// forgotten, those not used for the longest time first, when their blocks are needed.
public struct TraceReplay: Sendable {
  /// The policies.
  public var scheduler: Scheduler
  /// The machine.
  public var machine: SimulatedMachine

  /// Creates a replay.
  public init(scheduler: Scheduler, machine: SimulatedMachine) {
    self.scheduler = scheduler
    self.machine = machine
  }

  /// Runs every request of `trace` to its end.
  ///
  /// - Throws: ``ReplayStall`` if requests wait and the policies let nobody run.
  public func run(_ trace: RequestTrace) throws(ReplayStall) -> ReplayReport {
    var run = ReplayRun(scheduler: scheduler, machine: machine, trace: trace)
    try run.run()
    return run.report
  }
}

/// Requests wait, and the policies let nobody run.
public struct ReplayStall: Error, Sendable, Equatable, CustomStringConvertible {
  /// The time in seconds.
  public let seconds: Double
  /// Requests that wait or were paused.
  public let waitingCount: Int

  /// One line.
  public var description: String {
    "at \(seconds) seconds \(waitingCount) requests wait, and the policies let nobody run"
  }
}
