import Requests
import Scheduling
import Testing

@Suite struct MaximumUtilizationSchedulerTests {
  private let policy = MaximumUtilizationScheduler()

  /// A request that generates and needs a new block now: all of its `blocks` are full.
  private func full(_ id: UInt64, blocks: Int, releasable: Int? = nil, priority: Int = 0) -> SchedulableRequest {
    view(
      id, running: true, known: blocks * 16 + 1, processed: blocks * 16, maximum: 1000, blocks: blocks,
      releasable: releasable, priority: priority)
  }

  @Test func requestsEnterByWhatTheyNeedNow() {
    // Each could grow to 63 blocks, but needs 2 to catch up and 1 more to go on.
    let requests = (0..<4).map { view($0, known: 20, maximum: 1000) }
    #expect(decide(requests, free: 9, policy: policy).fitting == [0, 1, 2])
    #expect(decide(requests, free: 8, policy: policy).fitting == [0, 1])
    #expect(fitting(requests, free: 9) == [])
    // One that ends before it fills another block needs no other.
    #expect(decide([view(0, known: 20, maximum: 30)], free: 2, policy: policy).fitting == [0])
  }

  @Test func theYoungestIsPausedWhenTheCacheIsFull() {
    let decision = decide([full(0, blocks: 2), full(1, blocks: 2), full(2, blocks: 2)], free: 1, policy: policy)
    #expect(decision.paused == [2])
    #expect(decision.fitting == [0, 1])
  }

  @Test func theLowestPriorityIsPausedFirst() {
    let requests = [full(0, blocks: 1), full(1, blocks: 1, priority: -1), full(2, blocks: 1)]
    #expect(decide(requests, free: 1, policy: policy).paused == [1])
    #expect(decide(requests, free: 0, policy: policy).paused == [1, 2])
    let larger = [full(0, blocks: 1), full(1, blocks: 0, priority: -1), full(2, blocks: 1)]
    #expect(decide(larger, free: 0, policy: policy).paused == [1, 2])
  }

  @Test func sharedBlocksAreNotCountedAsWon() {
    let requests = [full(0, blocks: 4), full(1, blocks: 4, releasable: 0), full(2, blocks: 4, releasable: 1)]
    #expect(decide(requests, free: 1, policy: policy).paused == [2])
    #expect(decide(requests, free: 0, policy: policy).paused == [2, 1])
    #expect(decide([full(0, blocks: 4), full(1, blocks: 4, releasable: 0)], free: 0, policy: policy).fitting == [0])
  }

  @Test func theOldestIsNeverPaused() {
    #expect(decide([full(0, blocks: 3)], free: 0, policy: policy).fitting == [0])
    #expect(decide((0..<5).map { full($0, blocks: 1) }, free: 0, policy: policy).fitting.first == 0)
  }

  @Test func nobodyEntersInAStepThatPauses() {
    let decision = decide([full(0, blocks: 2), full(1, blocks: 9), view(2, known: 1)], free: 1, policy: policy)
    #expect(decision.paused == [1])
    #expect(decision.fitting == [0])
  }

  @Test func priorityComesBeforeThePlaceOfPausedRequests() {
    // The paused one stands before the waiting one of a higher priority, as the executor shows them.
    let requests = [view(0, known: 40, maximum: 60), view(1, known: 40, maximum: 60, priority: 1)]
    #expect(decide(requests, free: 4, policy: policy).fitting == [1])
    #expect(decide(requests, free: 8, policy: policy).fitting == [1, 0])
  }

  @Test func headOfLineIsStrict() {
    #expect(decide([view(0, known: 90, maximum: 99), view(1, known: 1)], free: 3, policy: policy).fitting == [])
  }

  /// Whatever the numbers, what fits can catch up at once, and somebody fits if anybody could.
  @Test func whatFitsHasItsBlocks() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      var used = 0
      let requests = (0..<UInt64.random(in: 1...12, using: &generator)).map { id in
        let known = Int.random(in: 1...100, using: &generator)
        let maximum = known + Int.random(in: 1...100, using: &generator)
        let priority = Int.random(in: 0...2, using: &generator)
        guard Bool.random(using: &generator) else {
          return view(id, known: known, maximum: maximum, priority: priority)
        }
        let blocks = Int.random(in: 0...known / 16, using: &generator)
        used += blocks
        return view(
          id, running: true, known: known, processed: min(blocks * 16, known - 1), maximum: maximum, blocks: blocks,
          priority: priority)
      }
      // As much as any one of the requests can need, as admission guarantees, or more.
      let free = max(0, 13 + Int.random(in: -used...10, using: &generator))
      let decision = decide(requests, free: free, policy: policy)
      let budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: free)
      let freed = decision.paused.reduce(0) { $0 + requests[$1].releasableBlockCount }
      let needed = decision.fitting.reduce(0) { $0 + requests[$1].blocksToCatchUp(in: budget) }
      #expect(needed <= free + freed || decision.fitting.count == 1)
      #expect(!decision.fitting.isEmpty)
      #expect(Set(decision.fitting + decision.paused).count == decision.fitting.count + decision.paused.count)
      let running = requests.indices.filter { requests[$0].isRunning }
      #expect(running.allSatisfy { decision.fitting.contains($0) != decision.paused.contains($0) })
      #expect(decision.paused.allSatisfy { requests[$0].isRunning })
    }
  }
}
