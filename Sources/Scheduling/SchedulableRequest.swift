public import Requests

/// What a scheduler sees of a request: numbers only.
///
/// There are no phases. A request knows some tokens (its prompt and what it has generated), some of them are processed,
/// and it wants to catch up; a token is generated whenever it does.
public struct SchedulableRequest: Sendable, Equatable {
  /// The request's name.
  public var id: RequestID
  /// Whether the request has started and holds blocks. A paused request has not.
  public var isRunning: Bool
  /// Number of tokens known: the prompt and the generated ones.
  public var knownTokenCount: Int
  /// Number of known tokens whose keys and values are in the cache.
  public var processedTokenCount: Int
  /// Number of tokens that the request will have if it runs to its limit: prompt and most generated ones.
  public var maximumTokenCount: Int
  /// Number of blocks that the request holds.
  public var allocatedBlockCount: Int
  /// Whether every processed token costs a row of logits (prompt log-probabilities), not only the last known one.
  public var needsEveryLogitsRow: Bool

  /// Creates a view.
  public init(
    id: RequestID, isRunning: Bool, knownTokenCount: Int, processedTokenCount: Int, maximumTokenCount: Int,
    allocatedBlockCount: Int, needsEveryLogitsRow: Bool
  ) {
    self.id = id
    self.isRunning = isRunning
    self.knownTokenCount = knownTokenCount
    self.processedTokenCount = processedTokenCount
    self.maximumTokenCount = maximumTokenCount
    self.allocatedBlockCount = allocatedBlockCount
    self.needsEveryLogitsRow = needsEveryLogitsRow
  }

  /// Number of known tokens that are still to be processed; at least 1 for every request that is not finished.
  public var pendingTokenCount: Int { knownTokenCount - processedTokenCount }

  /// Number of rows of logits that processing the next `tokenCount` tokens costs.
  public func logitsRowCount(forNext tokenCount: Int) -> Int {
    if needsEveryLogitsRow { return tokenCount }
    return tokenCount == pendingTokenCount && tokenCount > 0 ? 1 : 0
  }

  /// Number of blocks, beyond those it holds, that the request needs to run to its limit.
  public func blocksToCompletion(in budget: CacheBudget) -> Int {
    max(0, budget.blockCount(forTokens: maximumTokenCount) - allocatedBlockCount)
  }
}

/// What a scheduler sees of the cache.
public struct CacheBudget: Sendable, Equatable {
  /// Number of tokens in a block.
  public var blockSize: Int
  /// Number of blocks in all.
  public var totalBlockCount: Int
  /// Number of blocks that nobody holds.
  public var freeBlockCount: Int

  /// Creates a view.
  public init(blockSize: Int, totalBlockCount: Int, freeBlockCount: Int) {
    precondition(blockSize > 0, "a block holds at least one token")
    self.blockSize = blockSize
    self.totalBlockCount = totalBlockCount
    self.freeBlockCount = freeBlockCount
  }

  /// Number of blocks that hold `tokenCount` tokens.
  public func blockCount(forTokens tokenCount: Int) -> Int {
    tokenCount / blockSize + (tokenCount % blockSize == 0 ? 0 : 1)
  }
}
