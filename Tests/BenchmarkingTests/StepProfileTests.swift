import Benchmarking
import ModelEngines
import Testing

@Suite struct StepProfileTests {
  private func row(_ name: String, _ phase: String) throws -> StepProfile.Row {
    try #require(Samples.profile.phase(phase)?.rows.first { $0.name == name })
  }

  @Test func aProductIsHeldAgainstTheLimitThatItIsNearerTo() throws {
    // 2e9 operations in 4 ms are 500 of 1000 G; 10 MB in 4 ms are 2.5 of 40 GB/s.
    let product = try row("gate/up product, gated", "prefill")
    #expect(product.gigaOperationsPerSecond == 500 && product.gigabytesPerSecond == 2.5)
    #expect(product.limit?.share == 0.5 && product.limit?.name == "int8")
    #expect(product.callsPerStep == 2 && product.microsecondsPerStep == 4000)
    // 4e7 operations in 1 ms are 40 of 1000 G; 20 MB in 1 ms are 20 of 40 GB/s.
    let head = try row("head product", "decode")
    #expect(head.limit?.share == 0.5 && head.limit?.name == "reads" && head.callsPerStep == 1)
    #expect(try row("attention", "prefill").limit == nil)
  }

  @Test func thePartsAddUpToTheStep() throws {
    for phase in Samples.profile.phases {
      let sum = StepProfile.Part.allCases.reduce(0) { $0 + phase.microseconds(of: $1) }
      #expect(abs(sum - phase.microsecondsPerStep) < 1e-6)
      #expect(abs(phase.rows.reduce(0) { $0 + $1.share } - 1) < 1e-9)
    }
    #expect(try row("between operations", "prefill").microsecondsPerStep == 1000)
    #expect(Samples.profile.phase("prefill")?.microsecondsPerStep == 6006)
  }

  @Test func aPhaseWithoutStepsIsLeftOut() {
    let none = StepProfile(
      .init(), prefill: StepTimes(), decode: StepTimes(), limits: Samples.limits, usesIntegers: true,
      handOverMicroseconds: 0)
    #expect(none.phases.isEmpty)
  }
}
