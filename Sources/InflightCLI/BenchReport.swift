internal import Inflight
internal import JSON
internal import Tensors

/// The figures of a benchmark and how they are printed.
struct BenchReport {
  let promptTokens: Int
  let outputTokens: Int
  let concurrency: Int
  let requests: Int
  let threads: Int
  let limits: MachineLimits
  let information: ModelInformation

  private var prefillRate: Double?
  private var decodeRate: Double?
  private var outputRate = 0.0
  private var totalRate = 0.0
  private var timesToFirstToken: [Double] = []
  private var interTokenLatencies: [Double] = []
  /// Microseconds of each step that were not the model's forward pass.
  var stepOverheads: [Double] = []
  var peakResidentBytes = 0

  init(
    promptTokens: Int, outputTokens: Int, concurrency: Int, requests: Int, threads: Int, limits: MachineLimits,
    information: ModelInformation
  ) {
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.concurrency = concurrency
    self.requests = requests
    self.threads = threads
    self.limits = limits
    self.information = information
  }

  /// Requests that ran alone: the medians give the speed of prefill and of decode.
  mutating func add(single timelines: [BenchDriver.Timeline]) {
    let prefill = timelines.map { Double(promptTokens) / $0.timeToFirstToken }
    prefillRate = percentile(prefill, 0.5)
    let decode = timelines.filter { $0.decodeSeconds > 0 }.map { Double($0.tokenTimes.count - 1) / $0.decodeSeconds }
    decodeRate = decode.isEmpty ? nil : percentile(decode, 0.5)
  }

  /// Requests that ran beside each other.
  mutating func add(loop: BenchDriver.LoopResult) {
    let output = loop.timelines.reduce(0) { $0 + $1.tokenTimes.count }
    outputRate = Double(output) / loop.seconds
    totalRate = Double(output + loop.timelines.count * promptTokens) / loop.seconds
    timesToFirstToken = loop.timelines.map { $0.timeToFirstToken * 1000 }
    interTokenLatencies = loop.timelines.flatMap { $0.interTokenLatencies.map { $0 * 1000 } }
  }

  /// Operations that a prompt's token needs in the layers, as a share of what the machine's multipliers can do.
  private var prefillShare: Double? {
    let peak = information.hasIntegerWeights ? limits.int8Gops : limits.bfloatGflops
    return prefillRate.map { $0 * 2 * Double(information.layerWeightCount) / 1e9 / peak }
  }

  /// Bytes that a generated token reads, as a share of what the machine's memory can deliver.
  private var decodeShare: Double? {
    decodeRate.map { $0 * Double(information.weightByteCount) / 1e9 / limits.readGigabytesPerSecond }
  }

  /// For programs.
  var json: JSONValue {
    func number(_ value: Double?, _ digits: Int) -> JSONValue { value.map { .rounded($0, digits: digits) } ?? .null }
    return .object([
      ("prefill_tokens_per_second", number(prefillRate, 1)), ("decode_tokens_per_second", number(decodeRate, 1)),
      ("output_tokens_per_second", number(outputRate, 1)), ("total_tokens_per_second", number(totalRate, 1)),
      ("ttft_ms", Self.percentiles(timesToFirstToken)), ("itl_ms", Self.percentiles(interTokenLatencies)),
      ("step_overhead_us", Self.percentiles(stepOverheads)), ("limits", Self.json(limits)),
      ("of_limit", .object([("prefill", number(prefillShare, 3)), ("decode", number(decodeShare, 3))])),
      ("peak_rss_bytes", .integer(Int64(peakResidentBytes))), ("threads", .integer(Int64(threads))),
      ("prompt_tokens", .integer(Int64(promptTokens))), ("output_tokens", .integer(Int64(outputTokens))),
      ("concurrency", .integer(Int64(concurrency))), ("requests", .integer(Int64(requests))),
    ])
  }

  /// For people.
  var words: String {
    func rate(_ value: Double?) -> String { value.map { "\(Int($0.rounded())) tokens/s" } ?? "-" }
    func share(_ value: Double?, _ of: String) -> String {
      value.map { ", \(Int(($0 * 100).rounded())) % of \(of)" } ?? ""
    }
    let multipliers = information.hasIntegerWeights ? "the int8 limit" : "the bf16 limit"
    return """
      \(information.path), \(threads) threads
      prefill \(promptTokens)      \(rate(prefillRate))\(share(prefillShare, multipliers))
      decode           \(rate(decodeRate))\(share(decodeShare, "the read bandwidth"))
      \(requests) requests of \(promptTokens)+\(outputTokens), \(concurrency) at a time:
        output         \(rate(outputRate)), total \(rate(totalRate))
        first token    \(Self.words(timesToFirstToken)) ms
        between tokens \(Self.words(interTokenLatencies)) ms
        step overhead  \(Self.words(stepOverheads)) µs
      peak memory      \(peakResidentBytes >> 20) MiB

      """ + Self.words(limits)
  }

  static func json(_ limits: MachineLimits) -> JSONValue {
    .object([
      ("read_gb_per_second", .rounded(limits.readGigabytesPerSecond, digits: 1)),
      ("int8_gops", .rounded(limits.int8Gops, digits: 1)), ("bf16_gflops", .rounded(limits.bfloatGflops, digits: 1)),
    ])
  }

  static func words(_ limits: MachineLimits) -> String {
    """
    machine          reads \(Int(limits.readGigabytesPerSecond.rounded())) GB/s, \(Int(limits.int8Gops.rounded())) int8 \
    GOPS, \(Int(limits.bfloatGflops.rounded())) bf16 GFLOPS

    """
  }

  private static func percentiles(_ values: [Double]) -> JSONValue {
    guard !values.isEmpty else { return .null }
    return .object(
      [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)].map { ($0.0, .rounded(percentile(values, $0.1), digits: 3)) })
  }

  private static func words(_ values: [Double]) -> String {
    guard !values.isEmpty else { return "-" }
    return [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)].map { name, share in
      "\(name) \((percentile(values, share) * 10).rounded() / 10)"
    }.joined(separator: "  ")
  }
}

/// The smallest value that at least `share` of the values do not exceed.
private func percentile(_ values: [Double], _ share: Double) -> Double {
  let sorted = values.sorted()
  let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
  return sorted[min(max(rank, 0), sorted.count - 1)]
}
