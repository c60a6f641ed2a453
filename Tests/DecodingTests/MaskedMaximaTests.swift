import Decoding
import Testing

/// A row under a mask: what is written and noted is what forbidding token by token and looking at all of it would give.
@Suite struct MaskedMaximaTests {
  @Test(arguments: [1, 31, 32, 33, 64, 96, 1000, 4097]) func masksAreAppliedBlockByBlock(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    for round in 0..<40 {
      let values = (0..<count).map { _ in Float(Int.random(in: -9...9, using: &generator)) / 4 }
      var mask = (0..<(count + 63) / 64).map { _ -> UInt64 in
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: 0
        case 1: .max
        case 2: UInt64.max << 32
        case 3: UInt64.max >> 32
        default: UInt64.random(in: .min ... .max, using: &generator)
        }
      }
      if round % 8 == 0 { for place in mask.indices { mask[place] = 0 } }
      let expected = values.indices.map { mask[$0 / 64] >> UInt64($0 % 64) & 1 == 1 ? values[$0] : -.infinity }
      var row = [Float](repeating: .nan, count: count)
      var maxima = BlockMaxima()
      try maxima.fill(values.span)
      var written = row.mutableSpan
      let result = Result { () throws(DecodingError) in try maxima.apply(mask, to: values.span, into: &written) }
      #expect(row == expected)
      var whole = BlockMaxima()
      do {
        try whole.fill(expected.span)
        #expect(throws: Never.self) { try result.get() }
        #expect(maxima.keys == whole.keys && maxima.largestKey == whole.largestKey)
      } catch {
        #expect(throws: DecodingError.everyTokenMasked) { try result.get() }
      }
    }
  }
}
