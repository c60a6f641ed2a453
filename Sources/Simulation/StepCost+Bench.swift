package import JSON

extension StepCost {
  /// The costs of the machine and model on which `inflight bench --json` has printed `report`.
  ///
  /// A token of a prompt costs the inverse of the prefill speed. The latency from token to token with n requests at a time is
  /// taken as base + n · slope, by least squares over one request alone and all levels of a sweep; where there is only one
  /// request at a time, a request that generates costs as much as a token of a prompt, and the rest is the base. What
  /// reading keys and values costs is part of both.
  ///
  /// - Throws: ``BenchReportError`` for anything that is not such a report.
  package init(bench report: JSONValue) throws(BenchReportError) {
    func positive(_ value: JSONValue?) -> Double? {
      value?.doubleValue.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }
    guard let prefill = positive(report["prefill_tokens_per_second"]),
      let decode = positive(report["decode_tokens_per_second"])
    else {
      throw BenchReportError("the report has no speed of prefill and decode; make it with inflight bench --json")
    }
    var points = [(count: 1.0, seconds: 1 / decode)]
    for level in (report["sweep"]?.arrayValue ?? []) + [report] {
      guard let count = level["concurrency"]?.intValue, count > 1, count <= 1 << 20,
        let latency = positive(level["itl_ms"]?["p50"])
      else { continue }
      points.append((Double(count), latency / 1000))
    }
    let slope = Self.slope(points).map { max(0, $0) } ?? min(1 / prefill, 1 / decode)
    let count = Double(points.count)
    let means = (points.reduce(0) { $0 + $1.count } / count, points.reduce(0) { $0 + $1.seconds } / count)
    self.init(
      secondsPerStep: max(0, means.1 - slope * means.0), secondsPerPromptToken: 1 / prefill,
      secondsPerGeneration: slope)
  }

  /// The slope of the line through `points` with the least squares; nil if they are at one place.
  private static func slope(_ points: [(count: Double, seconds: Double)]) -> Double? {
    let count = Double(points.count)
    let means = (points.reduce(0) { $0 + $1.count } / count, points.reduce(0) { $0 + $1.seconds } / count)
    let variance = points.reduce(0) { $0 + ($1.count - means.0) * ($1.count - means.0) }
    guard variance > 0 else { return nil }
    return points.reduce(0) { $0 + ($1.count - means.0) * ($1.seconds - means.1) } / variance
  }
}

/// A report that gives no costs.
package struct BenchReportError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line.
  package let description: String

  init(_ description: String) { self.description = description }
}
