public import Requests

/// Why a request did not run in a step, in numbers and in words.
public struct SchedulingExplanation: Sendable, Equatable, CustomStringConvertible {
  /// The request.
  public let id: RequestID
  /// Why it did not run.
  public let cause: Cause

  /// Creates an explanation.
  public init(id: RequestID, cause: Cause) {
    self.id = id
    self.cause = cause
  }

  /// What a request waits for.
  public enum Cause: Sendable, Equatable {
    /// The request needs more blocks to its completion than are free and not set aside for running requests.
    case blocks(needed: Int, free: Int, reserved: Int)
    /// The request needs more blocks to start than are left beside what running requests need now.
    case blocksToStart(needed: Int, left: Int)
    /// Another request is computing a prefix that this one can then use.
    case prefix
    /// A batch of requests must end before the next one starts.
    case runningBatch(requestCount: Int)
    /// The tokens that prompts may have in a step while requests generate are used up.
    case prefillBudget(pending: Int, limit: Int)
    /// An earlier request waits, and none may overtake it.
    case headOfLine(behind: RequestID)
    /// The batch holds as many requests as it may.
    case batchSize(limit: Int)
    /// The tokens of the step are used up; `left` is less than what the request could begin with.
    case tokenBudget(pending: Int, left: Int, limit: Int)
    /// The rows of logits of the step are used up.
    case logitsRows(needed: Int, left: Int, limit: Int)
    /// The request was told to give its blocks back.
    case paused
    /// The scheduling policy left it out for reasons of its own.
    case policy
  }

  /// One line in words.
  public var description: String {
    switch cause {
    case .blocks(let needed, let free, let reserved):
      "\(id) waits for cache blocks: it needs \(needed) to its completion, and of \(free) free ones \(reserved) "
        + "are set aside for running requests"
    case .blocksToStart(let needed, let left):
      "\(id) waits for cache blocks: it needs \(needed) to start, and \(left) are left beside the running requests"
    case .prefix: "\(id) waits for a prefix that another request is computing and that it will share"
    case .runningBatch(let requestCount): "\(id) waits for the end of the running batch of \(requestCount) requests"
    case .prefillBudget(let pending, let limit):
      "\(id) waits for its turn among prompts: \(pending) tokens are pending, and a step processes \(limit) tokens of "
        + "prompts while requests generate"
    case .headOfLine(let behind): "\(id) waits behind \(behind), which came first"
    case .batchSize(let limit): "\(id) waits for a place in the batch, which holds \(limit) requests"
    case .tokenBudget(let pending, let left, let limit):
      "\(id) waits for the token budget: \(pending) tokens are pending, \(left) of \(limit) are left in this step"
    case .logitsRows(let needed, let left, let limit):
      "\(id) waits for rows of logits: it needs \(needed), \(left) of \(limit) are left in this step"
    case .paused: "\(id) was paused to make room and will start again"
    case .policy: "\(id) was left out by the scheduling policy"
    }
  }
}

extension SchedulingRound {
  /// Explains every request that was shown to the policies of `scheduler` and does not run in this step.
  package func explanations(_ scheduler: Scheduler) -> [SchedulingExplanation] {
    let left = remainingLimits()
    let firstAdmitted = decision.fitting.firstIndex { !requests[$0].isRunning } ?? decision.fitting.count
    let reserved = requests.filter(\.isRunning).reduce(0) { $0 + $1.blocksToCompletion(in: budget) }
    let planned = Set(plan.entries.map(\.requestIndex))
    let fitting = Set(decision.fitting)
    let paused = Set(decision.paused)
    // Blocks that are neither set aside nor promised to a waiting request that was admitted before.
    var unreserved = budget.freeBlockCount - reserved
    var firstLeftOut: RequestID?
    var explanations: [SchedulingExplanation] = []
    for (index, request) in requests.enumerated() {
      let needed = request.blocksToCompletion(in: budget)
      defer { if !request.isRunning, fitting.contains(index) { unreserved -= needed } }
      if planned.contains(index) { continue }
      let cause: SchedulingExplanation.Cause
      if paused.contains(index) {
        cause = .paused
      } else if fitting.contains(index) {
        cause = budgetCause(of: request, left: left)
      } else if request.isRunning {
        cause = .policy
      } else if decision.awaitsPrefix(index, of: requests, firstAdmitted: firstAdmitted) {
        cause = .prefix
      } else if let firstLeftOut {
        cause = .headOfLine(behind: firstLeftOut)
      } else if let own = scheduler.capacity.reasonToWait(index, of: requests, budget: budget, decision: decision) {
        firstLeftOut = request.id
        cause = own
      } else if needed > unreserved {
        firstLeftOut = request.id
        cause = .blocks(needed: needed, free: budget.freeBlockCount, reserved: budget.freeBlockCount - unreserved)
      } else {
        cause = .policy
      }
      explanations.append(SchedulingExplanation(id: request.id, cause: cause))
    }
    return explanations
  }

  /// What the plan leaves of each budget, not below 0.
  private func remainingLimits() -> RemainingLimits {
    var left = RemainingLimits(
      requests: limits.maximumRequestCount, tokens: limits.maximumTokenCount, rows: limits.maximumLogitsRowCount,
      prefill: .max)
    if let prefill = limits.maximumPrefillTokenCount,
      plan.entries.contains(where: { requests[$0.requestIndex].pendingTokenCount == 1 })
    {
      left.prefill = prefill
    }
    for entry in plan.entries {
      if requests[entry.requestIndex].pendingTokenCount > 1 { left.prefill -= entry.tokenCount }
      left.requests -= 1
      left.tokens -= entry.tokenCount
      left.rows -= requests[entry.requestIndex].logitsRowCount(forNext: entry.tokenCount)
    }
    left.requests = max(0, left.requests)
    left.tokens = max(0, left.tokens)
    left.rows = max(0, left.rows)
    return left
  }

  private struct RemainingLimits {
    var requests: Int
    var tokens: Int
    var rows: Int
    var prefill: Int
  }

  private func budgetCause(of request: SchedulableRequest, left: RemainingLimits) -> SchedulingExplanation.Cause {
    let pending = request.pendingTokenCount
    if left.requests == 0 { return .batchSize(limit: limits.maximumRequestCount) }
    if left.tokens < min(pending, limits.blockSize) {
      return .tokenBudget(pending: pending, left: left.tokens, limit: limits.maximumTokenCount)
    }
    let rows = request.needsEveryLogitsRow ? min(pending, limits.blockSize) : 1
    if left.rows < rows {
      return .logitsRows(needed: rows, left: left.rows, limit: limits.maximumLogitsRowCount)
    }
    if let limit = limits.maximumPrefillTokenCount, pending > 1, left.prefill < min(pending, limits.blockSize) {
      return .prefillBudget(pending: pending, limit: limit)
    }
    return .policy
  }
}
