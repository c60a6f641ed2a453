internal import Requests
internal import Synchronization

/// The events of one request on their way from the engine thread to the reader.
///
/// The engine thread only appends; it never waits for a reader, and a warm queue allocates nothing: the reader empties
/// the storage and keeps it. A slow reader makes the queue grow, up to the length of the sequence.
///
/// All of its state is behind one lock, which both sides hold for the time of moving one event. A reader that finds the
/// queue empty parks a continuation in it. Whoever takes a continuation out of the lock (the engine thread with an
/// event, a canceller, another reader) is the only one who has it, and resumes it once, outside of the lock.
package final class OutputQueue: Sendable {
  /// What a look into the queue finds.
  enum Glance: Sendable {
    /// The next event, which is no longer in the queue.
    case output(RequestOutput)
    /// Nothing yet.
    case empty
    /// Nothing any more.
    case over
  }

  private struct Contents {
    var outputs: [RequestOutput] = []
    /// Number of leading ``outputs`` that were read.
    var readCount = 0
    /// Whether nothing is accepted any more.
    var isClosed = false
    var reader: ParkedReader?

    mutating func takeReader() -> ParkedReader? {
      defer { reader = nil }
      return reader
    }
  }

  private let contents = Mutex(Contents())
  private let createdNanoseconds = Stopwatch.now
  private let startedNanoseconds = Atomic<UInt64>(0)

  /// Creates an empty queue with room for `capacity` events that are not read yet; it grows beyond when it has to.
  package init(capacity: Int = 16) {
    contents.withLock { $0.outputs.reserveCapacity(capacity) }
  }

  // The engine thread's side.

  /// The request holds resources for the first time, or again.
  func noteStart() {
    guard startedNanoseconds.load(ordering: .relaxed) == 0 else { return }
    startedNanoseconds.store(Stopwatch.now, ordering: .relaxed)
  }

  /// Adds an event; without effect once the queue is closed.
  ///
  /// - Returns: the reader if one is waiting; the caller must resume it.
  func send(_ output: RequestOutput) -> ParkedReader? {
    contents.withLock { contents in
      guard !contents.isClosed else { return nil }
      contents.outputs.append(output)
      return contents.takeReader()
    }
  }

  /// Adds the last event and closes the queue.
  ///
  /// - Returns: the reader if one is waiting; the caller must resume it.
  func finish(_ summary: RequestSummary) -> ParkedReader? {
    contents.withLock { contents in
      guard !contents.isClosed else { return nil }
      contents.outputs.append(.finished(summary))
      contents.isClosed = true
      return contents.takeReader()
    }
  }

  // The reader's side.

  /// Nanoseconds from submission until the request first held resources; nil until then.
  var queueNanoseconds: UInt64? {
    let started = startedNanoseconds.load(ordering: .relaxed)
    return started == 0 ? nil : started &- createdNanoseconds
  }

  /// Takes the next event out.
  func glance() -> Glance {
    contents.withLock { contents in
      guard contents.readCount < contents.outputs.count else { return contents.isClosed ? .over : .empty }
      let output = contents.outputs[contents.readCount]
      contents.readCount += 1
      if contents.readCount == contents.outputs.count {
        contents.outputs.removeAll(keepingCapacity: true)
        contents.readCount = 0
      }
      return .output(output)
    }
  }

  /// Lets `reader` wait for the next event or for the end. A queue has one reader: one that waits already is told to go.
  func park(_ reader: ParkedReader) {
    let (resumed, isTurn) = contents.withLock { contents -> (ParkedReader?, Bool) in
      if contents.isClosed || contents.readCount < contents.outputs.count { return (reader, true) }
      defer { contents.reader = reader }
      return (contents.reader, false)
    }
    resumed?.resume(isTurn: isTurn)
  }

  /// Throws away what is in the queue and closes it, since nobody reads it any more.
  ///
  /// - Returns: whether the request was still under way.
  func abandon() -> Bool {
    let (wasOpen, reader) = contents.withLock { contents -> (Bool, ParkedReader?) in
      defer { contents.isClosed = true }
      contents.outputs = []
      contents.readCount = 0
      return (!contents.isClosed, contents.takeReader())
    }
    reader?.resume(isTurn: true)
    return wasOpen
  }
}

/// A task that waits for an event.
///
/// It holds an unsafe continuation, since a checked one allocates memory for every wait. What is unsafe about it is to
/// resume it not at all or twice. ``OutputQueue`` keeps it in one place, behind its lock, takes it out when it hands it to
/// somebody, and everybody who is handed one resumes it.
@safe struct ParkedReader: Sendable {
  private let continuation: UnsafeContinuation<Bool, Never>

  /// Wraps the continuation of a task that is about to wait.
  init(_ continuation: UnsafeContinuation<Bool, Never>) { unsafe self.continuation = continuation }

  /// Lets the task go on: to look again if `isTurn`, otherwise to stop reading.
  func resume(isTurn: Bool) { unsafe continuation.resume(returning: isTurn) }
}
