/// Decides how many tokens each fitting request processes now: the second half of scheduling.
///
/// A policy is a pure function of what it is given: no clock, no randomness, no state. It is asked once per step, unless it is
/// steady (``SchedulingPolicy/isSteady``).
public protocol MicroBatchScheduler: SchedulingPolicy {
  /// Writes to `plan` how many tokens each request is to process in this step.
  ///
  /// - Parameters:
  ///   - requests: what the capacity scheduler was shown.
  ///   - fitting: indices into `requests`, in the order in which they are to be considered.
  ///   - limits: the budgets of a step.
  ///   - plan: empty on entry; its storage is reused from step to step.
  func schedule(
    _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan)
}

/// The budgets of one step.
public struct BatchLimits: Sendable, Equatable {
  /// Most tokens in a batch.
  public var maximumTokenCount: Int
  /// Most requests in a batch.
  public var maximumRequestCount: Int
  /// Most rows of logits in a batch.
  public var maximumLogitsRowCount: Int
  /// Number of tokens in a block of the cache.
  public var blockSize: Int
  /// Most tokens in a batch of requests that are more than one token behind, while others are one behind and wait for
  /// their next token; nil for no limit but ``maximumTokenCount``. Keeps the inter-token latency low while prompts enter.
  public var maximumPrefillTokenCount: Int?

  /// Creates budgets; all must be positive, otherwise no batch could ever be made.
  public init(
    maximumTokenCount: Int, maximumRequestCount: Int, maximumLogitsRowCount: Int, blockSize: Int,
    maximumPrefillTokenCount: Int? = nil
  ) {
    precondition(
      maximumTokenCount > 0 && maximumRequestCount > 0 && maximumLogitsRowCount > 0 && blockSize > 0
        && maximumPrefillTokenCount ?? 1 > 0, "every budget of a step must be positive")
    self.maximumPrefillTokenCount = maximumPrefillTokenCount
    self.maximumTokenCount = maximumTokenCount
    self.maximumRequestCount = maximumRequestCount
    self.maximumLogitsRowCount = maximumLogitsRowCount
    self.blockSize = blockSize
  }
}

/// The answer of a ``MicroBatchScheduler``: which request processes how many tokens.
public struct MicroBatchPlan: Sendable, Equatable {
  /// One request's share.
  public struct Entry: Sendable, Equatable {
    /// Index into the requests that the scheduler was shown.
    public var requestIndex: Int
    /// Number of tokens, from 1 to the request's pending tokens.
    public var tokenCount: Int

    /// Creates an entry.
    public init(requestIndex: Int, tokenCount: Int) {
      self.requestIndex = requestIndex
      self.tokenCount = tokenCount
    }
  }

  /// The shares, in the order of the batch; no request twice.
  public var entries: [Entry] = []

  /// Creates an empty plan.
  public init() {}

  /// Empties the plan and keeps its storage.
  public mutating func removeAll() { entries.removeAll(keepingCapacity: true) }
}
