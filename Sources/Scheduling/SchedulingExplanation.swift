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
  /// Explains every request that was shown to the policies and does not run in this step.
  package func explanations() -> [SchedulingExplanation] {
    let left = remainingLimits()
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
      } else if let firstLeftOut {
        cause = .headOfLine(behind: firstLeftOut)
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
  private func remainingLimits() -> (requests: Int, tokens: Int, rows: Int) {
    var left = (
      requests: limits.maximumRequestCount, tokens: limits.maximumTokenCount, rows: limits.maximumLogitsRowCount
    )
    for entry in plan.entries {
      left.requests -= 1
      left.tokens -= entry.tokenCount
      left.rows -= requests[entry.requestIndex].logitsRowCount(forNext: entry.tokenCount)
    }
    return (max(0, left.requests), max(0, left.tokens), max(0, left.rows))
  }

  private func budgetCause(
    of request: SchedulableRequest, left: (requests: Int, tokens: Int, rows: Int)
  ) -> SchedulingExplanation.Cause {
    let pending = request.pendingTokenCount
    if left.requests == 0 { return .batchSize(limit: limits.maximumRequestCount) }
    if left.tokens < min(pending, limits.blockSize) {
      return .tokenBudget(pending: pending, left: left.tokens, limit: limits.maximumTokenCount)
    }
    let rows = request.needsEveryLogitsRow ? min(pending, limits.blockSize) : 1
    if left.rows < rows {
      return .logitsRows(needed: rows, left: left.rows, limit: limits.maximumLogitsRowCount)
    }
    return .policy
  }
}
