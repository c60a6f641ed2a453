public import Requests

/// What one forward pass computes: a ragged batch of token runs, one run per request.
///
/// A run is a stretch of one sequence at absolute positions `firstPosition ..< firstPosition + tokenCount`. Keys and
/// values of the positions before it are in the cache already. There is no flag for prefill or decode: a decode step is
/// a run of one token.
public struct ForwardBatch: Sendable {
  /// Which of a run's tokens need logits, or hidden states.
  public enum LogitsRequest: Sendable, Equatable {
    /// None: the run is a chunk of a prompt that is not its last.
    case none
    /// Only the last token of the run.
    case last
    /// Every token of the run, in order (prompt log-probabilities).
    case all
  }

  /// One request's part of the batch.
  public struct Run: Sendable, Equatable {
    /// Index of the run's first token in ``ForwardBatch/tokens``.
    public var tokenStart: Int
    /// Number of tokens; at least 1.
    public var tokenCount: Int
    /// Absolute position in its sequence of the run's first token.
    public var firstPosition: Int
    /// Index in ``ForwardBatch/blockTable`` of the sequence's first block.
    public var blockStart: Int
    /// Number of blocks of the sequence; they cover every position up to the end of the run.
    public var blockCount: Int
    /// Which logits the pass returns for this run.
    public var logits: LogitsRequest
    /// Which of its tokens' hidden states the pass returns.
    public var hidden: LogitsRequest

    /// Creates a run.
    public init(
      tokenStart: Int, tokenCount: Int, firstPosition: Int, blockStart: Int, blockCount: Int, logits: LogitsRequest,
      hidden: LogitsRequest = .none
    ) {
      self.hidden = hidden
      self.tokenStart = tokenStart
      self.tokenCount = tokenCount
      self.firstPosition = firstPosition
      self.blockStart = blockStart
      self.blockCount = blockCount
      self.logits = logits
    }

    /// Number of rows of logits that the run asks for.
    public var logitsRowCount: Int { rowCount(logits) }

    /// Number of hidden states that the run asks for.
    public var hiddenRowCount: Int { rowCount(hidden) }

    private func rowCount(_ request: LogitsRequest) -> Int {
      switch request {
      case .none: 0
      case .last: 1
      case .all: tokenCount
      }
    }
  }

  /// The tokens of all runs, one after the other.
  public internal(set) var tokens: [TokenID] = []
  /// The runs, in the order in which their logits are returned.
  public internal(set) var runs: [Run] = []
  /// The block tables of all runs, one after the other: entry `i` of a run is the block that holds the positions
  /// `i * blockSize ..< (i + 1) * blockSize`.
  public internal(set) var blockTable: [Int32] = []

  /// Creates an empty batch.
  public init() {}

  /// Empties the batch and keeps its storage.
  public mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    blockTable.removeAll(keepingCapacity: true)
  }

  /// Adds a run of `tokens`, whose sequence lives in `blocks`.
  public mutating func append(
    tokens newTokens: some Collection<TokenID>, firstPosition: Int, blocks: some Collection<Int32>,
    logits: LogitsRequest, hidden: LogitsRequest = .none
  ) {
    append(
      tokens: ArraySlice(newTokens), firstPosition: firstPosition, blocks: Array(blocks), logits: logits,
      hidden: hidden)
  }

  /// Adds a run of `tokens`, whose sequence lives in `blocks`: the form for the hot path, which copies memory and calls
  /// no generic code.
  public mutating func append(
    tokens newTokens: ArraySlice<TokenID>, firstPosition: Int, blocks: [Int32], logits: LogitsRequest,
    hidden: LogitsRequest = .none
  ) {
    runs.append(
      Run(
        tokenStart: tokens.count, tokenCount: newTokens.count, firstPosition: firstPosition,
        blockStart: blockTable.count, blockCount: blocks.count, logits: logits, hidden: hidden))
    tokens.append(contentsOf: newTokens)
    blockTable.append(contentsOf: blocks)
  }

  /// Adds a run of one token, whose sequence lives in `blocks`.
  public mutating func append(
    token: TokenID, position: Int, blocks: [Int32], logits: LogitsRequest, hidden: LogitsRequest = .none
  ) {
    runs.append(
      Run(
        tokenStart: tokens.count, tokenCount: 1, firstPosition: position, blockStart: blockTable.count,
        blockCount: blocks.count, logits: logits, hidden: hidden))
    tokens.append(token)
    blockTable.append(contentsOf: blocks)
  }

  /// Number of rows of logits that the pass returns.
  public var logitsRowCount: Int { runs.reduce(0) { $0 + $1.logitsRowCount } }

  /// Number of hidden states that the pass returns.
  public var hiddenRowCount: Int { runs.reduce(0) { $0 + $1.hiddenRowCount } }
}
