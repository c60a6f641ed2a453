package import Tensors

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): the same numbers
/// everywhere for one seed.
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// What the state grows by from one number to the next.
  package static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// The number that a state stands for.
  package static func mix(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension DType {
  /// The bytes of `count` random blocks: every weight is finite and below 32 in magnitude, of either sign.
  package func randomBlocks(count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * blockBytes)
    for _ in 0..<count {
      let start = bytes.count
      for _ in 0..<blockBytes { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
      for (offset, value) in randomScales(&generator) {
        for (index, byte) in value.enumerated() { bytes[start + offset + index] = byte }
      }
    }
    return bytes
  }

  /// The floating-point fields of a block by offset, in little-endian bytes.
  private func randomScales(_ generator: inout SplitMix64) -> [(offset: Int, bytes: [UInt8])] {
    func half(_ exponents: ClosedRange<UInt16>) -> [UInt8] {
      let random = UInt16(truncatingIfNeeded: generator.next())
      let pattern = random & 0x83ff | UInt16.random(in: exponents, using: &generator) << 10
      return [UInt8(truncatingIfNeeded: pattern), UInt8(pattern >> 8)]
    }
    // A biased exponent of 15 stands for 1, so these are scales of 1/1024 up to 1/64.
    let scale: ClosedRange<UInt16> = 5...8
    switch self {
    case .f32:
      let value = (Float(generator.next() >> 40) - 8_388_608) / 8_388_608
      return [(0, withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })]
    case .f16: return [(0, half(5...14))]
    case .bf16:
      let value = TinyWeights.brainFloatPattern((Float(generator.next() >> 40) - 8_388_608) / 8_388_608)
      return [(0, [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)])]
    case .q8_0, .q4_0, .q5_0: return [(0, half(scale))]
    case .q4_1, .q5_1: return [(0, half(scale)), (2, half(scale))]
    case .q4_K, .q5_K: return [(0, half(2...5)), (2, half(2...5))]
    case .q6_K: return [(208, half(1...4))]
    }
  }
}
