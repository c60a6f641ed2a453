import Decoding
import Testing

@Suite struct TokenSamplerTests {
  /// A row in which a few tokens far from each other have all the probability.
  static func row(_ chosen: [Int], count: Int) -> [Float] {
    var row = [Float](repeating: -200, count: count)
    for token in chosen { row[token] = 3 }
    return row
  }

  /// What a row draws must not depend on the rows before it, in a vocabulary of many blocks too.
  @Test(arguments: [64, 1024, 5000, 49_152]) func everyRowDrawsFromItself(_ count: Int) throws {
    var sampler = TokenSampler()
    for round in 0..<50 {
      let chosen = [round % count, (round * 613 + 7) % count, count - 1 - round % 3]
      let row = Self.row(chosen, count: count)
      for uniform in [0, 0.2, 0.5, 0.8, 0.999_999] {
        let token = sampler.sample(
          row.span, scan: try LogitsScan(row.span), temperature: 0.9, topK: 0, topP: 1, uniform: uniform)
        #expect(chosen.contains(token), "row \(round), \(uniform) of \(count) tokens")
      }
    }
  }

  @Test func theDrawWalksThroughTheTokensInOrder() throws {
    var sampler = TokenSampler()
    let row = Self.row([10, 3000, 6000, 9000], count: 10_000)
    let drawn = try [0.1, 0.3, 0.6, 0.9].map {
      sampler.sample(row.span, scan: try LogitsScan(row.span), temperature: 1, topK: 0, topP: 1, uniform: $0)
    }
    #expect(drawn == [10, 3000, 6000, 9000])
  }
}
