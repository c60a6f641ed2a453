package import Requests

/// The events of one request, as an asynchronous sequence for one reader.
///
/// To stop reading ends the request: when the task that waits for an event is cancelled, and when the last copy of the
/// sequence and of its iterators is gone before the last event was sent.
package struct RequestOutputs: AsyncSequence, Sendable {
  /// An event.
  package typealias Element = RequestOutput
  /// Reading never fails.
  package typealias Failure = Never

  private let reader: OutputReader

  /// Reads `queue`; `onAbandonment` is called once if reading stops before the end, on whatever thread that happens.
  package init(_ queue: OutputQueue, onAbandonment: @escaping @Sendable () -> Void = {}) {
    reader = OutputReader(queue, onAbandonment: onAbandonment)
  }

  /// Nanoseconds from submission until the request first held resources; nil until then.
  package var queueNanoseconds: UInt64? { reader.queueNanoseconds }

  /// Ends the reading from any thread, whether or not the engine ever makes another step: who waits for an event gets none, and
  /// what was not read is lost. Does not keep the events for a reader that is gone.
  package var abandonment: @Sendable () -> Void {
    { [weak reader] in reader?.abandon() }
  }

  /// Reads the events. Several iterators share the events that are left; of two that wait at a time the earlier ends.
  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let reader: OutputReader

    /// The next event, or nil after the last and after cancellation.
    package mutating func next(isolation actor: isolated (any Actor)?) async -> RequestOutput? {
      await reader.next(isolation: actor)
    }

    /// The next event, or nil after the last and after cancellation.
    package mutating func next() async -> RequestOutput? { await reader.next(isolation: nil) }

    /// The next event if it is there already; nil does not mean that it was the last.
    package mutating func nextIfThere() -> RequestOutput? { reader.nextIfThere() }
  }

  /// Starts reading.
  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }
}

/// The reader's end of a queue. When it goes, nobody can read the queue any more.
private final class OutputReader: Sendable {
  private let queue: OutputQueue
  private let onAbandonment: @Sendable () -> Void

  init(_ queue: OutputQueue, onAbandonment: @escaping @Sendable () -> Void) {
    self.queue = queue
    self.onAbandonment = onAbandonment
  }

  deinit { abandon() }

  var queueNanoseconds: UInt64? { queue.queueNanoseconds }

  func abandon() {
    if queue.abandon() { onAbandonment() }
  }

  /// Takes an event if one is there.
  func nextIfThere() -> RequestOutput? {
    if !Task.isCancelled, case .output(let output) = queue.glance() { output } else { nil }
  }

  /// Takes an event that is there without further ado, and waits otherwise.
  func next(isolation actor: isolated (any Actor)?) async -> RequestOutput? {
    if !Task.isCancelled {
      switch queue.glance() {
      case .output(let output): return output
      case .over: return nil
      case .empty: break
      }
    }
    return await withTaskCancellationHandler {
      await unsafe withUnsafeContinuation { unsafe queue.park(ParkedReader($0)) }
    } onCancel: {
      abandon()
    }
  }
}
