import Decoding
import Requests
import Testing

/// A row under masks: what is found in the blocks that are looked into is what is in a row that is written as a whole.
@Suite struct EditedRowTests {
  private struct Case {
    let values: [Float]
    let masks: [[UInt64]]
    let expected: [Float]

    /// Logits with many ties, and two masks one after the other, which have whole words, halves of them and single bits.
    init(count: Int, round: Int, using generator: inout SeededGenerator) {
      values = (0..<count).map { _ in Float(Int.random(in: -9...9, using: &generator)) / 4 }
      var masks: [[UInt64]] = []
      for _ in 0..<2 {
        masks.append(
          (0..<(count + 63) / 64).map { _ -> UInt64 in
            if round % 8 == 0 { return 0 }
            return switch Int.random(in: 0..<5, using: &generator) {
            case 0: 0
            case 1: .max
            case 2: UInt64.max << 32
            case 3: UInt64.max >> 32
            default: UInt64.random(in: .min ... .max, using: &generator)
            }
          })
      }
      self.masks = masks
      expected = zip(values.indices, values).map { index, value in
        masks.allSatisfy { $0[index / 64] >> UInt64(index % 64) & 1 == 1 } ? value : -.infinity
      }
    }
  }

  /// Between the masks `body` may look into blocks of the row.
  private func row(_ tried: Case, _ body: (inout EditedRow) -> Void = { _ in }) throws -> EditedRow {
    var row = EditedRow()
    try row.fill(logits([tried.values]), row: 0)
    row.begin(count: tried.values.count)
    row.keep(tried.masks[0])
    body(&row)
    row.keep(tried.masks[1])
    return row
  }

  @Test(arguments: [1, 31, 32, 33, 64, 96, 1000, 4097]) func whatIsFoundIsWhatIsThere(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    for round in 0..<40 {
      let tried = Case(count: count, round: round, using: &generator)
      var whole = BlockMaxima()
      do {
        try whole.fill(tried.expected.span)
      } catch {
        #expect(throws: error) {
          var row = try row(tried)
          try row.settleBest(tried.values.span)
        }
        continue
      }
      var best = try row(tried) { row in if round % 2 == 0 { try? row.settleBest(tried.values.span) } }
      try best.settleBest(tried.values.span)
      #expect(best.maxima.scan(of: best.logits.span) == whole.scan(of: tried.expected.span))

      var all = try row(tried) { row in if round % 2 == 0 { row.settle(atLeast: 0, of: tried.values.span) } }
      try all.settleAll(tried.values.span)
      #expect(all.logits == tried.expected && all.maxima.keys == whole.keys)
      #expect(all.maxima.largestKey == whole.largestKey)

      let limit = Float(Int.random(in: -9...9, using: &generator)) / 4
      let key = Int32(bitPattern: limit.bitPattern) ^ (limit < 0 ? .max : 0)
      var some = try row(tried)
      let found = some.settle(atLeast: key, of: tried.values.span)
      #expect(found == tried.expected.count { $0 >= limit })
      #expect(some.logits.indices.allSatisfy { tried.expected[$0] < limit || some.logits[$0] == tried.expected[$0] })
    }
  }

  /// Every way to draw, from a row that was written as a whole and from one that is looked into as it must.
  @Test(arguments: [1, 5, 50, 3000]) func drawsAreThoseOfTheWholeRow(topK: Int) throws {
    var generator = SeededGenerator(seed: UInt64(topK))
    var (ofRow, ofWhole) = (TokenSampler(), TokenSampler())
    for round in 1..<100 where round % 8 != 0 {
      let tried = Case(count: 2000, round: round, using: &generator)
      var whole = BlockMaxima()
      try whole.fill(tried.expected.span)
      var params = SamplingParams(temperature: 0.7, topK: topK)
      if round % 2 == 0 { params.topP = 0.8 }
      if round % 3 == 0 { params.minP = 0.2 }
      if round % 5 == 0 { params.typicalP = 0.6 }
      let uniform = Double.random(in: 0..<1, using: &generator)
      var row = try row(tried)
      let token = try ofRow.sample(&row, of: tried.values.span, params: params, uniform: uniform)
      #expect(token == ofWhole.sample(tried.expected.span, whole, params: params, uniform: uniform))
    }
  }
}
