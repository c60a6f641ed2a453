import Decoding
import Foundation
import Tensors
import Testing

/// The maxima that the CPU's product notes are those that a scan of the row finds.
@Suite struct NotedMaximumTests {
  /// Logits that are `rows`, every one the bias of a product of zeros; each number of threads and tier in turn.
  private func logits(_ row: [Float], rowCount: Int, tier: KernelTier, threadCount: Int) throws -> Logits {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).weights")
    try Data(count: 4 * row.count).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let pool = WorkerPool(threadCount: threadCount)
    let weights = StoredMatrix(
      type: .f32, rows: row.count, columns: 1, file: try MappedFile(path: file.path), offset: 0)
    let head = PackedLinear([PackedLinear.Part(weights: weights, bias: row)], arena: WeightArena(), pool: pool)
    let operations = CPUOperations(tier: tier, pool: pool)
    let x = Matrix(capacity: rowCount, columns: 1)
    x.resize(rows: rowCount)
    for index in 0..<rowCount { x.setRow(index, [0]) }
    let operand = Operand(capacity: rowCount, columns: 1, forms: .floats)
    operations.normalize(x, weight: AlignedBuffer(byteCount: 64), epsilon: 1, into: operand)
    let logits = Logits(vocabularySize: row.count)
    operations.multiply(operand, head, into: logits)
    return logits
  }

  private func check(_ row: [Float], isNoted: Bool) throws {
    for tier in KernelTier.available {
      let logits = try logits(row, rowCount: 3, tier: tier, threadCount: 2)
      for index in 0..<3 {
        let scan = logits.withRow(index) { values in Result { () throws(DecodingError) in try LogitsScan(values) } }
        let noted = Result { () throws(DecodingError) in try LogitsScan(logits, row: index) }
        #expect(noted == scan)
        #expect((logits.maximum(ofRow: index) != nil) == isNoted)
      }
    }
  }

  @Test func blocksAreThoseOfWhichTheEngineNotesTheMaxima() { #expect(BlockMaxima.blockCount == Logits.tileColumns) }

  @Test func theyAreThoseOfAScan() throws {
    var generator = SeededGenerator(seed: 3)
    for count in [1, 31, 32, 33, 64, 1000, 4097] {
      // Few values, so that there are ties; zeros of both signs among them.
      let row = (0..<count).map { _ in Float(Int.random(in: -9...0, using: &generator)) / 4 * (Bool.random() ? 1 : -1) }
      try check(row, isNoted: true)
      try check(row.map { -abs($0) - 1 }, isNoted: true)
    }
  }

  @Test func rowsWithoutAFiniteMaximumAreNotNoted() throws {
    for place in [0, 31, 32, 99] {
      for value in [Float.nan, -.nan, .infinity] {
        var row = [Float](repeating: -1, count: 100)
        row[place] = value
        try check(row, isNoted: false)
      }
    }
    try check([Float](repeating: -.infinity, count: 100), isNoted: false)
    var masked = [Float](repeating: -.infinity, count: 100)
    masked[40] = -3
    try check(masked, isNoted: true)
  }

  @Test func whatIsWrittenLaterIsNotOverlooked() throws {
    let logits = try logits([1, 2, 3], rowCount: 2, tier: .best, threadCount: 1)
    #expect(logits.maximum(ofRow: 1)?.index == 2)
    logits.withMutableRow(1) { $0[0] = 9 }
    #expect(try LogitsScan(logits, row: 1).argmax == 0)
    #expect(try LogitsScan(logits, row: 0).argmax == 2)
  }

  /// What each row has that was written and then noted; not one that was written again.
  @Test func rowsOfABatchHaveTheirOwnMaxima() {
    var generator = SeededGenerator(seed: 4)
    let (rowCount, count) = (21, 3000)
    let logits = Logits(vocabularySize: count)
    logits.resize(rowCount: rowCount)
    // Few values, so that there are ties.
    var values = (0..<rowCount).map { _ in (0..<count).map { _ in Float(Int.random(in: 0...900, using: &generator)) } }
    values[5][2999] = .infinity
    for row in 0..<rowCount {
      logits.withMutableRow(row) { target in for token in 0..<count { target[token] = values[row][token] } }
    }
    #expect(logits.indexOfMaximum(ofRow: 0) == nil)
    logits.noteLargest()
    logits.withMutableRow(9) { $0[17] = 1000 }
    for row in 0..<rowCount {
      let expected = row == 5 || row == 9 ? nil : values[row].firstIndex(of: values[row].max() ?? 0)
      #expect(logits.indexOfMaximum(ofRow: row) == expected)
      #expect(logits.maximum(ofRow: row)?.value == expected.map { values[row][$0] })
    }
    #expect(throws: DecodingError.infinite) { try LogitsScan(logits, row: 5) }
  }

  /// Threads that compute tiles of the same rows at the same time agree on the largest.
  @Test func manyThreadsNoteWhatOneDoes() throws {
    var generator = SeededGenerator(seed: 5)
    let row = (0..<6000).map { _ in Float(Int.random(in: 0...99, using: &generator)) }
    for rowCount in [1, 5, 140] {
      let alone = try logits(row, rowCount: rowCount, tier: .best, threadCount: 1)
      for _ in 0..<20 {
        let together = try logits(row, rowCount: rowCount, tier: .best, threadCount: 7)
        for index in 0..<rowCount {
          #expect(together.indexOfMaximum(ofRow: index) == alone.indexOfMaximum(ofRow: index))
          #expect(together.indexOfMaximum(ofRow: index) == row.firstIndex(of: row.max() ?? 0))
        }
      }
    }
  }
}
