import Tensors

/// A seeded generator for tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

/// A block of logits with the given rows.
func logits(_ rows: [[Float]]) -> Logits {
  let logits = Logits(vocabularySize: rows[0].count)
  logits.resize(rowCount: rows.count)
  for (index, row) in rows.enumerated() {
    logits.withMutableRow(index) { values in
      for token in row.indices { values[token] = row[token] }
    }
  }
  return logits
}

/// Logits in -8 ..< 8.
func randomRow(_ count: Int, using generator: inout SeededGenerator) -> [Float] {
  (0..<count).map { _ in Float.random(in: -8..<8, using: &generator) }
}
