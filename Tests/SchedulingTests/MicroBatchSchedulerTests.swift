import Scheduling
import Testing

@Suite struct MicroBatchSchedulerTests {
  private func generating(_ id: UInt64, known: Int = 40) -> SchedulableRequest {
    view(id, running: true, known: known, processed: known - 1)
  }

  @Test func generationsCostOneAndPromptsTheirLength() {
    #expect(plan([generating(0), view(1, known: 20), view(2, known: 30)]) == [[0, 1], [1, 20], [2, 30]])
  }

  @Test func generationsGoFirst() {
    #expect(plan([view(0, known: 100), generating(1)], tokens: 33) == [[1, 1], [0, 32]])
  }

  @Test func partsOfPromptsAreRoundedDownToBlocksExceptTheLast() {
    // 64 tokens: 20 whole, of 100 the 44 left are rounded to 32, and nothing whole is left for the third.
    #expect(plan([view(0, known: 20), view(1, known: 100), view(2, known: 40)]) == [[0, 20], [1, 32]])
    #expect(plan([view(1, running: true, known: 100, processed: 96)]) == [[0, 4]])
  }

  @Test func aPartThatBeginsInsideABlockEndsOnOne() {
    #expect(plan([view(0, running: true, known: 200, processed: 10)], tokens: 30) == [[0, 22]])
  }

  @Test func aZeroPartIsNotScheduled() {
    #expect(plan([generating(0), view(1, known: 100)], tokens: 16) == [[0, 1]])
  }

  @Test func aChunkSizeIsAnUpperLimit() {
    #expect(plan([view(0, known: 100)], chunk: 40) == [[0, 32]])
    #expect(plan([view(0, known: 30)], chunk: 40) == [[0, 30]])
    #expect(plan([view(0, known: 100), view(1, known: 100)], chunk: 16) == [[0, 16], [1, 16]])
  }

  @Test func budgetsSmallerThanABlockStillMakeProgress() {
    #expect(plan([view(0, known: 100)], tokens: 5) == [[0, 5]])
    #expect(plan([view(0, known: 100)], chunk: 3) == [[0, 3]])
    #expect(plan([view(0, known: 100, everyRow: true)], rows: 6) == [[0, 6]])
  }

  @Test func theBatchSizeIsALimit() {
    #expect(plan((0..<5).map { generating($0) }, size: 3) == [[0, 1], [1, 1], [2, 1]])
  }

  @Test func rowsOfLogitsLimitRequestsThatNeedAll() {
    // 40 rows: one for the generation, then 39, rounded to 32.
    #expect(plan([generating(0), view(1, known: 60, everyRow: true)], rows: 40) == [[0, 1], [1, 32]])
    // Fewer rows than a block are left: not rounded, so that it cannot starve.
    let busy = (0..<6).map { generating($0) } + [view(9, known: 60, everyRow: true)]
    #expect(plan(busy, rows: 16).last == [6, 10])
  }

  @Test func aPromptWithoutARowForItsLastTokenStopsBeforeIt() {
    let requests = [generating(0), generating(1), view(2, known: 33)]
    #expect(plan(requests, rows: 2) == [[0, 1], [1, 1], [2, 32]])
    #expect(plan(requests, rows: 3) == [[0, 1], [1, 1], [2, 33]])
  }

  @Test func onlyFittingRequestsArePlanned() {
    var plan = MicroBatchPlan()
    FirstComeFirstServedMicroBatchScheduler().schedule(
      [generating(0), generating(1), generating(2)], fitting: [2, 0],
      limits: BatchLimits(maximumTokenCount: 9, maximumRequestCount: 9, maximumLogitsRowCount: 9, blockSize: 4),
      into: &plan)
    #expect(plan.entries.map(\.requestIndex) == [2, 0])
  }

  @Test func aCachedPrefixCostsNothing() {
    // 100 tokens, of which 96 would be found in the cache: the other prompts still fit whole.
    #expect(plan([view(0, known: 100, processed: 96), view(1, known: 60)]) == [[0, 4], [1, 60]])
  }

  @Test func prefillIsBoundedWhileRequestsGenerate() {
    #expect(plan([generating(0), view(1, known: 100)], prefill: 16) == [[0, 1], [1, 16]])
    #expect(
      plan([generating(0), view(1, known: 10), view(2, known: 90)], prefill: 32) == [[0, 1], [1, 10], [2, 16]])
    #expect(plan([view(1, known: 50)], prefill: 16) == [[0, 50]])
    // A bound below a block still lets prompts go on.
    #expect(plan([generating(0), view(1, known: 100)], prefill: 5) == [[0, 1], [1, 5]])
  }

  @Test func equalProgressGivesBlocksInTurn() {
    let prompts = [view(0, known: 100), view(1, known: 20), view(2, known: 100)]
    #expect(plan(prompts, tokens: 64, equalProgress: true) == [[0, 32], [1, 16], [2, 16]])
    #expect(plan(prompts, tokens: 80, equalProgress: true) == [[0, 32], [1, 20], [2, 16]])
    #expect(plan(prompts, tokens: 400, equalProgress: true) == [[0, 100], [1, 20], [2, 100]])
    #expect(plan(prompts, tokens: 400, chunk: 48, equalProgress: true) == [[0, 48], [1, 20], [2, 48]])
    // The block that was begun is filled first.
    #expect(
      plan([view(0, known: 100, processed: 10), view(1, known: 90)], tokens: 40, equalProgress: true)
        == [[0, 22], [1, 16]])
  }

  /// Random requests and budgets: no budget is exceeded, no part is longer than what is pending, and something runs.
  @Test(arguments: [false, true])
  func budgetsAreNeverExceeded(equalProgress: Bool) {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<2000 {
      let requests = (0..<UInt64.random(in: 1...12, using: &generator)).map { id in
        let known = Int.random(in: 1...150, using: &generator)
        return view(
          id, known: known, processed: Int.random(in: 0..<known, using: &generator),
          everyRow: Int.random(in: 0..<4, using: &generator) == 0)
      }
      let (tokens, size) = (Int.random(in: 1...80, using: &generator), Int.random(in: 1...10, using: &generator))
      let rows = Int.random(in: 1...40, using: &generator)
      let chunk = Bool.random(using: &generator) ? Int.random(in: 1...40, using: &generator) : nil
      let prefill = Bool.random(using: &generator) ? Int.random(in: 1...40, using: &generator) : nil
      let entries = plan(
        requests, tokens: tokens, size: size, rows: rows, blockSize: 8, chunk: chunk, prefill: prefill,
        equalProgress: equalProgress)
      #expect(!entries.isEmpty)
      #expect(entries.count <= size)
      if let prefill, requests.contains(where: { $0.pendingTokenCount == 1 }) {
        #expect(entries.reduce(0) { $0 + (requests[$1[0]].pendingTokenCount > 1 ? $1[1] : 0) } <= prefill)
      }
      #expect(entries.reduce(0) { $0 + $1[1] } <= tokens)
      #expect(entries.reduce(0) { $0 + requests[$1[0]].logitsRowCount(forNext: $1[1]) } <= rows)
      #expect(entries.allSatisfy { $0[1] > 0 && $0[1] <= requests[$0[0]].pendingTokenCount && $0[1] <= chunk ?? .max })
      #expect(Set(entries.map { $0[0] }).count == entries.count)
    }
  }
}
