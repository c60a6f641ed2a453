internal import Dispatch
internal import Synchronization

/// Lets readers go on, on a thread of its own.
///
/// To resume a task costs microseconds: it goes through the lock of the tasks' thread pool, which the tasks resumed
/// before it are using by then. The engine thread hands all readers of a step over at once instead, which costs one
/// signal whatever their number.
final class ReaderWaker: Sendable {
  private struct Contents {
    var readers: [ParkedReader] = []
    var isThreadAsleep = false
    var isClosed = false
  }

  /// What both threads share. Everything in it is behind the lock; the semaphore is signalled once for every time that
  /// the thread has said, under the lock, that it goes to sleep.
  private final class Shared: Sendable {
    let contents = Mutex(Contents())
    let wakeUp = DispatchSemaphore(value: 0)

    /// Takes the readers out that came in, in exchange for `readers`, which must be empty. Sleeps until there are some.
    ///
    /// - Returns: false if none will come any more.
    func collect(into readers: inout [ParkedReader]) -> Bool {
      while true {
        let (hasReaders, isClosed) = contents.withLock { contents in
          swap(&contents.readers, &readers)
          contents.isThreadAsleep = readers.isEmpty && !contents.isClosed
          return (!readers.isEmpty, contents.isClosed)
        }
        if hasReaders { return true }
        if isClosed { return false }
        wakeUp.wait()
      }
    }

    /// Changes the contents and wakes the thread up if it sleeps.
    func change(_ body: (inout Contents) -> Void) {
      let mustSignal = contents.withLock { contents in
        body(&contents)
        defer { contents.isThreadAsleep = false }
        return contents.isThreadAsleep
      }
      if mustSignal { wakeUp.signal() }
    }
  }

  private let shared = Shared()
  private let thread: DedicatedThread

  /// Starts the thread.
  ///
  /// - Throws: ``ThreadError`` if the operating system refuses it.
  init() throws(ThreadError) {
    let shared = shared
    thread = try DedicatedThread(stackBytes: 1 << 18) {
      var readers: [ParkedReader] = []
      while shared.collect(into: &readers) {
        for reader in readers { reader.resume(isTurn: true) }
        readers.removeAll(keepingCapacity: true)
      }
    }
  }

  deinit { close() }

  /// Lets `readers` go on soon, and empties the list. The storage is reused.
  func wake(_ readers: inout [ParkedReader]) {
    guard !readers.isEmpty else { return }
    shared.change { contents in
      if contents.readers.isEmpty { swap(&contents.readers, &readers) } else { contents.readers += readers }
    }
    readers.removeAll(keepingCapacity: true)
  }

  /// Ends the thread once it has woken whom it was told to wake. Nobody may be handed over after that.
  func close() { shared.change { $0.isClosed = true } }

  /// Waits until the thread has ended, after ``close()``.
  func join() { thread.join() }
}
