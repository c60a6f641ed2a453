import Benchmarking
import ModelEngines
import Tensors

/// Figures of a made-up benchmark, with names that an attacker would choose.
enum Samples {
  static let hostileName = "/models/<script>alert(\"1\")</script>&amp;'\u{0}.gguf"

  static let limits = MachineLimits(readRounds: [39, 40, 41], int8Rounds: [900, 1000, 1100], bfloatRounds: [500])

  static func setting(model: String = hostileName) -> BenchSetting {
    BenchSetting(
      model: model, architecture: "llama", processor: "A <fast> processor", threads: 2, kernels: "scalar",
      commandLine: "inflight bench --model \(model)", date: "2026-01-31 09:05 UTC", promptTokens: 100, outputTokens: 3,
      weightByteCount: 100_000_000, layerWeightCount: 100_000_000, hasIntegerWeights: true)
  }

  /// A pass of prefill and two of decode: a product that takes 1 ms for 2e9 operations on 10 MB, and attention.
  static let profile: StepProfile = {
    var snapshot = OperationProfile.Snapshot()
    snapshot.prefill.passCount = 1
    snapshot.prefill.tokenCount = 100
    snapshot.prefill[.gateAndUp] = .init(calls: 2, nanoseconds: 4_000_000, arithmetic: 2e9, bytes: 1e7)
    snapshot.prefill[.attention] = .init(calls: 2, nanoseconds: 1_000_000, arithmetic: 1e6, bytes: 1e6)
    snapshot.decode.passCount = 2
    snapshot.decode.tokenCount = 2
    snapshot.decode[.head] = .init(calls: 2, nanoseconds: 1_000_000, arithmetic: 4e7, bytes: 2e7)
    var prefill = StepTimes()
    (prefill.stepCount, prefill.tokenCount) = (1, 100)
    (prefill.scheduling, prefill.forward, prefill.sampling, prefill.responding) = (1000, 6_000_000, 2000, 3000)
    var decode = StepTimes()
    (decode.stepCount, decode.tokenCount, decode.forward) = (2, 2, 1_500_000)
    return StepProfile(
      snapshot, prefill: prefill, decode: decode, limits: limits, usesIntegers: true, handOverMicroseconds: 1.5)
  }()

  static func loop(_ concurrency: Int) -> LoopFigures {
    LoopFigures(
      (0..<2 * concurrency).map { _ in Timeline(tokenTimes: [0.1, 0.11, 0.13].map { $0 * Double(concurrency) }) },
      seconds: 2, concurrency: concurrency, promptTokens: 100, stepOverheads: [50, 60, 70], profile: profile)
  }

  static func figures(
    levels: [Int] = [1, 2, 8], isSweep: Bool = true, comparison: Comparison? = nil, decoding: DecodingComparison? = nil
  ) -> BenchFigures {
    BenchFigures(
      setting: setting(), limits: limits,
      single: SingleFigures(prefillTokensPerSecond: 1000, decodeTokensPerSecond: 200), profile: profile,
      loops: levels.map(loop), isSweep: isSweep, comparison: comparison, decoding: decoding,
      peakResidentBytes: 150 << 20)
  }
}
