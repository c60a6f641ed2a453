internal import Synchronization

/// Counts of observations by size, as Prometheus charts them. May be used from any thread.
package final class Histogram: Sendable {
  private struct Contents {
    var counts: [UInt64]
    var sum = 0.0
  }

  /// The upper bounds of the buckets, ascending; one more bucket has no bound.
  package let bounds: [Double]
  private let contents: Mutex<Contents>

  /// Creates an empty histogram.
  package init(bounds: [Double]) {
    self.bounds = bounds
    contents = Mutex(Contents(counts: [UInt64](repeating: 0, count: bounds.count + 1)))
  }

  /// Adds an observation, or several that are the same.
  package func observe(_ value: Double, count: UInt64 = 1) {
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if bounds[middle] < value { low = middle + 1 } else { high = middle }
    }
    contents.withLock { contents in
      contents.counts[low] += count
      contents.sum += value * Double(count)
    }
  }

  /// The counts of the buckets, not cumulated, and the sum of all observations.
  package var snapshot: (counts: [UInt64], sum: Double) {
    contents.withLock { ($0.counts, $0.sum) }
  }

  /// Bounds for latencies from a millisecond to ten minutes, in seconds.
  package static let latencyBounds = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60, 120, 300,
    600,
  ]
  /// Bounds for numbers of tokens.
  package static let tokenBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100_000]
    .map(
      Double.init)
}
