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

  @Test func aPoolCanBeMadeAndDroppedQuickly() {
    for _ in 0..<100 { _ = WorkerPool(threadCount: 4) }
  }

  @Test func thereIsAtLeastOneProcessor() {
    #expect(availableProcessorCount() >= 1)
    #expect(availableMemory() > 0 && peakResidentBytes() > 0)
  }
}
