import Decoding
import Testing

@Suite struct WeightTruncationTests {
  /// Weights with many ties, some of them 0, in a wide range of magnitudes.
  private func weights(_ count: Int, using generator: inout SeededGenerator) -> [Float] {
    (0..<count).map { _ in
      let value = Float(Int.random(in: 0...20, using: &generator))
      return Bool.random(using: &generator) ? value / 32 : value / 8_388_608
    }
  }

  private func order(_ weights: [Float]) -> [Int] {
    weights.indices.sorted { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }
  }

  @Test func keepsTheLargestWithTiesByIndex() {
    var generator = SeededGenerator(seed: 4)
    var truncation = WeightTruncation()
    for round in 0..<300 {
      let original = weights(1 + round, using: &generator)
      for count in [1, 2, 7, 100, 10_000] {
        var kept = original
        truncation.keepLargest(count, of: &kept)
        let expected = Set(order(original).prefix(count))
        #expect(original.indices.allSatisfy { kept[$0] == (expected.contains($0) ? original[$0] : 0) })
      }
    }
  }

  @Test func keepsTheSmallestSetThatHoldsTheMass() {
    var generator = SeededGenerator(seed: 5)
    var truncation = WeightTruncation()
    for round in 0..<300 {
      // Multiples of a power of two sum exactly, so that the expected set does not depend on the order.
      let original = weights(1 + round, using: &generator)
      let total = original.reduce(0.0) { $0 + Double($1) }
      for part in [0.0001, 0.1, 0.5, 0.9, 0.999, 1.0] where total > 0 {
        var kept = original
        truncation.keepMass(part * total, of: &kept)
        var expected: Set<Int> = []
        var sum = 0.0
        for index in order(original) where sum < part * total {
          expected.insert(index)
          sum += Double(original[index])
        }
        #expect(original.indices.allSatisfy { kept[$0] == (expected.contains($0) ? original[$0] : 0) })
      }
    }
  }

  @Test func equalWeightsAreKeptFromTheFront() {
    var truncation = WeightTruncation()
    var weights = [Float](repeating: 0.25, count: 8)
    truncation.keepMass(0.75, of: &weights)
    #expect(weights == [0.25, 0.25, 0.25, 0, 0, 0, 0, 0])
    truncation.keepLargest(1, of: &weights)
    #expect(weights == [0.25, 0, 0, 0, 0, 0, 0, 0])
  }
}
