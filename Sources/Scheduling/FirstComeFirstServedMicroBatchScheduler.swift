/// Fills a batch in order: first every request that is one token behind, since each costs 1 and somebody waits for its
/// next token; then the others, first come first served, each taking as much of its prompt as the budgets leave.
///
/// A part of a prompt that is not its last ends on a multiple of the block size, so that blocks fill whole; a request
/// for which no whole block is left waits for the next step. Where a budget as such is smaller than a block, and where
/// rows of logits are short for a request that needs all of them, parts are not rounded: it might never run otherwise.
public struct FirstComeFirstServedMicroBatchScheduler: MicroBatchScheduler {
  /// Most tokens of one prompt in one step, or nil for no limit but those of the batch.
  public let maximumChunkSize: Int?

  /// Creates the policy; a chunk must be at least one token.
  public init(maximumChunkSize: Int? = nil) {
    precondition(maximumChunkSize ?? 1 > 0, "a chunk has at least one token")
    self.maximumChunkSize = maximumChunkSize
  }

  /// Writes a batch within `limits`.
  public func schedule(
    _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
  ) {
    var left = limits
    for index in fitting where requests[index].pendingTokenCount == 1 {
      take(1, of: index, requests[index], from: &left, into: &plan)
    }
    for index in fitting where requests[index].pendingTokenCount > 1 {
      let tokenCount = chunk(of: requests[index], left: left, limits: limits)
      take(tokenCount, of: index, requests[index], from: &left, into: &plan)
    }
  }

  /// Adds `tokenCount` tokens to the plan if the budgets allow all of them.
  private func take(
    _ tokenCount: Int, of index: Int, _ request: SchedulableRequest, from left: inout BatchLimits,
    into plan: inout MicroBatchPlan
  ) {
    let rowCount = request.logitsRowCount(forNext: tokenCount)
    guard tokenCount > 0, left.maximumRequestCount > 0, tokenCount <= left.maximumTokenCount,
      rowCount <= left.maximumLogitsRowCount
    else { return }
    left.maximumRequestCount -= 1
    left.maximumTokenCount -= tokenCount
    left.maximumLogitsRowCount -= rowCount
    plan.entries.append(MicroBatchPlan.Entry(requestIndex: index, tokenCount: tokenCount))
  }

  /// The number of tokens of `request` to process now, 0 if none.
  private func chunk(of request: SchedulableRequest, left: BatchLimits, limits: BatchLimits) -> Int {
    let pending = request.pendingTokenCount
    var available = min(pending, left.maximumTokenCount, maximumChunkSize ?? .max)
    var unlimited = min(limits.maximumTokenCount, maximumChunkSize ?? .max)
    if request.needsEveryLogitsRow {
      available = min(available, left.maximumLogitsRowCount)
      unlimited = min(unlimited, limits.maximumLogitsRowCount)
    } else if available == pending, left.maximumLogitsRowCount == 0 {
      available -= 1
    }
    if available == pending || unlimited < limits.blockSize { return max(0, available) }
    let end = (request.processedTokenCount + available) / limits.blockSize * limits.blockSize
    let rounded = max(0, end - request.processedTokenCount)
    // Rows can stay scarce for as long as many requests generate; a whole block of them may never be left.
    let isShortOfRows = request.needsEveryLogitsRow && left.maximumLogitsRowCount < limits.blockSize
    return rounded == 0 && isShortOfRows ? max(0, available) : rounded
  }
}
