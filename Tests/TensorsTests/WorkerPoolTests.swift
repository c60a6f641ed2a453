import Synchronization
import Tensors
import Testing

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

  @Test func aPoolCanBeMadeAndDroppedQuickly() {
    for _ in 0..<100 { _ = WorkerPool(threadCount: 4) }
  }

  @Test func thereIsAtLeastOneProcessor() {
    #expect(availableProcessorCount() >= 1)
    #expect(availableMemory() > 0 && peakResidentBytes() > 0)
  }
}
