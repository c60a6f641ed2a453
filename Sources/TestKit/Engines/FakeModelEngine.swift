internal import Dispatch
package import ModelEngines
package import Requests
package import Resources
internal import Synchronization
package import Tensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A model engine without a model, for tests of everything above one.
///
/// The logits of a position are a hash of all tokens of the sequence up to it, *as they are read back through the block
/// table*: the fake's cache holds token identifiers where a real one holds keys and values. A wrong block table, a wrong
/// position, a missing chunk or a block that two sequences share changes the answer, and most such faults are found by
/// the checks of the contract before that.
package final class FakeModelEngine: ModelEngine, KVBlockStore {
  /// What the fake is told to do.
  package struct Script: Sendable {
    /// The numbers of the passes, from 0, that throw.
    package var failingPasses: Set<Int> = []
    /// The token that is to be the most probable one after a history, or nil for the pseudo-model's own choice.
    package var wantedToken: (@Sendable (_ history: [TokenID]) -> TokenID?)?
    /// Whether the row after a history is to contain a value that is not a number.
    package var isPoisoned: (@Sendable (_ history: [TokenID]) -> Bool)?
    /// Whether a run is to fail alone, given the tokens of the sequence up to its end.
    package var isFailingRun: (@Sendable (_ history: [TokenID]) -> Bool)?
    /// Microseconds that every pass takes at least.
    package var microsecondsPerPass: UInt32 = 0
    /// A gate at which passes wait, so that a test can act in the middle of one.
    package var gate: Gate?

    /// Creates a script that asks for nothing special.
    package init() {}
  }

  /// Holds passes back until a test opens it.
  package final class Gate: Sendable {
    private let firstPass: Int
    private let semaphore = DispatchSemaphore(value: 0)

    /// Creates a gate at which pass `firstPass` and all later ones wait.
    package init(fromPass firstPass: Int) { self.firstPass = firstPass }

    /// Lets the waiting pass and all later ones go.
    package func open() { semaphore.signal() }

    fileprivate func wait(pass: Int) {
      guard pass >= firstPass else { return }
      semaphore.wait()
      semaphore.signal()
    }
  }

  /// What the fake has seen; may be read from any thread.
  package final class Log: Sendable {
    /// One pass.
    package struct Pass: Sendable {
      /// Number of runs.
      package var runCount: Int
      /// Number of tokens.
      package var tokenCount: Int
      /// Number of rows of logits.
      package var logitsRowCount: Int
      /// Number of tokens of the longest run.
      package var longestRun: Int
    }

    private let contents = Mutex<[Pass]>([])

    /// The passes so far, failed ones included.
    package var passes: [Pass] { contents.withLock { $0 } }

    fileprivate func append(_ pass: Pass) -> Int {
      contents.withLock { passes in
        passes.append(pass)
        return passes.count - 1
      }
    }
  }

  /// What the fake can take.
  package let limits: ModelEngineLimits
  /// The fake's cache.
  package let cacheGeometry: KVCacheGeometry
  /// Width of the fake's hidden states, of which that after a history is the beginning of its logits; nil for none.
  package let hiddenSize: Int?
  /// Those of the last pass.
  package private(set) var hiddenStates: [Float] = []
  /// What the fake has seen.
  package let log = Log()

  private let script: Script
  private let logits: Logits
  /// Token and absolute position of every entry of the cache, `[blocks, blockSize]`; -1 where nothing was written.
  private var cache: [(token: TokenID, position: Int)]

  /// Creates a fake with an empty cache.
  package init(
    vocabularySize: Int = 97, maximumSequenceLength: Int = 512, maximumBatchTokens: Int = 256,
    maximumLogitsRows: Int = 64, blockSize: Int = 4, blockCount: Int = 256, hiddenSize: Int? = nil,
    script: Script = Script()
  ) {
    self.hiddenSize = hiddenSize
    limits = ModelEngineLimits(
      vocabularySize: vocabularySize, maximumSequenceLength: maximumSequenceLength,
      maximumBatchTokens: maximumBatchTokens, maximumLogitsRows: maximumLogitsRows)
    cacheGeometry = KVCacheGeometry(
      blockSize: blockSize, blockCount: blockCount, bytesPerBlock: blockSize * Self.bytesPerEntry)
    self.script = script
    logits = Logits(vocabularySize: vocabularySize)
    cache = Array(repeating: (-1, -1), count: blockSize * blockCount)
  }

  /// Stores the tokens of the batch, checks the contract, and hashes histories.
  ///
  /// - Throws: ``FakeModelEngineError``, when told to or when the batch breaks the contract.
  package func forward(_ batch: ForwardBatch) throws -> Logits {
    let pass = log.append(
      Log.Pass(
        runCount: batch.runs.count, tokenCount: batch.tokens.count, logitsRowCount: batch.logitsRowCount,
        longestRun: batch.runs.map(\.tokenCount).max() ?? 0))
    script.gate?.wait(pass: pass)
    if script.microsecondsPerPass > 0 { usleep(script.microsecondsPerPass) }
    if script.failingPasses.contains(pass) { throw FakeModelEngineError("pass \(pass) was told to fail") }
    try check(batch)
    for run in batch.runs { write(run, of: batch) }
    if let isFailingRun = script.isFailingRun {
      for (index, run) in batch.runs.enumerated()
      where isFailingRun(try read(0..<run.firstPosition + run.tokenCount, run, of: batch)) {
        throw RunFailure(runIndex: index, reason: "the run was told to fail")
      }
    }
    hiddenStates = try hiddenStates(of: batch)
    logits.resize(rowCount: batch.logitsRowCount)
    var row = 0
    for run in batch.runs {
      var history = try read(0..<run.firstPosition + run.tokenCount - run.logitsRowCount, run, of: batch)
      for position in history.count..<run.firstPosition + run.tokenCount where run.logits != .none {
        history += try read(position..<position + 1, run, of: batch)
        logits.withMutableRow(row) { values in
          for token in values.indices { values[token] = 0 }
          Self.fill(&values, history: history, script: script)
        }
        row += 1
      }
    }
    return logits
  }

  private func hiddenStates(of batch: ForwardBatch) throws -> [Float] {
    try batch.runs.flatMap { run in
      let end = run.firstPosition + run.tokenCount
      return try (end - run.hiddenRowCount..<end).flatMap { position in
        Self.logits(after: try read(0..<position + 1, run, of: batch), vocabularySize: hiddenSize ?? 0)
      }
    }
  }

  /// The logits after `history`, as a batch would return them.
  package static func logits(after history: [TokenID], vocabularySize: Int, script: Script = Script()) -> [Float] {
    var values = [Float](repeating: 0, count: vocabularySize)
    var span = values.mutableSpan
    fill(&span, history: history, script: script)
    return values
  }

  /// The greedy continuation of `prompt` by `count` tokens, without any of the machinery under test.
  package static func greedyContinuation(
    of prompt: [TokenID], count: Int, vocabularySize: Int = 97, script: Script = Script()
  ) -> [TokenID] {
    var history = prompt
    for _ in 0..<count {
      let values = logits(after: history, vocabularySize: vocabularySize, script: script)
      var best = 0
      for token in values.indices where values[token] > values[best] { best = token }
      history.append(TokenID(best))
    }
    return Array(history[prompt.count...])
  }

  private static func fill(_ values: inout MutableSpan<Float>, history: [TokenID], script: Script) {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for token in history { state = mix(state ^ UInt64(UInt32(bitPattern: token)) &+ 0x632B_E59B_D9B4_E019) }
    for token in values.indices {
      let bits = mix(state &+ UInt64(token) &* 0xD1B5_4A32_D192_ED03)
      values[token] = Float(bits >> 40) * 0x1p-21 - 4
    }
    if let wanted = script.wantedToken?(history) { values[Int(wanted)] = 100 }
    if script.isPoisoned?(history) == true { values[0] = .nan }
  }

  /// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
  private static func mix(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  private func write(_ run: ForwardBatch.Run, of batch: ForwardBatch) {
    for offset in 0..<run.tokenCount {
      let position = run.firstPosition + offset
      cache[entry(position, run, of: batch)] = (batch.tokens[run.tokenStart + offset], position)
    }
  }

  private func read(
    _ positions: Range<Int>, _ run: ForwardBatch.Run, of batch: ForwardBatch
  ) throws -> [TokenID] {
    try positions.map { position in
      let found = cache[entry(position, run, of: batch)]
      guard found.position == position else {
        throw FakeModelEngineError("position \(position) of a run at \(run.firstPosition) is not in the cache")
      }
      return found.token
    }
  }

  private func entry(_ position: Int, _ run: ForwardBatch.Run, of batch: ForwardBatch) -> Int {
    let size = cacheGeometry.blockSize
    return Int(batch.blockTable[run.blockStart + position / size]) * size + position % size
  }

  /// Checks what the engine protocol promises its implementations.
  private func check(_ batch: ForwardBatch) throws {
    func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
      if !condition { throw FakeModelEngineError(reason()) }
    }
    try require(!batch.runs.isEmpty, "the batch is empty")
    try require(batch.tokens.count <= limits.maximumBatchTokens, "the batch has \(batch.tokens.count) tokens")
    try require(batch.logitsRowCount <= limits.maximumLogitsRows, "the batch asks for \(batch.logitsRowCount) rows")
    try require(
      batch.tokens.allSatisfy { $0 >= 0 && Int($0) < limits.vocabularySize }, "a token is not in the vocabulary")
    for run in batch.runs {
      let end = run.firstPosition + run.tokenCount
      try require(run.tokenCount > 0 && run.firstPosition >= 0, "a run is empty")
      try require(end <= limits.maximumSequenceLength, "a run ends at \(end)")
      try require(
        run.blockCount * cacheGeometry.blockSize >= end, "\(run.blockCount) blocks do not cover \(end) tokens")
    }
    try require(
      batch.blockTable.allSatisfy { $0 >= 0 && Int($0) < cacheGeometry.blockCount }, "a block is out of range")
    var nameCounts: [Int32: Int] = [:]
    for block in batch.blockTable { nameCounts[block, default: 0] += 1 }
    for run in batch.runs {
      let (first, last) = (run.firstPosition, run.firstPosition + run.tokenCount - 1)
      let written = run.blockStart + first / cacheGeometry.blockSize...run.blockStart + last / cacheGeometry.blockSize
      try require(
        batch.blockTable[written].allSatisfy { nameCounts[$0] == 1 }, "a block that is written is another's as well")
    }
  }
}

