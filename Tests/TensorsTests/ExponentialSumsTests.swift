import Foundation
import Tensors
import TestKit
import Testing

@Suite struct ExponentialSumsTests {
  private static func row(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-19 - 20 }
  }

  private func sums(_ row: [Float], maximum: Float, temperature: Float = 1, tier: KernelTier = .best) -> [Double] {
    var result: [Double] = []
    ExponentialSums(tier: tier).fill(&result, row.span, maximum: maximum, temperature: temperature)
    return result
  }

  @Test(arguments: [1, 15, 16, 17, 1023, 1024, 1025, 49_152, 151_936])
  func agreeWithDoublePrecision(count: Int) throws {
    var row = Self.row(count, seed: UInt64(count))
    if count > 2 { row[1] = -.infinity }
    let maximum = try #require(row.max())
    for temperature in [1, 0.3, 2.5] as [Float] {
      let expected = row.reduce(0.0) { $0 + exp((Double($1) - Double(maximum)) / Double(temperature)) }
      let blocks = sums(row, maximum: maximum, temperature: temperature)
      #expect(blocks.count == (count + ExponentialSums.blockSize - 1) / ExponentialSums.blockSize)
      #expect(abs(ExponentialSums.total(blocks) - expected) < 1e-6 * expected)
    }
  }

  @Test func allTiersGiveTheSameBits() throws {
    for count in [1, 31, 1024, 5000, 151_936] {
      let row = Self.row(count, seed: 7)
      let maximum = try #require(row.max())
      let expected = sums(row, maximum: maximum, temperature: 0.7)
      for tier in KernelTier.available {
        #expect(sums(row, maximum: maximum, temperature: 0.7, tier: tier) == expected, "\(tier)")
      }
    }
  }

  @Test func endsOfTheRange() {
    #expect(sums([3, -.infinity, 3], maximum: 3) == [2])
    #expect(sums([0, -87.5, -.greatestFiniteMagnitude], maximum: 0) == [1])
    // However small the temperature is, the largest counts as one.
    #expect(sums([5, 4.999, 5], maximum: 5, temperature: .leastNonzeroMagnitude) == [2])
  }
}
