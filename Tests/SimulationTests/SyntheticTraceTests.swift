import JSON
import Simulation
import Testing

@Suite struct SyntheticTraceTests {
  @Test func theMeansAreThoseAskedFor() throws {
    let description = SyntheticTrace(
      requestCount: 50_000, rate: 20, promptTokenCount: 300, outputTokenCount: 100, prefixCount: 4,
      prefixTokenCount: 512, seed: 3)
    let trace = try description.trace()
    let again = try description.trace()
    #expect(trace.entries.count == 50_000 && trace == again)
    func mean(_ value: (RequestTrace.Entry) -> Int) -> Double {
      Double(trace.entries.reduce(0) { $0 + value($1) }) / Double(trace.entries.count)
    }
    #expect(abs(mean { $0.promptTokenCount } / (300 + 512) - 1) < 0.02)
    #expect(abs(mean { $0.outputTokenCount } / 100 - 1) < 0.02)
    #expect(abs((trace.entries.last?.arrival ?? 0) / 2500 - 1) < 0.02)
    // A Poisson process: the gaps vary as much as their mean is long.
    let gaps = zip(trace.entries, trace.entries.dropFirst()).map { $1.arrival - $0.arrival }
    let variance = gaps.reduce(0) { $0 + ($1 - 0.05) * ($1 - 0.05) } / Double(gaps.count)
    #expect(abs(variance.squareRoot() / 0.05 - 1) < 0.03)
    #expect(Set(trace.entries.map(\.prefix)) == [1, 2, 3, 4])
    var other = description
    other.seed = 4
    #expect(try other.trace() != trace)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    for prefixes in [0, 3] {
      let trace = try SyntheticTrace(
        requestCount: 500, rate: 3, prefixCount: prefixes, prefixTokenCount: 64
      ).trace()
      #expect(try RequestTrace(csv: trace.csv) == trace)
    }
    let urgent = try RequestTrace([.init(arrival: 0.1, promptTokenCount: 1, outputTokenCount: 2, priority: -3)])
    #expect(try RequestTrace(csv: urgent.csv) == urgent)
  }

  @Test func nonsenseIsRefused() {
    for description in [
      SyntheticTrace(requestCount: 0, rate: 1), SyntheticTrace(requestCount: 1, rate: 0),
      SyntheticTrace(requestCount: 1, rate: .nan), SyntheticTrace(requestCount: 1, rate: .infinity),
      SyntheticTrace(requestCount: 1, rate: 1, promptTokenCount: 0),
      SyntheticTrace(requestCount: 1, rate: 1, outputTokenCount: .max),
      SyntheticTrace(requestCount: 1, rate: 1, prefixCount: -1),
    ] {
      #expect(throws: SyntheticTraceError.self) { try description.trace() }
    }
  }
}

@Suite struct BenchCostTests {
  private func cost(_ text: String) throws -> StepCost { try StepCost(bench: JSONValue(parsing: text)) }

  @Test func aSweepGivesBaseAndSlope() throws {
    // 6 ms and 2 ms more for each request.
    let cost = try cost(
      """
      {"prefill_tokens_per_second": 2000, "decode_tokens_per_second": 125, "concurrency": 8, "itl_ms": {"p50": 22},
       "sweep": [{"concurrency": 1, "itl_ms": {"p50": 8}}, {"concurrency": 4, "itl_ms": {"p50": 14}},
                 {"concurrency": 8, "itl_ms": {"p50": 22}}]}
      """)
    #expect(abs(cost.secondsPerStep - 0.006) < 1e-9 && abs(cost.secondsPerGeneration - 0.002) < 1e-9)
    #expect(abs(cost.secondsPerPromptToken - 0.0005) < 1e-12)
  }

  @Test func oneRequestAtATimeIsEnough() throws {
    let cost = try cost(#"{"prefill_tokens_per_second": 1000, "decode_tokens_per_second": 100, "concurrency": 1}"#)
    #expect(abs(cost.secondsPerStep - 0.009) < 1e-9 && abs(cost.secondsPerGeneration - 0.001) < 1e-9)
  }

  @Test(arguments: [
    "{}", "[]", "1", #"{"prefill_tokens_per_second": 0, "decode_tokens_per_second": 1}"#,
    #"{"prefill_tokens_per_second": 1000, "decode_tokens_per_second": null}"#,
    #"{"prefill_tokens_per_second": "x", "decode_tokens_per_second": 1}"#,
  ]) func anythingElseIsRefused(text: String) throws {
    #expect(throws: BenchReportError.self) { try cost(text) }
  }

  @Test func strangeSweepsGiveCostsThatAreNotNegative() throws {
    let cost = try cost(
      """
      {"prefill_tokens_per_second": 1e-300, "decode_tokens_per_second": 1e300, "concurrency": 99999999999999,
       "sweep": [{"concurrency": 2, "itl_ms": {"p50": 0.0001}}, {"concurrency": 3, "itl_ms": {"p50": -1}}, 7]}
      """)
    #expect(cost.secondsPerStep >= 0 && cost.secondsPerGeneration >= 0 && cost.secondsPerPromptToken >= 0)
  }
}
