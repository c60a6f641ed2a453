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
/// A task is a C function over a range of work items. The caller works too; items are handed out in ranges that get shorter
/// to the end, and which thread computes an item never matters to the result. Every thread begins in a part of the items of
/// its own and goes on to what is left of the others': so the rows of a batch, which most tasks have as items or in their
/// order, tend to stay with one processor and in its caches from one task to the next. Between tasks the workers spin for a
/// short while, because the next one usually follows within microseconds, and then sleep, so that an idle engine costs
/// nothing.
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
    shared = Shared(threadCount: threadCount)
    // Attention keeps a few hundred kilobytes on the stack, more than some systems give a thread by default.
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 2 << 20)
    defer { pthread_attr_destroy(&attributes) }
    for index in 1..<threadCount {
      // The thread takes over the reference and releases it when it starts.
      let argument = Unmanaged.passRetained(Shared.Start(shared: shared, thread: index)).toOpaque()
      #if canImport(Darwin)
        var thread: pthread_t?
        let status = pthread_create(&thread, &attributes, { Shared.threadMain($0) }, argument)
      #else
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, { Shared.threadMain($0!) }, argument)
      #endif
      guard status == 0 else {
        // Fewer threads than asked for is slower and nothing else.
        Unmanaged<Shared.Start>.fromOpaque(argument).release()
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
  ///   - grain: how many items a thread takes at least at a time.
  ///   - inOrder: hand the items out in their order, a grain at a time, instead of giving each thread a part to begin with.
  ///     For items of very different sizes, best with the largest first.
  ///   - arguments: what the task reads; it must stay valid until this returns.
  func run(_ task: ik_task, _ arguments: UnsafeRawPointer, count: Int, grain: Int = 1, inOrder: Bool = false) {
    guard count > 0 else { return }
    if threads.isEmpty || count <= grain {
      task(arguments, 0, Int32(count))
    } else {
      shared.run(task, arguments, count: count, grain: grain, inOrder: inOrder)
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

  /// Runs the items `0 ..< count` of `task`, on all threads, and returns when all are done. Items may differ in their costs:
  /// they are handed out one by one, in their order. Allocates nothing.
  package func perform(_ task: any WorkerTask, count: Int) {
    withUnsafePointer(to: task) { pointer in
      run(
        { arguments, begin, end in
          let task = arguments!.assumingMemoryBound(to: (any WorkerTask).self)
          for item in begin..<end { task.pointee.run(Int(item)) }
        }, pointer, count: count, inOrder: true)
    }
  }

  /// Lets a worker do `errand` while this thread goes on, if one is awake that waits for a task; it comes late for the next
  /// task then, which others begin without it. Nobody is woken up for an errand. May be called by the thread that runs tasks
  /// only, between two of them. The same errand may be offered again before it was done, and is then done once at least
  /// after the last offer.
  ///
  /// - Returns: whether it will be done; if not, it is the caller's business. A pool that ends before it has come to its
  ///   errand drops it.
  package func offer(_ errand: WorkerErrand) -> Bool {
    !threads.isEmpty && shared.offer(errand, workerCount: threads.count)
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
/// Unchecked sendability: every stored property is atomic, immutable, or points to atomics or to one of the two pthread
/// objects, which are made for sharing and live at a fixed address until the last thread has released this object.
private final class Shared: @unchecked Sendable {
  /// What a thread is started with.
  final class Start {
    let shared: Shared
    let thread: Int

    init(shared: Shared, thread: Int) {
      self.shared = shared
      self.thread = thread
    }
  }

  /// The tickets of the parts that the items of a task are divided into, ``stride`` apart.
  ///
  /// A ticket has the number of the current task in the high 32 bits and the next unclaimed item of its part in the low
  /// ones. A thread claims items by compare-and-exchange on both, so a claim that was prepared for an earlier task can never
  /// succeed.
  private let tickets: UnsafeMutablePointer<Atomic<UInt64>>
  private let partCount: Int
  private let threadCount: Int
  /// How many threads begin in the same part.
  private let threadsPerPart: Int
  private let finished = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let sleepers = Atomic<Int>(0)
  /// What a worker that waits is to do first.
  private let errands = ErrandSlot()

  // The task. Atomic because a late worker may read them while the next task is written; it then fails to claim.
  private let task = Atomic<UInt>(0)
  private let arguments = Atomic<UInt>(0)
  private let count = Atomic<Int>(0)
  private let grain = Atomic<Int>(1)
  /// How many of the parts have items.
  private let usedParts = Atomic<Int>(1)

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  /// The low half of a ticket of which nothing can be claimed; no task has as many items.
  private static let closed: UInt64 = 0xffff_ffff

  /// Polls of the ticket before a worker sleeps: some tenths of a millisecond.
  private static let spinLimit = 20_000

  /// Polls after which a waiting thread lets others have its processor, should there be any that want it: some tens of
  /// microseconds. Without that, threads that wait for one whose processor is taken would keep it away from it.
  private static let pollsPerYield = 1024

  /// More parts than this would cost more in opening their tickets than they gain.
  private static let maximumParts = 8

  /// Tickets from one to the next, so that each has cache lines of its own.
  private static let stride = 16

  init(threadCount: Int) {
    self.threadCount = threadCount
    partCount = min(threadCount, Self.maximumParts)
    threadsPerPart = (threadCount + partCount - 1) / partCount
    tickets = .allocate(capacity: partCount * Self.stride)
    for part in 0..<partCount { (tickets + part * Self.stride).initialize(to: Atomic(Self.closed)) }
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
    for part in 0..<partCount { (tickets + part * Self.stride).deinitialize(count: 1) }
    tickets.deallocate()
  }

  /// The part that a thread begins with.
  private func home(ofThread thread: Int) -> Int { thread * partCount / threadCount }

  /// The first item of a part; of the part behind the last one the number of items.
  private func start(ofPart part: Int, of parts: Int, count: Int, grain: Int) -> Int {
    min(count, (count + grain - 1) / grain * part / parts * grain)
  }

  func run(_ task: ik_task, _ arguments: UnsafeRawPointer, count: Int, grain: Int, inOrder: Bool) {
    // Closes the tickets before the task is written: a worker that still holds an old ticket and reads something of the new
    // task has seen, in that, that the ticket is closed, and would otherwise take items of a task that is not there yet.
    let number = tickets[0].load(ordering: .relaxed) >> 32
    for part in 0..<partCount {
      tickets[part * Self.stride].store(number << 32 | Self.closed, ordering: .relaxed)
    }
    self.task.store(UInt(bitPattern: unsafeBitCast(task, to: Int.self)), ordering: .releasing)
    self.arguments.store(UInt(bitPattern: arguments), ordering: .releasing)
    self.count.store(count, ordering: .releasing)
    self.grain.store(grain, ordering: .releasing)
    let parts = inOrder ? 1 : partCount
    usedParts.store(parts, ordering: .releasing)
    finished.store(0, ordering: .relaxed)
    // The caller's own part comes last: nobody but it waits for that one.
    for part in (0..<partCount).reversed() {
      let first = UInt64(start(ofPart: part, of: parts, count: count, grain: grain))
      tickets[part * Self.stride].store((number &+ 1) << 32 | first, ordering: .releasing)
    }
    // Either a worker that goes to sleep sees the ticket, or it is seen here.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .relaxed) > 0 { wakeAll() }
    claimItems(home: 0)
    var polls = 0
    while finished.load(ordering: .acquiring) < count { Self.pause(&polls) }
  }

  /// Waits a moment between two polls.
  private static func pause(_ polls: inout Int) {
    polls += 1
    if polls.isMultiple(of: pollsPerYield) { sched_yield() } else { ik_pause() }
  }

  func offer(_ errand: WorkerErrand, workerCount: Int) -> Bool {
    guard errands.put(errand) else { return false }
    // Either a worker that goes to sleep sees the errand, or it is seen here.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return sleepers.load(ordering: .relaxed) < workerCount || errands.take() == nil
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// Works on the current task until no item is left to claim, first on part `home`.
  private func claimItems(home: Int) {
    for offset in 0..<partCount {
      let part = home + offset
      claimItems(ofPart: part < partCount ? part : part - partCount)
    }
  }

  /// A thread takes half of its share of what is left of a part, or a grain if that is more. To claim has a price beyond the
  /// exchange: the processor first finishes all that was written for the items before. Items in order are taken a grain at a
  /// time, since half of them would be more than half of the work.
  private func claimItems(ofPart part: Int) {
    let ticket = tickets + part * Self.stride
    var current = ticket.pointee.load(ordering: .acquiring)
    var done = 0
    defer { if done > 0 { finished.wrappingAdd(done, ordering: .releasing) } }
    while true {
      let next = Int(current & 0xffff_ffff)
      let task = self.task.load(ordering: .acquiring)
      let arguments = self.arguments.load(ordering: .acquiring)
      let count = self.count.load(ordering: .acquiring)
      let grain = self.grain.load(ordering: .acquiring)
      let parts = usedParts.load(ordering: .acquiring)
      let last = start(ofPart: part + 1, of: parts, count: count, grain: grain)
      guard next < last else { return }
      let share = parts > 1 ? (last - next) / (2 * threadsPerPart) / grain * grain : grain
      let end = min(next + max(grain, share), last)
      let desired = current & ~0xffff_ffff | UInt64(end)
      let (exchanged, original) = ticket.pointee.compareExchange(
        expected: current, desired: desired, ordering: .acquiringAndReleasing)
      guard exchanged else {
        current = original
        continue
      }
      // The claim proves that the task read above is the current one: `run` does not return before its items are done.
      let function = unsafeBitCast(Int(bitPattern: task), to: ik_task.self)
      function(UnsafeRawPointer(bitPattern: arguments), Int32(next), Int32(end))
      done += end - next
      current = ticket.pointee.load(ordering: .acquiring)
    }
  }

  /// Returns the number of a task other than `seen`, or nil when the pool stops.
  private func awaitTask(after seen: UInt64, home: Int) -> UInt64? {
    let ticket = tickets + home * Self.stride
    var polls = 0
    while true {
      if stopping.load(ordering: .acquiring) { return nil }
      // Before the next task, which may be followed by others without end.
      if !errands.isEmpty { errands.run() }
      let number = ticket.pointee.load(ordering: .acquiring) >> 32
      if number != seen { return number }
      if polls < Self.spinLimit {
        Self.pause(&polls)
      } else {
        sleep(unlessChanged: seen, home: home)
        polls = 0
      }
    }
  }

  private func sleep(unlessChanged seen: UInt64, home: Int) {
    let ticket = tickets + home * Self.stride
    pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    while ticket.pointee.load(ordering: .sequentiallyConsistent) >> 32 == seen && errands.isEmpty
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
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    let (shared, home) = (start.shared, start.shared.home(ofThread: start.thread))
    ik_set_thread_name("inflight-worker")
    var seen: UInt64 = 0
    while let number = shared.awaitTask(after: seen, home: home) {
      seen = number
      shared.claimItems(home: home)
    }
    return nil
  }
}
