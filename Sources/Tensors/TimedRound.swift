internal import CKernels
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A count that threads share.
final class SharedCount: Sendable {
  let value = Atomic<Int64>(0)
}

/// One round of a measurement on all threads of a pool.
///
/// The threads wait for each other, then each works until its time is over, so that none has more to do than another. The
/// rate counts all the work over the time from the first beginning to the last end: whatever goes wrong (a thread that
/// wakes late or not at all) makes it too low, never too high.
struct TimedRound {
  /// Threads that take part.
  let threadCount: Int
  /// How long each works.
  let nanoseconds: UInt64

  /// Calls `chunk` with the number of the thread over and over; it returns how much it did.
  ///
  /// - Returns: what was done in all, per nanosecond.
  func run(_ pool: WorkerPool, _ chunk: @escaping @Sendable (Int) -> Int64) -> Double {
    let state = State()
    let (threadCount, nanoseconds) = (threadCount, nanoseconds)
    pool.forEach(threadCount) { part in
      state.meet(threadCount)
      let start = Self.now
      state.begin(start)
      var work: Int64 = 0
      var now = start
      while now &- start < nanoseconds {
        work += chunk(part)
        now = Self.now
      }
      state.end(now, work)
    }
    return state.rate
  }

  /// The time in nanoseconds in which all threads of `pool` take up a task and finish it: the median of many empty ones.
  static func handOver(_ pool: WorkerPool) -> Double {
    let threadCount = pool.threadCount
    guard threadCount > 1 else { return 0 }
    var times: [UInt64] = []
    for _ in 0..<201 {
      let state = State()
      let start = now
      pool.forEach(threadCount) { _ in state.meet(threadCount) }
      times.append(now &- start)
    }
    return Double(times.sorted()[times.count / 2])
  }

  private static var now: UInt64 { MonotonicClock.nanoseconds }

  private final class State: Sendable {
    private let arrived = Atomic<Int>(0)
    private let first = Atomic<UInt64>(UInt64(Int64.max))
    private let last = Atomic<UInt64>(0)
    private let work = Atomic<Int64>(0)

    /// Waits until `count` threads are here, or for 50 ms: a pool may have fewer threads than were asked for.
    func meet(_ count: Int) {
      arrived.add(1, ordering: .acquiringAndReleasing)
      let start = TimedRound.now
      var polls = 0
      while arrived.load(ordering: .acquiring) < count {
        polls += 1
        if polls % 256 != 0 {
          ik_pause()
        } else if TimedRound.now &- start > 50_000_000 {
          return
        } else {
          sched_yield()
        }
      }
    }

    func begin(_ time: UInt64) { first.min(time, ordering: .relaxed) }

    func end(_ time: UInt64, _ work: Int64) {
      last.max(time, ordering: .relaxed)
      self.work.add(work, ordering: .relaxed)
    }

    var rate: Double {
      let time = last.load(ordering: .acquiring) &- first.load(ordering: .acquiring)
      return Double(work.load(ordering: .acquiring)) / Double(max(1, time))
    }
  }
}

/// The time in microseconds in which `threadCount` threads take up an empty task and finish it.
package func taskHandOverMicroseconds(threadCount: Int) -> Double {
  TimedRound.handOver(WorkerPool(threadCount: threadCount)) / 1000
}
