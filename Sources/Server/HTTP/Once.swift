internal import Synchronization

/// Something that happens once, whoever is first.
final class Once: Sendable {
  private let hasHappened = Atomic<Bool>(false)

  /// Whether it has happened.
  var isOver: Bool { hasHappened.load(ordering: .acquiring) }

  /// Whether this is the first call.
  func isFirst() -> Bool { !hasHappened.exchange(true, ordering: .acquiringAndReleasing) }
}
