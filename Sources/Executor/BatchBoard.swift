package import Requests
internal import Synchronization

/// The batches of the last steps, for those who watch them. Costs the engine thread one load of an atomic a step while nobody
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

  /// One step.
  package struct Step: Sendable, Equatable {
    /// What it did; its index names it.
    package var statistics: StepStatistics
    /// The requests that were in its batch.
    package var entries: [Entry]
  }

  private struct Contents {
    var steps: [Step] = []
    /// The batch of a step that is not over.
    var entries: [Entry] = []
  }

  /// The most steps that are kept, for a watcher that looks ten times a second.
  package static let capacity = 128
  private let watcherCount = Atomic<Int>(0)
  private let contents = Mutex(Contents())

  /// Creates a board that nobody watches.
  package init() {}

  /// Whether anybody watches.
  package var isWatched: Bool { watcherCount.load(ordering: .relaxed) > 0 }

  /// One more watches.
  package func addWatcher() { watcherCount.add(1, ordering: .relaxed) }

  /// One fewer watches.
  package func removeWatcher() { watcherCount.subtract(1, ordering: .relaxed) }

  /// The steps from index `first` on that are kept, in their order.
  package func steps(from first: Int) -> [Step] {
    contents.withLock { contents in Array(contents.steps.drop { $0.statistics.index < first }) }
  }

  /// Notes the batch of a step, which `fill` appends.
  func show(_ fill: (inout [Entry]) -> Void) {
    contents.withLock { contents in
      contents.entries.removeAll(keepingCapacity: true)
      fill(&contents.entries)
    }
  }

  /// The step whose batch was noted is over.
  func finish(_ statistics: StepStatistics) {
    contents.withLock { contents in
      if contents.steps.count >= Self.capacity { contents.steps.removeFirst(contents.steps.count - Self.capacity + 1) }
      contents.steps.append(Step(statistics: statistics, entries: contents.entries))
      contents.entries = []
    }
  }
}
