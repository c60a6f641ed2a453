internal import Requests
internal import Synchronization
internal import Tensors

/// The events of one request on their way from the engine thread to the reader.
///
/// The engine thread only appends; it never waits for a reader, and a warm queue allocates nothing: the reader empties
/// the storage and keeps it. A slow reader makes the queue grow, up to the length of the sequence.
///
/// All of its state is behind one lock, which both sides hold for the time of moving one event. A reader that finds the
/// queue empty parks a continuation in it. Whoever takes a continuation out of the lock (the engine thread with an
/// event, a canceller, another reader) is the only one who has it, and resumes it once, outside of the lock. An event for
/// which a reader waits is handed to it, and never lies in the queue.
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
    /// Waits for an event: the queue is open, and empty.
    var reader: ParkedReader?

    mutating func takeReader() -> ParkedReader? {
      defer { reader = nil }
      return reader
    }

    mutating func takeOutput() -> RequestOutput? {
      guard readCount < outputs.count else { return nil }
      let output = outputs[readCount]
      readCount += 1
      if readCount == outputs.count {
        outputs.removeAll(keepingCapacity: true)
        readCount = 0
      }
      return output
    }

    /// Adds an event, or takes out the reader that waits for it.
    mutating func add(_ output: RequestOutput) -> ReadyReader? {
      if let reader = takeReader() { return ReadyReader(reader: reader, output: output) }
      outputs.append(output)
      return nil
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
  func send(_ output: RequestOutput) -> ReadyReader? {
    contents.withLock { contents in contents.isClosed ? nil : contents.add(output) }
  }

  /// Adds the last event and closes the queue.
  ///
  /// - Returns: the reader if one is waiting; the caller must resume it.
  func finish(_ summary: RequestSummary) -> ReadyReader? {
    contents.withLock { contents in
      guard !contents.isClosed else { return nil }
      contents.isClosed = true
      return contents.add(.finished(summary))
    }
  }

  /// Asks the processor for what sending an event touches.
  func prefetch() { Prefetch.object(self, byteCount: Self.prefetchedBytes) }

  /// Those of the lock and of what is behind it.
  private static let prefetchedBytes = 128

  // The reader's side.

  /// Nanoseconds from submission until the request first held resources; nil until then.
  var queueNanoseconds: UInt64? {
    let started = startedNanoseconds.load(ordering: .relaxed)
    return started == 0 ? nil : started &- createdNanoseconds
  }

  /// Takes the next event out.
  func glance() -> Glance {
    contents.withLock { contents in
      if let output = contents.takeOutput() { .output(output) } else { contents.isClosed ? .over : .empty }
    }
  }

  /// Lets `reader` wait for the next event or for the end. A queue has one reader: one that waits already is told to go.
  func park(_ reader: ParkedReader) {
    let (resumed, output) = contents.withLock { contents -> (ParkedReader?, RequestOutput?) in
      if let output = contents.takeOutput() { return (reader, output) }
      if contents.isClosed { return (reader, nil) }
      defer { contents.reader = reader }
      return (contents.reader, nil)
    }
    resumed?.resume(with: output)
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
    reader?.resume(with: nil)
    return wasOpen
  }
}

/// A task that waits for an event.
///
/// It holds an unsafe continuation, since a checked one allocates memory for every wait. What is unsafe about it is to
/// resume it not at all or twice. ``OutputQueue`` keeps it in one place, behind its lock, takes it out when it hands it to
/// somebody, and everybody who is handed one resumes it.
@safe struct ParkedReader: Sendable {
  private let continuation: UnsafeContinuation<RequestOutput?, Never>

  /// Wraps the continuation of a task that is about to wait.
  init(_ continuation: UnsafeContinuation<RequestOutput?, Never>) { unsafe self.continuation = continuation }

  /// Lets the task go on with `output`, or stop reading if that is nil.
  func resume(with output: RequestOutput?) { unsafe continuation.resume(returning: output) }
}

/// A task and the event that it has waited for.
struct ReadyReader: Sendable {
  fileprivate let reader: ParkedReader
  fileprivate let output: RequestOutput

  /// Lets the task go on; to be called once.
  func resume() { reader.resume(with: output) }
}
