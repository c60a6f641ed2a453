/// How fast a count grows, over the last few seconds.
package struct SpeedMeter: Sendable {
  private static let window = 5.0
  private var samples: [(seconds: Double, bytes: Int)] = []

  package init() {}

  /// Takes note that `bytes` are done at the time `seconds`. A count that shrinks begins anew.
  package mutating func add(_ bytes: Int, at seconds: Double) {
    if let last = samples.last, bytes < last.bytes { samples = [] }
    samples.append((seconds, bytes))
    while samples.count > 2, seconds - samples[1].seconds >= Self.window { samples.removeFirst() }
  }

  /// Bytes per second; nil before there is half a second to judge by.
  package var bytesPerSecond: Double? {
    guard let first = samples.first, let last = samples.last, last.seconds - first.seconds >= 0.5 else { return nil }
    return Double(last.bytes - first.bytes) / (last.seconds - first.seconds)
  }
}
