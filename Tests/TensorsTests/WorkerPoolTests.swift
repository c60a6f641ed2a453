import Synchronization
import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct WorkerPoolTests {
  @Test(arguments: [1, 2, 3, 8]) func everyItemRunsOnce(_ threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let count = 1000
    for round in 0..<200 {
      let total = Mutex([Int](repeating: 0, count: count))
      pool.forEach(count) { index in total.withLock { $0[index] += 1 } }
      #expect(total.withLock { $0.allSatisfy { $0 == 1 } }, "round \(round)")
    }
  }

  /// Tasks of different sizes in quick succession: a worker that is late for one must not touch the next.
  @Test func manySmallTasksInARow() {
    let pool = WorkerPool(threadCount: 4)
    var counts: [Int] = []
    let hits = Mutex([Int](repeating: 0, count: 64))
    for round in 0..<50_000 {
      let count = 2 + round * 7 % 62
      counts.append(count)
      pool.forEach(count) { index in hits.withLock { $0[index] += 1 } }
    }
    for index in 0..<64 { #expect(hits.withLock { $0[index] } == counts.count { $0 > index }) }
  }

  /// Of a part of 32 items one thread takes sixteen first; of one of eight items, which two threads begin in, two. Should it be
  /// held up by the first of them, others do all of the rest.
  @Test(arguments: [(2, 48), (16, 62)]) func whoIsHeldUpKeepsHalfOfItsShareAtMost(_ threads: Int, others: Int) {
    let pool = WorkerPool(threadCount: threads)
    let doneCount = Atomic<Int>(0)
    let restIsDone = Atomic<Bool>(false)
    pool.forEach(64) { index in
      if index == 0 {
        restIsDone.store(wait { doneCount.load(ordering: .acquiring) >= others }, ordering: .releasing)
      }
      doneCount.add(1, ordering: .acquiringAndReleasing)
    }
    let count = doneCount.load(ordering: .acquiring)
    let isDone = restIsDone.load(ordering: .acquiring)
    #expect(isDone && count == 64)
  }

  @Test func aPoolCanBeMadeAndDroppedQuickly() {
    for _ in 0..<100 { _ = WorkerPool(threadCount: 4) }
  }

  /// An errand that is accepted is done once, whether the workers wait, are about to sleep or have more tasks; one that is
  /// refused is not done.
  @Test(arguments: [1, 2, 4]) func anErrandIsDoneIfItIsAccepted(_ threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let doneCount = Atomic<Int>(0)
    let errand = WorkerErrand { doneCount.add(1, ordering: .acquiringAndReleasing) }
    var acceptedCount = 0
    for round in 0..<3000 {
      pool.forEach(8) { _ in }
      // From none to longer than workers spin.
      usleep(UInt32(round % 60 * 20))
      if pool.offer(errand) { acceptedCount += 1 }
      if round.isMultiple(of: 2) { for _ in 0..<20 { pool.forEach(4) { _ in } } }
      let isDone = wait { doneCount.load(ordering: .acquiring) >= acceptedCount }
      let count = doneCount.load(ordering: .acquiring)
      #expect(isDone && count == acceptedCount)
    }
    #expect((acceptedCount > 0) == (threads > 1))
  }

  @Test func nobodyIsWokenUpForAnErrand() {
    let pool = WorkerPool(threadCount: 3)
    pool.forEach(8) { _ in }
    let doneCount = Atomic<Int>(0)
    let errand = WorkerErrand { doneCount.add(1, ordering: .acquiringAndReleasing) }
    var acceptedCount = 0
    // As soon as all workers sleep, the errand is refused.
    let isRefused = wait {
      usleep(2000)
      guard pool.offer(errand) else { return true }
      acceptedCount += 1
      return false
    }
    let isDone = wait { doneCount.load(ordering: .acquiring) >= min(1, acceptedCount) }
    let count = doneCount.load(ordering: .acquiring)
    #expect(isRefused && isDone && count <= acceptedCount)
  }

  /// An errand that nobody has come to goes with the pool, once.
  @Test func aPoolThatEndsLetsGoOfItsErrand() {
    weak var errand: WorkerErrand?
    do {
      let pool = WorkerPool(threadCount: 2)
      let offered = WorkerErrand {}
      errand = offered
      for _ in 0..<100 { _ = pool.offer(offered) }
    }
    #expect(errand == nil)
  }

  /// Waits until `condition` holds; false after half a minute.
  private func wait(until condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if condition() { return true }
    }
    return condition()
  }

  @Test func thereIsAtLeastOneProcessor() {
    #expect(availableProcessorCount() >= 1)
    #expect(availableMemory() > 0 && peakResidentBytes() > 0)
  }
}
