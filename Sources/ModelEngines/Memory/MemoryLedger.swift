package import Checkpoints
internal import Tensors

/// What an engine takes of the memory, item by item, computed before anything is allocated.
public struct MemoryLedger: Sendable, Equatable {
  /// Bytes that were available when it was computed.
  public var available: Int
  /// Bytes that all items together may take.
  public var limit: Int
  /// Bytes of the packed weights, norms and biases. The table of embeddings is read from the mapped file as it is needed
  /// and not counted: the system can take its pages back.
  public var weights: Int
  /// Bytes of the buffers for the largest batch, logits included.
  public var workSpace: Int
  /// Bytes of the cache's second tier in memory.
  public var secondTier: Int
  /// Bytes set aside for the program, the tokenizer and the requests' tokens.
  public var program: Int
  /// Bytes set aside for grammars and their masks.
  public var grammars: Int
  /// Bytes of a block of the cache of keys and values.
  public var bytesPerBlock: Int
  /// Tokens of a block.
  public var blockSize: Int
  /// Number of blocks.
  public var blockCount: Int
  /// The longest sequence that the engine is to take.
  public var sequenceLength: Int

  /// Bytes that are set aside for the program, the tokenizer and the requests' tokens: an allowance, not a measurement.
  public static let programAllowance = 64 << 20
  /// Bytes that are set aside for grammars. What is remembered of them is counted and stays within it; what compiling one and
  /// finding a mask take while they last is not counted.
  public static let grammarAllowance = 64 << 20
  /// Bytes that are set aside whatever the model is.
  package static let allowances = programAllowance + grammarAllowance
  /// As many sequences of full length the cache is made for at most if nothing is said.
  static let sequenceLimit = 64

  /// Bytes of the cache of keys and values.
  public var cache: Int { blockCount * bytesPerBlock }
  /// Tokens that the cache holds.
  public var cacheTokens: Int { blockCount * blockSize }
  /// Bytes of all items.
  public var total: Int { weights + workSpace + cache + secondTier + program + grammars }
  /// Number of sequences of full length that the cache holds.
  public var sequenceCount: Int { cacheTokens / max(1, (sequenceLength + blockSize - 1) / blockSize * blockSize) }

  /// Computes what the processor's engine takes for `checkpoint`, and how large its cache is.
  ///
  /// Without ``EngineOptions/cacheTokens`` the cache gets what the limit leaves, but no more than 64 sequences of full
  /// length need, and, if no limit was given, no more than a quarter of what is available.
  ///
  /// - Parameters:
  ///   - secondTierByteCount: bytes of a second tier in memory.
  ///   - available: bytes to reckon with; nil for what the system says.
  /// - Throws: ``EngineError/doesNotFit(_:advice:)``, which says what would fit, or what building the model throws.
  package init(
    _ checkpoint: Checkpoint, options: EngineOptions, secondTierByteCount: Int = 0, available: Int? = nil
  ) throws {
    self = try Self.items(checkpoint, options, secondTierByteCount, available: available ?? availableMemory())
    let (rest, perSequence) = (limit - total, (sequenceLength - 1) / blockSize + 1)
    if let cacheTokens = options.cacheTokens {
      guard cacheTokens > 0 else {
        throw EngineError.invalidOption(name: "cacheTokens", value: "\(cacheTokens)", allowed: "at least 1")
      }
      // Beyond all memory is as good as the number itself.
      blockCount = min((cacheTokens - 1) / blockSize + 1, Int.max / 4 / bytesPerBlock)
    } else {
      let share = options.memory == nil ? self.available / 4 : .max
      blockCount = min(max(0, min(rest, share)) / bytesPerBlock, Self.sequenceLimit * perSequence)
      // A length that was asked for must fit; that of the model is an upper limit.
      if options.maximumSequenceLength != nil || blockCount == 0 {
        blockCount = max(blockCount, options.maximumSequenceLength == nil ? 1 : perSequence)
      }
    }
    guard total <= limit else { throw refusal(checkpoint, options) }
  }

