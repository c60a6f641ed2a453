internal import Dispatch
internal import Synchronization
internal import Tensors

/// Lets readers go on, not on the engine thread.
///
/// To resume a task costs microseconds: it goes through the lock of the tasks' thread pool, which the tasks resumed
/// before it are using by then. So the engine thread hands all readers of a step over at once: to a worker of the engine's
/// that waits for the next pass, which costs no call of the operating system; and only if none is awake, or there is none, to
/// a thread that sleeps until then. To wake a thread up costs a call, and where every processor is busy the thread may take
/// the one that the engine thread is on.
final class ReaderWaker: Sendable {
  private struct Contents {
    var readers: [ReadyReader] = []
    /// Empty, for the sake of its storage.
    var spare: [ReadyReader] = []
    var isThreadAsleep = false
    var isClosed = false

    /// Takes the readers out that came in.
    mutating func take() -> [ReadyReader] {
      defer { (readers, spare) = (spare, []) }
      return readers
    }
  }

  /// What the threads share. Everything in it is behind the lock; the semaphore is signalled once for every time that
  /// the thread has said, under the lock, that it goes to sleep.
  private final class Shared: Sendable {
    private let contents = Mutex(Contents())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// Adds readers to be resumed, and empties the list. The storage is reused.
    func add(_ readers: inout [ReadyReader]) {
      contents.withLock { contents in
        if contents.readers.isEmpty { swap(&contents.readers, &readers) } else { contents.readers += readers }
      }
      readers.removeAll(keepingCapacity: true)
    }

    /// Resumes the readers that came in, if any did.
    func resumeAll() { resume(contents.withLock { $0.take() }) }

    /// Resumes readers as they come, and sleeps in between; returns when none will come any more.
    func run() {
      while true {
        let (readers, isClosed) = contents.withLock { contents in
          let readers = contents.take()
          contents.isThreadAsleep = readers.isEmpty && !contents.isClosed
          return (readers, contents.isClosed)
        }
        if !readers.isEmpty {
          resume(readers)
        } else if isClosed {
          return
        } else {
          wakeUp.wait()
        }
      }
    }

    /// Resumes `readers`, of which there must be no other copy, and keeps their storage.
    private func resume(_ readers: consuming [ReadyReader]) {
      for place in readers.indices { readers[place].resume() }
      readers.removeAll(keepingCapacity: true)
      let capacity = readers.capacity
      contents.withLock { contents in
        if contents.spare.capacity < capacity { swap(&contents.spare, &readers) }
      }
    }

    /// Wakes the thread up if it sleeps, so that it looks again; for good if `isClosing`.
    func wakeThread(isClosing: Bool = false) {
      let mustSignal = contents.withLock { contents in
        if isClosing { contents.isClosed = true }
        defer { contents.isThreadAsleep = false }
        return contents.isThreadAsleep
      }
      if mustSignal { wakeUp.signal() }
    }
  }

  private let shared: Shared
  private let errand: WorkerErrand
  private let thread: DedicatedThread

  /// Starts the thread.
  ///
  /// - Throws: ``ThreadError`` if the operating system refuses it.
  init() throws(ThreadError) {
    let shared = Shared()
    self.shared = shared
    errand = WorkerErrand { shared.resumeAll() }
    thread = try DedicatedThread(stackBytes: 1 << 18) { shared.run() }
  }

  deinit { close() }

  /// Lets `readers` go on soon, and empties the list; on a thread of `pool` if one is awake.
  func wake(_ readers: inout [ReadyReader], on pool: WorkerPool?) {
    guard !readers.isEmpty else { return }
    shared.add(&readers)
    if pool?.offer(errand) != true { shared.wakeThread() }
  }

  /// Ends the thread once all have been woken that were handed over, those included that a pool was to wake. Nobody may be
  /// handed over after that.
  func close() { shared.wakeThread(isClosing: true) }

  /// Waits until the thread has ended, after ``close()``.
  func join() { thread.join() }
}
