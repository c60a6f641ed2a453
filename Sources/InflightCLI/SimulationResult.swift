internal import Benchmarking
internal import Inflight
internal import JSON
internal import Simulation

/// A replay with one pair of policies.
struct SimulationRun {
  var capacity: CapacityPolicy
  var chunking: ChunkingPolicy
  var report: ReplayReport
  /// Seconds that the simulation took.
  var wallSeconds: Double
}

/// What `simulate` prints.
struct SimulationResult {
  let requestCount: Int
  let cost: StepCost
  let runs: [SimulationRun]

  private static let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)]

  /// For people: a table with one line for each pair of policies.
  var words: String {
    let header = [
      "policy", "chunking", "seconds", "output tokens/s", "first token p50 ms", "p90", "p99", "between p50 ms", "p90",
      "p99", "pauses", "refused",
    ]
    let rows = runs.map { run in
      let report = run.report
      return [run.capacity.rawValue, run.chunking.rawValue, Words.number(report.seconds)]
        + [Words.number(report.outputTokensPerSecond)]
        + Self.shares.map { Words.number(report.timeToFirstToken.percentile($0.1) * 1000) }
        + Self.shares.map { Words.number(report.interTokenLatency.percentile($0.1) * 1000) }
        + ["\(report.pauseCount)", "\(report.refusedCount)"]
    }
    return """
      \(requestCount) requests; a step takes \(Words.number(cost.secondsPerStep * 1e3)) ms, \
      \(Words.number(cost.secondsPerPromptToken * 1e6)) µs more for each token of a prompt, \
      \(Words.number(cost.secondsPerGeneration * 1e6)) µs for each request that generates, and \
      \(Words.number(cost.secondsPerCachedToken * 1e6)) µs for each token in its cache
      \(Words.table(header, rows))
      """
  }

  /// For programs.
  var json: JSONValue {
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    func latencies(_ histogram: LatencyHistogram) -> JSONValue {
      .object(Self.shares.map { ($0.0, .rounded(histogram.percentile($0.1) * 1000, digits: 3)) })
    }
    return .object([
      ("requests", count(requestCount)),
      (
        "cost",
        .object([
          ("step_ms", .number(cost.secondsPerStep * 1e3)),
          ("prompt_token_us", .number(cost.secondsPerPromptToken * 1e6)),
          ("generation_us", .number(cost.secondsPerGeneration * 1e6)),
          ("cached_token_us", .number(cost.secondsPerCachedToken * 1e6)),
        ])
      ),
      (
        "runs",
        .array(
          runs.map { run in
            let report = run.report
            return .object([
              ("capacity_policy", .string(run.capacity.rawValue)), ("chunking", .string(run.chunking.rawValue)),
              ("seconds", .rounded(report.seconds, digits: 6)),
              ("output_tokens_per_second", .rounded(report.outputTokensPerSecond, digits: 1)),
              ("ttft_ms", latencies(report.timeToFirstToken)), ("itl_ms", latencies(report.interTokenLatency)),
              ("completed", count(report.completedCount)), ("refused", count(report.refusedCount)),
              ("steps", count(report.stepCount)), ("pauses", count(report.pauseCount)),
              ("output_tokens", count(report.outputTokenCount)), ("prompt_tokens", count(report.promptTokenCount)),
              ("cached_tokens", count(report.cachedTokenCount)),
              ("simulated_in_seconds", .rounded(run.wallSeconds, digits: 3)),
            ])
          })
      ),
    ])
  }
}
