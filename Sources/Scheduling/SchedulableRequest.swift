public import Requests

/// What a scheduler sees of a request: numbers only.
///
/// There are no phases. A request knows some tokens (its prompt and what it has generated), some of them are processed,
/// and it wants to catch up; a token is generated whenever it does. What the cache holds of a request that has not
/// started counts as processed, since it costs nothing.
public struct SchedulableRequest: Sendable, Equatable {
  /// The request's name.
  public var id: RequestID
  /// Whether the request has started and holds blocks. A paused request has not.
  public var isRunning: Bool
  /// Requests of a higher priority go first.
  public var priority: Int
  /// A number of the caller's own: a tenant, a deadline, a class of service.
  public var tag: UInt64
  /// Number of tokens known: the prompt and the generated ones.
  public var knownTokenCount: Int
  /// Number of known tokens whose keys and values are in the cache, or would be found there if the request started now.
  public var processedTokenCount: Int
  /// Number of tokens that the request will have if it runs to its limit: prompt and most generated ones.
  public var maximumTokenCount: Int
  /// Number of blocks that the request holds. For one that has not started: of the blocks that it would begin with,
  /// those that running requests hold, so that to share them takes no free block.
  public var allocatedBlockCount: Int
  /// Number of blocks that would become free if the request gave its blocks back: those that it shares with nobody.
  public var releasableBlockCount: Int
  /// Whether every processed token costs a row of logits (prompt log-probabilities), not only the last known one.
  public var needsEveryLogitsRow: Bool
  /// What identifies the first whole block of known tokens that the request would have to compute if it started now,
  /// together with everything before it; nil if there is none, or if the cache does not reuse blocks.
  public var nextBlockKey: UInt64?
  /// Whether a running request is computing the block of ``nextBlockKey``, so that it will be in the cache soon.
  public var isNextBlockBeingComputed: Bool
  /// Number of further samples that begin, each with a place in the batch, once the prompt is processed; they share its
  /// whole blocks.
  public var pendingSampleCount: Int
  /// Number of tokens of the prompt.
  public var promptTokenCount: Int

  /// Creates a view. Inlined, since it is made for every running request in every step.
  @inlinable
  public init(
    id: RequestID, isRunning: Bool, priority: Int = 0, tag: UInt64 = 0, knownTokenCount: Int, processedTokenCount: Int,
    maximumTokenCount: Int, allocatedBlockCount: Int, releasableBlockCount: Int? = nil, needsEveryLogitsRow: Bool,
    nextBlockKey: UInt64? = nil, isNextBlockBeingComputed: Bool = false, pendingSampleCount: Int = 0,
    promptTokenCount: Int = 0
  ) {
    self.id = id
    self.isRunning = isRunning
    self.priority = priority
    self.tag = tag
    self.knownTokenCount = knownTokenCount
    self.processedTokenCount = processedTokenCount
    self.maximumTokenCount = maximumTokenCount
    self.allocatedBlockCount = allocatedBlockCount
    self.releasableBlockCount = releasableBlockCount ?? allocatedBlockCount
    self.needsEveryLogitsRow = needsEveryLogitsRow
    self.nextBlockKey = nextBlockKey
    self.isNextBlockBeingComputed = isNextBlockBeingComputed
    self.pendingSampleCount = pendingSampleCount
    self.promptTokenCount = promptTokenCount
  }

  /// Number of known tokens that are still to be processed; at least 1 for every request that is not finished.
  public var pendingTokenCount: Int { knownTokenCount - processedTokenCount }

  /// Number of rows of logits that processing the next `tokenCount` tokens costs.
  public func logitsRowCount(forNext tokenCount: Int) -> Int {
    if needsEveryLogitsRow { return tokenCount }
    return tokenCount == pendingTokenCount && tokenCount > 0 ? 1 : 0
  }

  /// Number of blocks, beyond those it holds, that the request needs to run to its limit, with all of its samples.
  public func blocksToCompletion(in budget: CacheBudget) -> Int {
    let own = blocks(forTokens: maximumTokenCount, in: budget)
    guard pendingSampleCount > 0 else { return own }
    let whole = min(budget.maximumBlocksPerSequence, budget.blockCount(forTokens: maximumTokenCount))
    let (others, overflow) = max(0, whole - promptTokenCount / budget.blockSize)
      .multipliedReportingOverflow(by: pendingSampleCount)
    return overflow ? .max : own.addingReportingOverflow(others).overflow ? .max : own + others
  }

  /// Number of blocks, beyond those it holds, that the request needs to process every token that it knows now.
  public func blocksToCatchUp(in budget: CacheBudget) -> Int { blocks(forTokens: knownTokenCount, in: budget) }

  /// Number of blocks, beyond those it holds, that the request needs to catch up and to fill one more block.
  public func blocksToGoOn(in budget: CacheBudget) -> Int {
    let (ahead, overflow) = knownTokenCount.addingReportingOverflow(budget.blockSize)
    return blocks(forTokens: overflow ? maximumTokenCount : min(maximumTokenCount, ahead), in: budget)
  }

  private func blocks(forTokens tokenCount: Int, in budget: CacheBudget) -> Int {
    max(0, min(budget.maximumBlocksPerSequence, budget.blockCount(forTokens: tokenCount)) - allocatedBlockCount)
  }
}

/// What a scheduler sees of the cache.
public struct CacheBudget: Sendable, Equatable {
  /// Number of tokens in a block.
  public var blockSize: Int
  /// Number of blocks in all.
  public var totalBlockCount: Int
  /// Number of blocks that no request holds. What they hold for reuse is given up when they are needed.
  public var freeBlockCount: Int
  /// Most blocks that one sequence holds at a time: no limit, unless attention looks back through a window only.
  public var maximumBlocksPerSequence: Int

  /// Creates a view.
  public init(blockSize: Int, totalBlockCount: Int, freeBlockCount: Int, maximumBlocksPerSequence: Int = .max) {
    precondition(blockSize > 0, "a block holds at least one token")
    self.blockSize = blockSize
    self.totalBlockCount = totalBlockCount
    self.freeBlockCount = freeBlockCount
    self.maximumBlocksPerSequence = maximumBlocksPerSequence
  }

  /// Number of blocks that hold `tokenCount` tokens.
  public func blockCount(forTokens tokenCount: Int) -> Int {
    tokenCount / blockSize + (tokenCount % blockSize == 0 ? 0 : 1)
  }
}
