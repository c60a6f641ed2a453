package import Requests
internal import Synchronization

/// The batch of the last step, for those who watch it. Costs the engine thread one load of an atomic a step while nobody
/// does.
package final class BatchBoard: Sendable {
  /// One request's part in a step.
  package struct Entry: Sendable, Equatable {
    /// Names the request.
    package var id: RequestID
    /// Whether it processed tokens of its prompt, and not one that it had generated.
    package var isContext: Bool
    /// Number of tokens that it processed.
    package var tokenCount: Int
    /// Number of tokens of its prompt.
    package var promptTokenCount: Int
    /// Number of tokens that it has generated, that of the step included.
    package var generatedTokenCount: Int
  }

  private let watcherCount = Atomic<Int>(0)
  private let contents = Mutex<[Entry]>([])

  /// Creates a board that nobody watches.
  package init() {}

  /// Whether anybody watches.
  package var isWatched: Bool { watcherCount.load(ordering: .relaxed) > 0 }

  /// One more watches.
  package func addWatcher() { watcherCount.add(1, ordering: .relaxed) }

  /// One fewer watches.
  package func removeWatcher() { watcherCount.subtract(1, ordering: .relaxed) }

  /// The parts of the last step that was shown.
  package var entries: [Entry] { contents.withLock { $0 } }

  /// Replaces what is shown by what `fill` appends.
  func show(_ fill: (inout [Entry]) -> Void) {
    contents.withLock { entries in
      entries.removeAll(keepingCapacity: true)
      fill(&entries)
    }
  }
}
