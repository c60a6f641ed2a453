import Requests
import Scheduling
import Testing

@Suite struct SchedulingExplanationTests {
  private func explain(
    _ requests: [SchedulableRequest], free: Int = 100, tokens: Int = 64, size: Int = 8, rows: Int = 64,
    scheduler: Scheduler = Scheduler()
  ) -> [SchedulingExplanation] {
    var round = SchedulingRound()
    round.requests = requests
    round.budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: free)
    round.limits = BatchLimits(
      maximumTokenCount: tokens, maximumRequestCount: size, maximumLogitsRowCount: rows, blockSize: 16)
    round.run(scheduler)
    return round.explanations(scheduler)
  }

  @Test func nobodyWaits() {
    #expect(explain([view(0, known: 10)]) == [])
    #expect(explain([]) == [])
  }

  @Test func blocksAndHeadOfLine() {
    let explanations = explain(
      [
        view(0, running: true, known: 20, processed: 19, maximum: 64, blocks: 2), view(1, known: 50, maximum: 64),
        view(2, known: 1, maximum: 2),
      ], free: 5)
    #expect(
      explanations == [
        SchedulingExplanation(id: RequestID(1), cause: .blocks(needed: 4, free: 5, reserved: 2)),
        SchedulingExplanation(id: RequestID(2), cause: .headOfLine(behind: RequestID(1))),
      ])
    #expect(explanations[0].description.contains("needs 4 to its completion, and of 5 free ones 2"))
    #expect(explanations[1].description == "request 2 waits behind request 1, which came first")
  }

  @Test func budgetsOfTheStep() {
    #expect(
      explain([view(0, known: 60), view(1, known: 60)]).map(\.cause) == [.tokenBudget(pending: 60, left: 4, limit: 64)])
    #expect(explain([view(0, known: 6), view(1, known: 6)], size: 1).map(\.cause) == [.batchSize(limit: 1)])
    let generating = (0..<3).map { view($0, running: true, known: 9, processed: 8) }
    #expect(explain(generating, rows: 2).map(\.cause) == [.logitsRows(needed: 1, left: 0, limit: 2)])
  }

  @Test func aPolicyOfLessCautionExplainsItself() {
    let explanations = explain(
      [
        view(0, running: true, known: 20, processed: 19, maximum: 640, blocks: 2), view(1, known: 50, maximum: 640),
        view(2, known: 1, maximum: 2),
      ], free: 4, scheduler: Scheduler(capacity: MaximumUtilizationScheduler()))
    #expect(explanations.map(\.cause) == [.blocksToStart(needed: 5, left: 4), .headOfLine(behind: RequestID(1))])
    #expect(explanations[0].description.contains("needs 5 to start, and 4 are left"))
  }

  @Test func promptsWaitForTheirShareWhileRequestsGenerate() {
    var round = SchedulingRound()
    round.requests = [view(0, running: true, known: 9, processed: 8), view(1, known: 60), view(2, known: 60)]
    round.budget = CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: 100)
    round.limits = BatchLimits(
      maximumTokenCount: 64, maximumRequestCount: 8, maximumLogitsRowCount: 8, blockSize: 16,
      maximumPrefillTokenCount: 16)
    round.run(Scheduler())
    #expect(round.explanations(Scheduler()).map(\.cause) == [.prefillBudget(pending: 60, limit: 16)])
  }

  @Test func aUsersPolicyIsNamed() {
    struct Nobody: CapacityScheduler {
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {}
    }
    #expect(explain([view(0, known: 6)], scheduler: Scheduler(capacity: Nobody())).map(\.cause) == [.policy])
  }

  @Test func indicesThatMeanNothingAreDropped() {
    struct Wild: CapacityScheduler, MicroBatchScheduler {
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
        decision.fitting = [5, -1, 0]
        decision.paused = [7, 0]
      }
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        plan.entries = [-3, 0, 9].map { MicroBatchPlan.Entry(requestIndex: $0, tokenCount: 1) }
      }
    }
    var round = SchedulingRound()
    round.requests = [view(0, known: 6)]
    round.run(Scheduler(capacity: Wild(), microBatch: Wild()))
    #expect(round.decision.fitting == [0])
    #expect(round.decision.paused == [])
    #expect(round.plan.entries.map(\.requestIndex) == [0])
  }
}
