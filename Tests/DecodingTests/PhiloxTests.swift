import Decoding
import Testing

@Suite struct PhiloxTests {
  /// The known-answer vectors that the authors of the algorithm publish with it (Random123, `kat_vectors`).
  @Test func publishedVectors() {
    let zeros = Philox.block(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
    #expect(zeros == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    let ones = Philox.block(counter: SIMD4(repeating: 0xFFFF_FFFF), key: SIMD2(repeating: 0xFFFF_FFFF))
    #expect(ones == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    let pi = Philox.block(
      counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), key: SIMD2(0xA409_3822, 0x299F_31D0))
    #expect(pi == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test func uniformNumbersAreInRangeAndDependOnEveryPartOfTheKey() {
    var sum = 0.0
    for position in 0..<10_000 {
      let value = Philox.uniform(seed: 5, sampleIndex: 0, position: position)
      #expect(value >= 0 && value < 1)
      sum += value
    }
    #expect(abs(sum / 10_000 - 0.5) < 0.015)
    let base = Philox.uniform(seed: 5, sampleIndex: 0, position: 1)
    #expect(base != Philox.uniform(seed: 6, sampleIndex: 0, position: 1))
    #expect(base != Philox.uniform(seed: 5, sampleIndex: 1, position: 1))
    #expect(base != Philox.uniform(seed: 5, sampleIndex: 0, position: 2))
    #expect(base != Philox.uniform(seed: 5 | 1 << 40, sampleIndex: 0, position: 1))
  }
}
