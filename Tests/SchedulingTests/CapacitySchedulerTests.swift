import Scheduling
import Testing

@Suite struct CapacitySchedulerTests {
  @Test func blocksToCompletionRoundUpAndDeductWhatIsHeld() {
    let budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: 50)
    #expect(view(0, known: 10, maximum: 32).blocksToCompletion(in: budget) == 2)
    #expect(view(0, known: 10, maximum: 33).blocksToCompletion(in: budget) == 3)
    #expect(
      view(0, running: true, known: 20, processed: 19, maximum: 33, blocks: 2).blocksToCompletion(in: budget) == 1)
  }

  @Test func waitingRequestsEnterWhileTheirCompletionFits() {
    // 3 blocks each; 7 are free: two fit.
    let requests = (0..<3).map { view($0, known: 20, maximum: 48) }
    #expect(fitting(requests, free: 7) == [0, 1])
    #expect(fitting(requests, free: 9) == [0, 1, 2])
    #expect(fitting(requests, free: 2) == [])
  }

  @Test func runningRequestsComeFirstAndTheirCompletionIsSetAside() {
    // The running one holds 2 of the 6 blocks it will need: 4 of the 6 free ones are its own.
    let requests = [
      view(0, running: true, known: 20, processed: 19, maximum: 96, blocks: 2), view(1, known: 30, maximum: 32),
      view(2, known: 1, maximum: 2),
    ]
    #expect(fitting(requests, free: 6) == [0, 1])
    #expect(fitting(requests, free: 5) == [0])
    #expect(fitting(requests, free: 7) == [0, 1, 2])
  }

  @Test func headOfLineIsStrict() {
    // The first needs 8 of 4 blocks; the second would fit, but must not overtake.
    #expect(fitting([view(0, known: 100, maximum: 128), view(1, known: 3, maximum: 4)], free: 4) == [])
  }

  @Test func aHalfProcessedPromptIsKeptAgainstANewcomer() {
    // A paused or prioritized newcomer may stand before it in the order; it still comes first.
    let requests = [
      view(0, known: 60, maximum: 64), view(1, running: true, known: 60, processed: 16, maximum: 64, blocks: 1),
    ]
    #expect(fitting(requests, free: 4) == [1])
    #expect(fitting(requests, free: 7) == [1, 0])
  }

  @Test func runningRequestsAreKeptEvenWhenTheCacheIsFull() {
    let requests = [view(0, running: true, known: 16, processed: 15, maximum: 64, blocks: 1), view(1, known: 4)]
    #expect(fitting(requests, free: 0) == [0])
  }

  @Test func maximumRequestsCountsOnly() {
    let requests = [view(0, known: 9999), view(1, running: true, known: 9999, processed: 3), view(2, known: 1)]
    #expect(fitting(requests, free: 0, policy: MaximumRequestsScheduler(maximumRequestCount: 2)) == [1, 0])
    #expect(fitting(requests, free: 0, policy: MaximumRequestsScheduler(maximumRequestCount: 1)) == [1])
  }

  @Test func aStaticBatchLetsNobodyInBeforeItsEnd() {
    let policy = StaticBatchScheduler()
    let waiting = (0..<3).map { view($0, known: 20, maximum: 48) }
    #expect(fitting(waiting, free: 7, policy: policy) == [0, 1])
    let running = view(9, running: true, known: 20, processed: 19, maximum: 48, blocks: 2)
    #expect(fitting([running] + waiting, free: 90, policy: policy) == [0])
    #expect(
      policy.reasonToWait(
        1, of: [running] + waiting, budget: CacheBudget(blockSize: 16, totalBlockCount: 99, freeBlockCount: 90),
        decision: decide([running] + waiting, free: 90, policy: policy)) == .runningBatch(requestCount: 1))
  }

  @Test func aWindowBoundsWhatASequenceNeeds() {
    let budget = CacheBudget(blockSize: 16, totalBlockCount: 9, freeBlockCount: 9, maximumBlocksPerSequence: 4)
    #expect(view(0, known: 100, maximum: 1000).blocksToCompletion(in: budget) == 4)
    #expect(view(0, running: true, known: 100, processed: 99, blocks: 3).blocksToCompletion(in: budget) == 1)
  }

  /// Whatever is admitted, everything that runs can get all blocks it may ever ask for.
  @Test func admissionsNeverExceedTheFreeBlocks() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let free = Int.random(in: 0...40, using: &generator)
      var reserved = 0
      var requests: [SchedulableRequest] = []
      for id in 0..<UInt64.random(in: 0...12, using: &generator) {
        let known = Int.random(in: 1...80, using: &generator)
        let maximum = known + Int.random(in: 1...80, using: &generator)
        let needed = (maximum + 15) / 16
        let held = (known + 15) / 16
        if Bool.random(using: &generator), reserved + needed - held <= free {
          reserved += needed - held
          requests.append(view(id, running: true, known: known, processed: known - 1, maximum: maximum, blocks: held))
        } else {
          requests.append(view(id, known: known, maximum: maximum))
        }
      }
      let admitted = fitting(requests, free: free)
      let budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: free)
      #expect(admitted.reduce(0) { $0 + requests[$1].blocksToCompletion(in: budget) } <= free)
      #expect(Set(admitted).count == admitted.count)
      #expect(requests.indices.filter { requests[$0].isRunning }.allSatisfy(admitted.contains))
    }
  }
}
