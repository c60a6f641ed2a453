/// What a batch under construction has left of each budget; the arithmetic that micro-batch policies share.
///
/// A policy asks for the ``chunk(of:)`` of one request after the other, in its own order, and takes it:
/// requests that are one token behind first, since the limit of prefill is for those that are more than one behind.
public struct BatchBudget: Sendable {
  /// The budgets of the step.
  public let limits: BatchLimits
  /// Most tokens of one prompt in one step.
  public let maximumChunkSize: Int
  /// What is left of the budgets, but for that of prefill.
  public private(set) var left: BatchLimits
  /// Tokens that requests which are more than one behind may still process in this step.
  public private(set) var prefillLeft: Int
  /// What ``prefillLeft`` was in the beginning.
  private let prefillLimit: Int

  /// Creates the budget of an empty batch. The limit of prefill counts only if somebody waits for a next token, which
  /// `hasGenerations` says. `maximumChunkSize` is nil for no limit.
  public init(limits: BatchLimits, maximumChunkSize: Int? = nil, hasGenerations: Bool) {
    self.limits = limits
    self.maximumChunkSize = maximumChunkSize ?? .max
    left = limits
    prefillLimit = hasGenerations ? limits.maximumPrefillTokenCount ?? .max : .max
    prefillLeft = prefillLimit
  }

  /// Adds `tokenCount` tokens of `request`, number `index`, to the plan if the budgets allow all of them.
  public mutating func take(
    _ tokenCount: Int, of request: SchedulableRequest, index: Int, into plan: inout MicroBatchPlan
  ) {
    guard tokenCount > 0, left.maximumRequestCount > 0, spend(tokenCount, after: 0, of: request) else { return }
    left.maximumRequestCount -= 1
    plan.entries.append(MicroBatchPlan.Entry(requestIndex: index, tokenCount: tokenCount))
  }

  /// Spends `tokenCount` tokens, and their rows of logits, of a request that has `taken` tokens in the plan already.
  ///
  /// - Returns: whether the budgets allow it; if not, nothing is spent.
  mutating func spend(_ tokenCount: Int, after taken: Int, of request: SchedulableRequest) -> Bool {
    let rowCount = request.logitsRowCount(forNext: taken + tokenCount) - request.logitsRowCount(forNext: taken)
    let prefillCount = request.pendingTokenCount > 1 ? tokenCount : 0
    guard tokenCount <= left.maximumTokenCount, rowCount <= left.maximumLogitsRowCount, prefillCount <= prefillLeft
    else { return false }
    left.maximumTokenCount -= tokenCount
    left.maximumLogitsRowCount -= rowCount
    prefillLeft -= prefillCount
    return true
  }

  /// The most tokens of `request` that can be processed now, 0 if none.
  ///
  /// A part of a prompt that is not its last ends on a multiple of the block size, so that blocks fill whole. Where a
  /// budget as such is smaller than a block, and where rows of logits are short for a request that needs all of them,
  /// parts are not rounded: it might never run otherwise.
  public func chunk(of request: SchedulableRequest) -> Int {
    let pending = request.pendingTokenCount
    var available = min(pending, left.maximumTokenCount, maximumChunkSize, prefillLeft)
    var unlimited = min(limits.maximumTokenCount, maximumChunkSize, prefillLimit)
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
