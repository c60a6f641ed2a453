internal import Synchronization

/// A number of places of which each is taken by one at a time.
final class Seats: Sendable {
  private let freeCount: Atomic<Int>

  /// Creates `count` free places.
  init(count: Int) { freeCount = Atomic(count) }

  /// A place, which is free again when it goes away; nil if there is none.
  func take() -> Seat? {
    if freeCount.subtract(1, ordering: .relaxed).newValue >= 0 { return Seat(self) }
    give()
    return nil
  }

  fileprivate func give() { freeCount.add(1, ordering: .relaxed) }
}

/// One of several ``Seats``, taken.
final class Seat: Sendable {
  private let seats: Seats

  fileprivate init(_ seats: Seats) { self.seats = seats }

  deinit { seats.give() }
}
