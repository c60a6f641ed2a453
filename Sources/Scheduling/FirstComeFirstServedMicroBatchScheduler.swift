/// Fills a batch in order: first every request that is one token behind, since each costs 1 and somebody waits for its
/// next token; then the others, first come first served, each taking as much of its prompt as the budgets leave.
///
/// A part of a prompt that is not its last ends on a multiple of the block size, so that blocks fill whole; a request
/// for which no whole block is left waits for the next step. Where a budget as such is smaller than a block, and where
/// rows of logits are short for a request that needs all of them, parts are not rounded: it might never run otherwise.
public struct FirstComeFirstServedMicroBatchScheduler: MicroBatchScheduler {
  /// Most tokens of one prompt in one step, or nil for no limit but those of the batch.
  public let maximumChunkSize: Int?
  /// Requests that are one token behind come first, in order.
  public let isSteady = true

  /// Creates the policy; a chunk must be at least one token.
  public init(maximumChunkSize: Int? = nil) {
    precondition(maximumChunkSize ?? 1 > 0, "a chunk has at least one token")
    self.maximumChunkSize = maximumChunkSize
  }

  /// Writes a batch within `limits`.
  public func schedule(
    _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
  ) {
    var budget = takeGenerations(requests, fitting, limits, maximumChunkSize, &plan)
    for index in fitting where requests[index].pendingTokenCount > 1 {
      budget.take(budget.chunk(of: requests[index]), of: requests[index], index: index, into: &plan)
    }
  }
}

/// Fills a batch as ``FirstComeFirstServedMicroBatchScheduler`` does, except that prompts which do not all fit share what
/// there is: they get a block each in turn, until the budgets are used up, so that a short prompt is not held up by a
/// long one. TensorRT-LLM's EQUAL_PROGRESS.
public struct EqualProgressMicroBatchScheduler: MicroBatchScheduler {
  /// Most tokens of one prompt in one step, or nil for no limit but those of the batch.
  public let maximumChunkSize: Int?
  /// Requests that are one token behind come first, in order.
  public let isSteady = true

  /// Creates the policy; a chunk must be at least one token.
  public init(maximumChunkSize: Int? = nil) {
    precondition(maximumChunkSize ?? 1 > 0, "a chunk has at least one token")
    self.maximumChunkSize = maximumChunkSize
  }

  /// Writes a batch within `limits`.
  public func schedule(
    _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
  ) {
    var budget = takeGenerations(requests, fitting, limits, maximumChunkSize, &plan)
    let firstShared = plan.entries.count
    for index in fitting where requests[index].pendingTokenCount > 1 {
      let request = requests[index]
      let untilBlockEnds = limits.blockSize - request.processedTokenCount % limits.blockSize
      budget.take(min(budget.chunk(of: request), untilBlockEnds), of: request, index: index, into: &plan)
    }
    var hasGrown = true
    while hasGrown {
      hasGrown = false
      for position in firstShared..<plan.entries.count {
        let (request, taken) = (requests[plan.entries[position].requestIndex], plan.entries[position].tokenCount)
        // What has ended within a block was cut short by a budget.
        guard (request.processedTokenCount + taken) % limits.blockSize == 0 else { continue }
        let more = min(limits.blockSize, request.pendingTokenCount - taken)
        guard more > 0, taken + more <= budget.maximumChunkSize, budget.spend(more, after: taken, of: request) else {
          continue
        }
        plan.entries[position].tokenCount += more
        hasGrown = true
      }
    }
  }
}

/// Adds every request that is one token behind to the plan, and returns what is left of the budgets.
private func takeGenerations(
  _ requests: [SchedulableRequest], _ fitting: [Int], _ limits: BatchLimits, _ maximumChunkSize: Int?,
  _ plan: inout MicroBatchPlan
) -> BatchBudget {
  let hasGenerations = fitting.contains { requests[$0].pendingTokenCount == 1 }
  var budget = BatchBudget(limits: limits, maximumChunkSize: maximumChunkSize, hasGenerations: hasGenerations)
  for index in fitting where requests[index].pendingTokenCount == 1 {
    budget.take(1, of: requests[index], index: index, into: &plan)
  }
  return budget
}
