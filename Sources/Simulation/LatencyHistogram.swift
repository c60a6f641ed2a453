#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How often which latency occurred, to one percent: any number of them in the same memory.
public struct LatencyHistogram: Sendable, Equatable {
  private static let least = 1e-6
  private static let ratio = 1.01
  private var counts = [Int](repeating: 0, count: 2800)
  /// Number of latencies.
  public private(set) var count = 0
  /// The sum of all latencies, in seconds.
  public private(set) var total = 0.0

  /// Creates an empty histogram.
  public init() {}

  /// Adds `times` latencies of `seconds`.
  public mutating func add(_ seconds: Double, times: Int = 1) {
    let place = seconds <= Self.least ? 0 : log(seconds / Self.least) / log(Self.ratio)
    counts[min(counts.count - 1, Int(min(max(0, place), 1e6)))] += times
    count += times
    total += seconds * Double(times)
  }

  /// The latency in seconds that `share` of all, from 0 to 1, do not exceed; 0 if there are none.
  public func percentile(_ share: Double) -> Double {
    var left = Int((Double(count) * min(max(share, 0), 1)).rounded(.up))
    if count == 0 { return 0 }
    for place in counts.indices {
      left -= counts[place]
      if left <= 0 { return Self.least * pow(Self.ratio, Double(place) + 0.5) }
    }
    return 0
  }
}
