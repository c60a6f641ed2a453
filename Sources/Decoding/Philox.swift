/// The counter-based random number generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011): a block of 128 random bits is a pure function of a 64-bit key and a 128-bit counter.
///
/// Counter-based means that a request's random numbers depend on nothing but its seed and where they are used: not on
/// the batch, not on chunks, not on whether the request was paused and computed again.
package enum Philox {
  /// The block of four words for `counter` and `key`, after ten rounds.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (counter, key) = (counter, key)
    for round in 0..<10 {
      if round > 0 { key = key &+ SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let first = UInt32(0xD251_1F53).multipliedFullWidth(by: counter[0])
      let second = UInt32(0xCD9E_8D57).multipliedFullWidth(by: counter[2])
      counter = SIMD4(
        second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low)
    }
    return counter
  }

  /// A number in `0 ..< 1` with 53 random bits for the token at `position` of sample `sampleIndex` of a request; `draw` tells
  /// several of them apart.
  package static func uniform(seed: UInt64, sampleIndex: Int, position: Int, draw: UInt32 = 0) -> Double {
    let counter = SIMD4(
      UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
      UInt32(truncatingIfNeeded: sampleIndex), draw)
    let words = block(
      counter: counter, key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    let bits = (UInt64(words[0]) << 32 | UInt64(words[1])) >> 11
    return Double(bits) * 0x1p-53
  }
}
