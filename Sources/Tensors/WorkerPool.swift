internal import CKernels
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A fixed set of threads that run the kernels' tasks.
///
/// A task is a C function over a range of work items. The caller works too; items are handed out in grains, and which
/// thread computes an item never matters to the result. Between tasks the workers spin for a short while, because the
/// next one usually follows within microseconds, and then sleep, so that an idle engine costs nothing.
///
/// A pool runs one task at a time, for one calling thread at a time.
package final class WorkerPool {
  /// Number of threads that work on a task, the caller included.
  package let threadCount: Int

  private let shared: Shared
  private var threads: [pthread_t] = []

  /// Starts `threadCount - 1` threads.
  package init(threadCount: Int) {
    precondition(threadCount >= 1)
    self.threadCount = threadCount
    shared = Shared()
    // Attention keeps a few hundred kilobytes on the stack, more than some systems give a thread by default.
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 2 << 20)
    defer { pthread_attr_destroy(&attributes) }
    for _ in 1..<threadCount {
      // The thread takes over the reference and releases it when it ends.
      let argument = Unmanaged.passRetained(shared).toOpaque()
      #if canImport(Darwin)
        var thread: pthread_t?
        let status = pthread_create(&thread, &attributes, { Shared.threadMain($0) }, argument)
      #else
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, { Shared.threadMain($0!) }, argument)
      #endif
      guard status == 0 else {
        // Fewer threads than asked for is slower and nothing else.
        Unmanaged<Shared>.fromOpaque(argument).release()
        break
      }
      #if canImport(Darwin)
        if let thread { threads.append(thread) }
      #else
        threads.append(thread)
      #endif
    }
  }

  deinit {
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Runs `task` over the items `0 ..< count` and returns when all are done.
  ///
  /// - Parameters:
  ///   - grain: how many items a thread takes at a time.
  ///   - arguments: what the task reads; it must stay valid until this returns.
  func run(_ task: ik_task, _ arguments: UnsafeRawPointer, count: Int, grain: Int = 1) {
    guard count > 0 else { return }
    if threads.isEmpty || count <= grain {
      task(arguments, 0, Int32(count))
    } else {
      shared.run(task, arguments, count: count, grain: grain)
    }
  }

  /// Calls `body` for each of `0 ..< count`, on all threads. For work at load time: it allocates.
  package func forEach(_ count: Int, _ body: @Sendable @escaping (Int) -> Void) {
    let box = ClosureBox(body)
    withExtendedLifetime(box) {
      run(
        { arguments, begin, end in
          let box = Unmanaged<ClosureBox>.fromOpaque(arguments!).takeUnretainedValue()
          for index in begin..<end { box.body(Int(index)) }
        }, Unmanaged.passUnretained(box).toOpaque(), count: count)
    }
  }

  /// Runs the items `0 ..< count` of `task`, on all threads, and returns when all are done. Allocates nothing.
  package func perform(_ task: any WorkerTask, count: Int) {
    withUnsafePointer(to: task) { pointer in
      run(
        { arguments, begin, end in
          let task = arguments!.assumingMemoryBound(to: (any WorkerTask).self)
          for item in begin..<end { task.pointee.run(Int(item)) }
        }, pointer, count: count)
    }
  }

  private final class ClosureBox {
    let body: @Sendable (Int) -> Void
    init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }
  }
}

/// Work that a ``WorkerPool`` divides into items.
package protocol WorkerTask: AnyObject {
  /// Does item `item`. Called on any thread of the pool, once per item, several items at a time.
  func run(_ item: Int)
}

/// What the threads of a pool share.
///
/// Unchecked sendability: every stored property is atomic, immutable, or one of the two pthread objects, which are made
/// for sharing and live at a fixed address until the last thread has released this object.
private final class Shared: @unchecked Sendable {
  /// The number of the current task in the high 32 bits, the next unclaimed item in the low ones. A worker claims items
  /// by compare-and-exchange on both, so a claim that was prepared for an earlier task can never succeed.
  private let ticket = Atomic<UInt64>(0)
  private let finished = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let sleepers = Atomic<Int>(0)

  // The task. Atomic because a late worker may read them while the next task is written; it then fails to claim.
  private let task = Atomic<UInt>(0)
  private let arguments = Atomic<UInt>(0)
  private let count = Atomic<Int>(0)
  private let grain = Atomic<Int>(1)

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  /// The low half of a ticket of which nothing can be claimed; no task has as many items.
  private static let closed: UInt64 = 0xffff_ffff

  /// Polls of the ticket before a worker sleeps: some tens of microseconds.
  private static let spinLimit = 20_000

  init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func run(_ task: ik_task, _ arguments: UnsafeRawPointer, count: Int, grain: Int) {
    // Closes the ticket before the task is written: a worker that still holds the last ticket and reads the new count
    // would otherwise take an item of a task that is not there yet.
    let number = ticket.load(ordering: .relaxed) >> 32
    ticket.store(number << 32 | Self.closed, ordering: .sequentiallyConsistent)
    self.task.store(UInt(bitPattern: unsafeBitCast(task, to: Int.self)), ordering: .relaxed)
    self.arguments.store(UInt(bitPattern: arguments), ordering: .relaxed)
    self.count.store(count, ordering: .relaxed)
    self.grain.store(grain, ordering: .relaxed)
    finished.store(0, ordering: .relaxed)
    ticket.store((number &+ 1) << 32, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wakeAll() }
    claimItems()
    while finished.load(ordering: .acquiring) < count { ik_pause() }
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// Works on the current task until no item is left to claim.
  private func claimItems() {
    var current = ticket.load(ordering: .acquiring)
    while true {
      let next = Int(current & 0xffff_ffff)
      let count = self.count.load(ordering: .relaxed)
      guard next < count else { return }
      let task = self.task.load(ordering: .relaxed)
      let arguments = self.arguments.load(ordering: .relaxed)
      let end = min(next + grain.load(ordering: .relaxed), count)
      let desired = current & ~0xffff_ffff | UInt64(end)
      let (exchanged, original) = ticket.compareExchange(
        expected: current, desired: desired, ordering: .acquiringAndReleasing)
      guard exchanged else {
        current = original
        continue
      }
      // The claim proves that the task read above is the current one: `run` does not return before its items are done.
      let function = unsafeBitCast(Int(bitPattern: task), to: ik_task.self)
      function(UnsafeRawPointer(bitPattern: arguments), Int32(next), Int32(end))
      finished.add(end - next, ordering: .releasing)
      current = ticket.load(ordering: .acquiring)
    }
  }

  /// Returns a ticket other than `seen`'s task, or nil when the pool stops.
  private func awaitTask(after seen: UInt64) -> UInt64? {
    var polls = 0
    while true {
      if stopping.load(ordering: .acquiring) { return nil }
      let number = ticket.load(ordering: .acquiring) >> 32
      if number != seen { return number }
      polls += 1
      if polls < Self.spinLimit {
        ik_pause()
      } else {
        sleep(unlessChanged: seen)
        polls = 0
      }
    }
  }

  private func sleep(unlessChanged seen: UInt64) {
    pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while ticket.load(ordering: .sequentiallyConsistent) >> 32 == seen
      && !stopping.load(ordering: .sequentiallyConsistent)
    {
      pthread_cond_wait(condition, mutex)
    }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  private func wakeAll() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  static func threadMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let shared = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
    ik_set_thread_name("inflight-worker")
    var seen: UInt64 = 0
    while let number = shared.awaitTask(after: seen) {
      seen = number
      shared.claimItems()
    }
    return nil
  }
}
