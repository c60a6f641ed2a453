/// What one step did and how long its parts took.
public struct StepStatistics: Sendable, Equatable {
  /// Number of the step, counted from 0; steps with an empty batch are not counted.
  public var index = 0
  /// Requests that hold resources after the step.
  public var activeRequestCount = 0
  /// Requests that wait after the step, those that were paused included.
  public var waitingRequestCount = 0
  /// Requests that had started and gave everything back, to start again later.
  public var pausedRequestCount = 0
  /// Requests in the batch.
  public var batchRequestCount = 0
  /// Tokens in the batch.
  public var batchTokenCount = 0
  /// Tokens that were generated.
  public var generatedTokenCount = 0
  /// Those of them that a constraint left no alternative to, appended without a pass of their own.
  public var jumpedTokenCount = 0
  /// Cache blocks held by requests after the step.
  public var usedBlockCount = 0
  /// Cache blocks that no request holds after the step.
  public var freeBlockCount = 0
  /// Those of them that are kept for requests to come.
  public var cachedBlockCount = 0
  /// The part of the tokens of started requests that was found in the cache so far, from 0 to 1.
  public var cacheHitRate = 0.0
  /// Time to take mail out of the mailbox and act on it, and before that to publish the statistics of the step before: no
  /// time between two steps goes uncounted but that of sleep.
  public var fetchNanoseconds: UInt64 = 0
  /// Time of both scheduling policies.
  public var scheduleNanoseconds: UInt64 = 0
  /// Time to prepare resources and to build the batch.
  public var prepareNanoseconds: UInt64 = 0
  /// Time of the forward pass.
  public var forwardNanoseconds: UInt64 = 0
  /// Time to choose tokens and to compute log-probabilities.
  public var decodeNanoseconds: UInt64 = 0
  /// Time to append tokens, update resources, send events and free what finished.
  public var respondNanoseconds: UInt64 = 0

  /// Creates statistics of nothing.
  public init() {}

  /// Time of everything but the forward pass: what the executor itself costs, the choice of tokens included.
  public var overheadNanoseconds: UInt64 {
    fetchNanoseconds + scheduleNanoseconds + prepareNanoseconds + decodeNanoseconds + respondNanoseconds
  }
}

/// What an executor has done so far.
public struct ExecutorStatistics: Sendable, Equatable {
  /// The last step whose batch was not empty.
  public var lastStep = StepStatistics()
  /// Number of steps whose batch was not empty.
  public var stepCount = 0
  /// Number of steps in a row, up to now, in which requests waited but none could run.
  public var emptyStepCount = 0
  /// Number of tokens that went through the model: those of prompts, again after a pause, and those that were generated.
  public var processedTokenCount = 0
  /// Number of tokens that were generated.
  public var generatedTokenCount = 0
  /// Number of those that a constraint left no alternative to, appended without a pass of their own.
  public var jumpedTokenCount = 0
  /// Number of requests that ended by a stop or end-of-sequence token.
  public var stoppedRequestCount = 0
  /// Number of requests that ended at their length.
  public var lengthRequestCount = 0
  /// Number of requests that were cancelled.
  public var cancelledRequestCount = 0
  /// Number of requests that failed.
  public var failedRequestCount = 0
  /// Number of times a running request was paused.
  public var pauseCount = 0
  /// Requests that hold resources now.
  public var activeRequestCount = 0
  /// Requests that wait now.
  public var waitingRequestCount = 0
  /// Cache blocks held by requests now.
  public var usedBlockCount = 0
  /// Cache blocks free now.
  public var freeBlockCount = 0
  /// When the last step ended or, if that is later, when the executor last was idle: nanoseconds of the monotonic
  /// clock that ``secondsSinceProgress`` reads.
  public var lastProgressNanoseconds: UInt64 = 0
  /// Seconds since ``lastProgressNanoseconds`` when the snapshot was taken; 0 for an idle executor. A large value means
  /// that the engine is stuck.
  public var secondsSinceProgress = 0.0

  /// Creates statistics of nothing.
  public init() {}
}
