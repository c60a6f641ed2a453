package import JSON

/// The percentiles of many measurements that a benchmark prints.
package struct Distribution: Sendable, Equatable {
  package let p50: Double
  package let p90: Double
  package let p99: Double

  /// Nil if there are no values.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    p50 = Self.percentile(sorted, 0.5)
    p90 = Self.percentile(sorted, 0.9)
    p99 = Self.percentile(sorted, 0.99)
  }

  /// The smallest of `sorted` values that at least `share` of them do not exceed.
  private static func percentile(_ sorted: [Double], _ share: Double) -> Double {
    let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
    return sorted[min(max(rank, 0), sorted.count - 1)]
  }

  /// For programs.
  package var json: JSONValue {
    .object([("p50", .rounded(p50, digits: 3)), ("p90", .rounded(p90, digits: 3)), ("p99", .rounded(p99, digits: 3))])
  }

  /// For people.
  package var words: String {
    "p50 \(Words.number(p50))  p90 \(Words.number(p90))  p99 \(Words.number(p99))"
  }
}

/// The median of some values, or nil of none.
package func median(_ values: [Double]) -> Double? {
  guard !values.isEmpty else { return nil }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
