import Decoding
import Foundation
import Testing

@Suite struct ExponentialTests {
  @Test func isCloseToTheTrueFunction() {
    var worst = 0.0
    for step in 0...870_000 {
      let value = -Float(step) * 1e-4
      let expected = exp(Double(value))
      worst = max(worst, abs(Double(exponentialOfNonPositive(value)) - expected) / expected)
    }
    #expect(worst < 2e-7)
  }

  @Test func endsOfTheRange() {
    #expect(exponentialOfNonPositive(0) == 1)
    #expect(exponentialOfNonPositive(-0.0) == 1)
    #expect(exponentialOfNonPositive(-87.5) == 0)
    #expect(exponentialOfNonPositive(-.greatestFiniteMagnitude) == 0)
    #expect(exponentialOfNonPositive(-.infinity) == 0)
  }
}
