public import ModelEngines
internal import Requests
internal import Resources
internal import Tensors

/// Checks that a ``ModelEngine`` keeps the contract that everything else relies on: the logits of a sequence are the same
/// bits alone and among others, in one run and in many, in whatever blocks it lives, and with blocks that were moved.
public struct ModelEngineConformance {
  private let engine: any ModelEngine
  private var generator = SeededGenerator(seed: 1)

  /// Creates a check of an engine that nobody else uses.
  public init(_ engine: any ModelEngine) { self.engine = engine }

  /// One sequence of a check.
  private struct Sequence {
    var tokens: [TokenID]
    var blocks: [Int32] = []
    var processed = 0
  }

  /// Runs the check with `sequenceCount` sequences of at most `maximumLength` tokens.
  ///
  /// - Throws: ``ConformanceViolation``, or what the engine throws.
  public mutating func check(sequenceCount: Int = 6, maximumLength: Int = 70) throws {
    let (limits, cache) = (engine.limits, engine.cacheGeometry)
    let length = min(maximumLength, limits.maximumSequenceLength, cache.blockCount / sequenceCount * cache.blockSize)
    guard length >= 2 else {
      throw ConformanceViolation("the cache is too small to check with \(sequenceCount) sequences")
    }
    let sequences = (0..<sequenceCount).map { _ in
      (0..<generator.number(2...length)).map { _ in TokenID(generator.number(0...limits.vocabularySize - 1)) }
    }
    let alone = try sequences.map { try compute([$0], chunk: limits.maximumBatchTokens)[0] }
    for round in 0..<4 {
      let chunk = generator.number(1...max(1, min(length, limits.maximumBatchTokens)))
      let together = try compute(sequences, chunk: chunk, isMoving: round % 2 == 1)
      for (index, logits) in together.enumerated() where logits != alone[index] {
        throw ConformanceViolation(
          "the logits of sequence \(index) (\(sequences[index].count) tokens) are others among \(sequenceCount) sequences "
            + "in chunks of \(chunk)\(round % 2 == 1 ? ", with blocks that were moved" : "") than alone")
      }
    }
  }

  /// The bits of the last row of logits of every sequence, computed together in chunks, in random blocks.
  private mutating func compute(_ sequences: [[TokenID]], chunk: Int, isMoving: Bool = false) throws -> [[UInt32]] {
    let cache = engine.cacheGeometry
    var free = (0..<Int32(cache.blockCount)).shuffled(using: &generator)
    var states = sequences.map { Sequence(tokens: $0) }
    var results = [[UInt32]](repeating: [], count: sequences.count)
    while states.contains(where: { $0.processed < $0.tokens.count }) {
      var batch = ForwardBatch()
      var rows: [Int] = []
      for index in states.indices.shuffled(using: &generator) {
        let left = states[index].tokens.count - states[index].processed
        let room = engine.limits.maximumBatchTokens - batch.tokens.count
        let count = min(left, chunk, room)
        guard count > 0, generator.number(0...3) > 0 || batch.runs.isEmpty else { continue }
        let isLast = count == left
        if isLast, rows.count == engine.limits.maximumLogitsRows { continue }
        let end = states[index].processed + count
        while states[index].blocks.count * cache.blockSize < end, let block = free.popLast() {
          states[index].blocks.append(block)
        }
        batch.append(
          tokens: states[index].tokens[states[index].processed..<end], firstPosition: states[index].processed,
          blocks: states[index].blocks, logits: isLast ? .last : .none)
        states[index].processed = end
        if isLast { rows.append(index) }
      }
      let logits = try engine.forward(batch)
      guard logits.rowCount == rows.count else {
        throw ConformanceViolation("the engine returned \(logits.rowCount) rows of logits instead of \(rows.count)")
      }
      for (row, index) in rows.enumerated() {
        results[index] = logits.withRow(row) { values in values.indices.map { values[$0].bitPattern } }
      }
      if isMoving { move(&states, &free) }
    }
    return results
  }

  /// Moves one block of every sequence to another, over bytes or by a copy.
  private mutating func move(_ states: inout [Sequence], _ free: inout [Int32]) {
    guard let store = engine.blockStore else { return }
    var bytes: [UInt8] = []
    for index in states.indices where !states[index].blocks.isEmpty {
      guard let target = free.popLast() else { return }
      let place = generator.number(0...states[index].blocks.count - 1)
      let source = states[index].blocks[place]
      if generator.number(0...1) == 0 {
        let size = engine.cacheGeometry.blockSize
        store.copyBlock(from: source, to: target, tokenCount: min(size, states[index].processed - place * size))
      } else {
        store.readBlock(source, into: &bytes)
        store.writeBlock(target, from: bytes)
      }
      states[index].blocks[place] = target
      free.insert(source, at: 0)
    }
  }
}