/// The contents of the fake's cache: for every position four bytes of token and four of position.
extension FakeModelEngine {
  private static let bytesPerEntry = 8

  /// The fake itself.
  package var blockStore: (any KVBlockStore)? { self }

  /// Bytes of a block.
  package var bytesPerBlock: Int { cacheGeometry.bytesPerBlock }

  /// Copies the first positions, and makes sure that nobody can use the others.
  package func copyBlock(from source: Int32, to target: Int32, tokenCount: Int) {
    let size = cacheGeometry.blockSize
    for offset in 0..<size {
      cache[Int(target) * size + offset] = offset < tokenCount ? cache[Int(source) * size + offset] : (-1, -1)
    }
  }

  /// Writes tokens and positions to `bytes`.
  package func readBlock(_ block: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    let size = cacheGeometry.blockSize
    for (token, position) in cache[Int(block) * size..<(Int(block) + 1) * size] {
      for value in [UInt32(bitPattern: token), UInt32(bitPattern: Int32(position))] {
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
      }
    }
  }

  /// Reads tokens and positions from `bytes`.
  package func writeBlock(_ block: Int32, from bytes: [UInt8]) {
    func integer(_ start: Int) -> Int32 {
      Int32(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
    }
    for offset in 0..<cacheGeometry.blockSize {
      let start = offset * Self.bytesPerEntry
      cache[Int(block) * cacheGeometry.blockSize + offset] = (integer(start), Int(integer(start + 4)))
    }
  }
}

/// The fake was told to fail, or its contract was broken.
package struct FakeModelEngineError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What happened.
  package let description: String

  /// Creates an error.
  package init(_ description: String) { self.description = description }
}
