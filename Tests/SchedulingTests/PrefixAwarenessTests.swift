import Requests
import Scheduling
import Testing

/// A request whose prefix is being computed waits for it, so that the prefix is computed once.
@Suite struct PrefixAwarenessTests {
  static let policies: [any CapacityScheduler] = [
    GuaranteedNoEvictScheduler(), MaximumUtilizationScheduler(), StaticBatchScheduler(),
  ]

  @Test(arguments: 0..<3)
  func ofSeveralThatBeginWithOneBlockOnlyOneEnters(policy: Int) {
    let requests = [view(0, known: 40, key: 7), view(1, known: 40, key: 7), view(2, known: 40, key: 8)]
    #expect(decide(requests, free: 100, policy: Self.policies[policy]).fitting == [0, 2])
  }

  @Test(arguments: 0..<2)
  func aPrefixThatRunsIsAwaitedAndOthersMayPass(policy: Int) {
    let requests = [
      view(0, running: true, known: 100, processed: 16, blocks: 1), view(1, known: 90, key: 7, computing: true),
      view(2, known: 40, key: 8),
    ]
    #expect(decide(requests, free: 100, policy: Self.policies[policy]).fitting == [0, 2])
  }

  @Test func blocksThatAreSharedTakeNoFreeOnes() {
    // Three blocks to completion, two of them held by a running request.
    let sharing = view(1, known: 40, processed: 32, maximum: 48, blocks: 2)
    #expect(fitting([sharing], free: 1) == [0])
    #expect(fitting([view(1, known: 40, maximum: 48)], free: 1) == [])
  }

  @Test func theExplanationNamesThePrefix() {
    var round = SchedulingRound()
    round.requests = [view(0, known: 40, key: 7), view(1, known: 40, key: 7)]
    round.budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: 100)
    round.limits = BatchLimits(
      maximumTokenCount: 64, maximumRequestCount: 8, maximumLogitsRowCount: 8, blockSize: 16)
    round.run(Scheduler())
    let explanations = round.explanations(Scheduler())
    #expect(explanations == [SchedulingExplanation(id: RequestID(1), cause: .prefix)])
    #expect(explanations[0].description.contains("prefix that another request is computing"))
  }
}
