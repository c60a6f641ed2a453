import Benchmarking
import JSON
import Testing

@Suite struct BenchFiguresTests {
  /// The members that scripts rely on.
  private let keys = [
    "prefill_tokens_per_second", "decode_tokens_per_second", "output_tokens_per_second", "total_tokens_per_second",
    "ttft_ms", "itl_ms", "step_overhead_us", "limits", "of_limit", "peak_rss_bytes",
  ]

  @Test func theJSONHasEveryMemberThatScriptsRelyOn() throws {
    let json = try JSONValue(parsing: Array(Samples.figures(isSweep: false).json.serialized().utf8))
    for key in keys { #expect(json[key] != nil, "\(key)") }
    for percentile in ["p50", "p90", "p99"] { #expect(json["itl_ms"]?[percentile]?.doubleValue != nil) }
    #expect(json["limits"]?["read_gb_per_second"]?.doubleValue == 40)
    #expect(json["limits"]?["int8_gops"]?.doubleValue == 1000)
    #expect(json["limits"]?["bf16_gflops"]?.doubleValue == 500)
    #expect(json["sweep"] == nil && json["compare"] == nil)
  }

  @Test func sharesAreOfTheLimits() throws {
    let json = Samples.figures().json
    // 1000 tokens/s of 1e8 weights, two operations each: 200 of 1000 G. 200 tokens/s of 1e8 bytes: 20 of 40 GB/s.
    #expect(json["of_limit"]?["prefill"]?.doubleValue == 0.2)
    #expect(json["of_limit"]?["decode"]?.doubleValue == 0.5)
  }

  @Test func aLoopCountsTokensOverItsTime() {
    let loop = Samples.loop(2)
    #expect(loop.requests == 4 && loop.outputTokensPerSecond == 6 && loop.totalTokensPerSecond == 206)
    #expect(abs((loop.timeToFirstToken?.p50 ?? 0) - 200) < 1e-9)
    #expect(abs((loop.interTokenLatency?.p99 ?? 0) - 40) < 1e-9)
  }

  @Test func prefillAndDecodeAreMediansOfRequestsAlone() throws {
    let times = [[0.1, 0.2, 0.3], [0.2, 0.25, 0.3], [0.4, 0.9, 1.4]].map { Timeline(tokenTimes: $0) }
    let figures = try #require(SingleFigures(times, promptTokens: 100))
    #expect(abs(figures.prefillTokensPerSecond - 500) < 1e-6)
    #expect(abs((figures.decodeTokensPerSecond ?? 0) - 10) < 1e-6)
    #expect(SingleFigures([Timeline(tokenTimes: [0.1])], promptTokens: 1)?.decodeTokensPerSecond == nil)
    #expect(SingleFigures([], promptTokens: 1) == nil && SingleFigures([Timeline()], promptTokens: 1) == nil)
  }

  @Test func aSweepHasEveryLevel() {
    let json = Samples.figures(levels: [1, 4]).json
    #expect(json["sweep"]?.arrayValue?.compactMap { $0["concurrency"]?.intValue } == [1, 4])
    #expect(json["sweep"]?[0]?["steps"]?["decode"]?["us_per_step"]?.doubleValue == 750)
    #expect(json["concurrency"]?.intValue == 4)
  }

  @Test func aComparisonHasMediansAndRatios() {
    var comparison = Comparison(peer: "llama.cpp", version: "1", concurrency: 2)
    comparison.add(
      ours: .init(prefill: 100, decode: nil, output: 10), theirs: .init(prefill: 50, decode: nil, output: 9))
    comparison.add(
      ours: .init(prefill: 300, decode: nil, output: 30), theirs: .init(prefill: 50, decode: nil, output: 9))
    comparison.add(
      ours: .init(prefill: 200, decode: nil, output: 18), theirs: .init(prefill: 50, decode: nil, output: 9))
    #expect(comparison.prefill?.ratio == 4 && comparison.output?.ratio == 2 && comparison.decode == nil)
    let json = Samples.figures(comparison: comparison).json["compare"]
    #expect(json?["prefill_tokens_per_second"]?["ratio"]?.doubleValue == 4 && json?["rounds"]?.intValue == 3)
    #expect(comparison.words.contains("4.00"))
  }

  @Test func theProfileOfALoopOfMoreThanOneIsShownToo() {
    let both = Samples.figures(levels: [8], isSweep: false)
    #expect(both.words(withProfile: true).contains("8 requests at a time:\nprefill: 1 steps"))
    #expect(both.json["loop_profile"]?["prefill"] != nil && both.json["profile"]?["decode"] != nil)
    #expect(!both.words(withProfile: false).contains("gate/up"))
    #expect(Samples.figures(levels: [1], isSweep: false).json["loop_profile"] == nil)
  }

  @Test func peopleReadTheSameFigures() {
    let words = Samples.figures(isSweep: false).words(withProfile: true)
    for part in [
      "1000 tokens/s, 20 % of the int8 limit", "200 tokens/s, 50 % of the read bandwidth", "gate/up product, gated",
    ] {
      #expect(words.contains(part), "\(part)")
    }
    #expect(Samples.limits.unsteadyWords == nil)
  }
}
