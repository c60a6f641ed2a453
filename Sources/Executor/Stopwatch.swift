internal import Tensors

/// Measures consecutive stretches of time with the monotonic clock.
struct Stopwatch: Sendable {
  private var last: UInt64 = 0

  /// The monotonic clock, in nanoseconds.
  static var now: UInt64 { MonotonicClock.nanoseconds }

  /// Begins the first stretch.
  mutating func start() { last = Self.now }

  /// Ends a stretch, begins the next, and returns the nanoseconds of the one that ended.
  mutating func lap() -> UInt64 {
    let now = Self.now
    defer { last = now }
    return now &- last
  }
}
