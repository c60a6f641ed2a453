import Decoding
import Testing

@Suite struct MassSelectionTests {
  /// Weights with many ties, some of them 0, in a wide range of magnitudes.
  private func weights(_ count: Int, using generator: inout SeededGenerator) -> [Float] {
    (0..<count).map { _ in
      let value = Float(Int.random(in: 0...20, using: &generator))
      return Bool.random(using: &generator) ? value / 32 : value / 8_388_608
    }
  }

  /// Keeps by keys that are random, with many ties, and wide or narrow.
  @Test(arguments: [1, 40, 5_000, .max] as [Int32]) func keepsTheFewestThatHoldTheMass(largest: Int32) {
    var generator = SeededGenerator(seed: UInt64(largest))
    var selection = MassSelection()
    for round in 0..<300 {
      // Multiples of a power of two sum exactly, so that the expected set does not depend on the order.
      let original = weights(1 + round, using: &generator)
      let keys = original.map { _ in Int32.random(in: 0...largest, using: &generator) }
      let order = original.indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
      let total = original.reduce(0.0) { $0 + Double($1) }
      for part in [0.0001, 0.1, 0.5, 0.9, 0.999, 1.0] where total > 0 {
        var kept = original
        selection.keep(part * total, of: &kept, keys: keys, count: kept.count)
        var expected: Set<Int> = []
        var sum = 0.0
        for index in order where sum < part * total {
          expected.insert(index)
          sum += Double(original[index])
        }
        #expect(original.indices.allSatisfy { kept[$0] == (expected.contains($0) ? original[$0] : 0) })
      }
    }
  }

  @Test func equalWeightsAreKeptFromTheFront() {
    var selection = MassSelection()
    var weights = [Float](repeating: 0.25, count: 8)
    selection.keep(0.75, of: &weights, keys: Array(repeating: 7, count: 8), count: 8)
    #expect(weights == [0.25, 0.25, 0.25, 0, 0, 0, 0, 0])
  }

  @Test func aMassOutOfReachKeepsAll() {
    var selection = MassSelection()
    var weights: [Float] = [0.5, 0.25, 9]
    selection.keep(2, of: &weights, keys: [3, 1 << 30, 5], count: 2)
    #expect(weights == [0.5, 0.25, 9])
  }
}