  /// All items but the cache.
  private static func items(
    _ checkpoint: Checkpoint, _ options: EngineOptions, _ secondTier: Int, available: Int
  ) throws -> MemoryLedger {
    let sizes = try CPUSizes(checkpoint, options: options)
    return MemoryLedger(
      available: available, limit: try (options.memory ?? .standard).bytes(available: available),
      weights: sizes.weights, workSpace: sizes.workSpace, secondTier: min(max(0, secondTier), .max / 4),
      program: programAllowance, grammars: grammarAllowance,
      bytesPerBlock: sizes.bytesPerBlock, blockSize: options.blockSize, blockCount: 0,
      sequenceLength: options.maximumSequenceLength ?? checkpoint.configuration.maximumPositions)
  }

  private init(
    available: Int, limit: Int, weights: Int, workSpace: Int, secondTier: Int, program: Int, grammars: Int,
    bytesPerBlock: Int,
    blockSize: Int, blockCount: Int, sequenceLength: Int
  ) {
    self.available = available
    self.limit = limit
    self.weights = weights
    self.workSpace = workSpace
    self.secondTier = secondTier
    self.program = program
    self.grammars = grammars
    self.bytesPerBlock = bytesPerBlock
    self.blockSize = blockSize
    self.blockCount = blockCount
    self.sequenceLength = sequenceLength
  }

  // What would fit.

  /// The error that says what this ledger needs, and what would fit instead.
  private func refusal(_ checkpoint: Checkpoint, _ options: EngineOptions) -> EngineError {
    .doesNotFit(self, advice: advice(checkpoint, options))
  }

  private func advice(_ checkpoint: Checkpoint, _ options: EngineOptions) -> String {
    var ways: [String] = []
    func consider(_ prefix: String, _ change: (inout EngineOptions) -> Void, secondTier: Int) {
      var options = options
      change(&options)
      guard let items = try? Self.items(checkpoint, options, secondTier, available: available) else { return }
      let tokens = (items.limit - items.total) / max(1, items.bytesPerBlock) * items.blockSize
      // Less than a few blocks is no cache to work with.
      if tokens >= 4 * items.blockSize { ways.append("\(prefix)a cache of \(tokens) tokens") }
    }
    consider("", { _ in }, secondTier: secondTier)
    if options.cacheType != .int8 {
      consider("with keys and values as int8 ", { $0.cacheType = .int8 }, secondTier: secondTier)
    }
    if ways.isEmpty, secondTier > 0 { consider("without the second tier ", { _ in }, secondTier: 0) }
    for count in [256, 128, 64, 32] where ways.isEmpty && count < options.maximumBatchTokens {
      consider("with batches of at most \(count) tokens ", { $0.maximumBatchTokens = count }, secondTier: secondTier)
    }
    guard !ways.isEmpty else {
      var least = options
      least.maximumBatchTokens = min(32, options.maximumBatchTokens)
      let items = try? Self.items(checkpoint, least, 0, available: available)
      let needed = items.map { $0.total + 4 * $0.bytesPerBlock } ?? total
      return "no setting fits: this model needs at least \(Self.mebibytes(needed)) MiB"
    }
    return "what fits is " + ways.joined(separator: ", or ")
      + ", for prompt and answer of all requests that run at a time"
  }

  // In words.

  /// One line with all items.
  public var summary: String {
    "weights \(Self.mebibytes(weights)) MiB, work space \(Self.mebibytes(workSpace)) MiB, cache of \(cacheTokens) tokens "
      + "\(Self.mebibytes(cache)) MiB, second tier \(Self.mebibytes(secondTier)) MiB, program "
      + "\(Self.mebibytes(program)) MiB, grammars \(Self.mebibytes(grammars)) MiB: \(Self.mebibytes(total)) of \(Self.mebibytes(limit)) MiB"
  }

  /// Bytes in MiB, rounded up.
  static func mebibytes(_ bytes: Int) -> Int { bytes / (1 << 20) + (bytes % (1 << 20) > 0 ? 1 : 0) }
}
