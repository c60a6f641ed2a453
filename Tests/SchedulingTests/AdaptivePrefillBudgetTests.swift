import Scheduling
import Testing

@Suite struct AdaptivePrefillBudgetTests {
  /// A machine: 4 ms for a step, and so much for every token of a prompt.
  private func settle(_ budget: inout AdaptivePrefillBudget, microsecondsPerToken: Int, steps: Int = 200) -> Int {
    for _ in 0..<steps {
      let tokens = budget.tokenCount
      budget.record(nanoseconds: 4_000_000, prefillTokenCount: 0, generationCount: 8)
      budget.record(
        nanoseconds: UInt64(4_000_000 + tokens * microsecondsPerToken * 1000), prefillTokenCount: tokens,
        generationCount: 8)
    }
    return budget.tokenCount
  }

  @Test func theBudgetFillsTheTarget() {
    var budget = AdaptivePrefillBudget(targetNanoseconds: 20_000_000, range: 32...8192)
    #expect(budget.tokenCount == 32)
    // 16 ms are left for prompts at 40 microseconds a token.
    #expect(abs(settle(&budget, microsecondsPerToken: 40) - 400) <= 1)
    #expect(abs(settle(&budget, microsecondsPerToken: 160) - 100) <= 1)
  }

  @Test func thereIsAlwaysRoomForABlockAndNeverMoreThanTheMost() {
    var tight = AdaptivePrefillBudget(targetNanoseconds: 1_000_000, range: 16...8192)
    #expect(settle(&tight, microsecondsPerToken: 100) == 16)
    var wide = AdaptivePrefillBudget(targetNanoseconds: 1_000_000_000, range: 16...512)
    #expect(settle(&wide, microsecondsPerToken: 1) == 512)
  }

  @Test func stepsThatMeasureNothingChangeNothing() {
    var budget = AdaptivePrefillBudget(targetNanoseconds: 1_000_000, range: 16...512)
    budget.record(nanoseconds: 9_000_000, prefillTokenCount: 0, generationCount: 0)
    #expect(budget == AdaptivePrefillBudget(targetNanoseconds: 1_000_000, range: 16...512))
    budget.record(nanoseconds: 0, prefillTokenCount: 10, generationCount: 0)
    #expect((16...512).contains(budget.tokenCount))
  }
}
