import Decoding
import Testing

@Suite struct LogitsScanTests {
  private func scan(_ values: [Float]) throws(DecodingError) -> LogitsScan { try LogitsScan(values.span) }

  @Test func tiesGoToTheLowestIndex() throws {
    #expect(try scan([1, 3, 2, 3]).argmax == 1)
    #expect(try scan([-5]).argmax == 0)
    #expect(try scan([-0.0, 0.0]).argmax == 0)
    #expect(try scan([-1, 0.0, -0.0]).argmax == 1)
    #expect(try scan([-1, -0.0, 0.0]).argmax == 1)
    var long = [Float](repeating: -2, count: 5000)
    long[1500] = -1
    long[4100] = -1
    #expect(try scan(long) == scan(long))
    #expect(try scan(long).argmax == 1500)
    #expect(try scan(long).maximum == -1)
  }

  @Test func maskedTokensAreAllowedButNotAll() throws {
    #expect(try scan([-.infinity, -4, -.infinity]).argmax == 1)
    #expect(throws: DecodingError.everyTokenMasked) { try scan([-.infinity, -.infinity]) }
  }

  @Test func invalidValuesAreNamedWhereverTheyAre() {
    for position in [0, 1, 1023, 1024, 1025, 2999] {
      for (value, error) in [
        (Float.nan, DecodingError.notANumber), (-Float.nan, .notANumber), (.signalingNaN, .notANumber),
        (.infinity, .infinite),
      ] {
        var values = [Float](repeating: 0.5, count: 3000)
        values[position] = value
        #expect(throws: error) { try scan(values) }
      }
    }
  }

  @Test func agreesWithAPlainLoop() throws {
    var generator = SeededGenerator(seed: 1)
    for count in [1, 2, 7, 1023, 1024, 1025, 4097] {
      for _ in 0..<20 {
        let values = (0..<count).map { _ in Float(Int.random(in: -50...50, using: &generator)) / 4 }
        let best = try #require(values.max())
        #expect(try scan(values).argmax == values.firstIndex(of: best))
      }
    }
  }
}
