import Tensors
import Testing

@Suite struct MachineLimitsTests {
  @Test(arguments: [1, 3]) func limitsArePositiveForAnyNumberOfThreads(_ threads: Int) {
    let limits = MachineLimits.measure(threadCount: threads)
    for rounds in [limits.readRounds, limits.int8Rounds, limits.bfloatRounds] {
      #expect(rounds.count > 4 && rounds.allSatisfy { $0 > 0.01 && $0 < 1e6 })
    }
  }

  @Test func oneRoundThatIsFarOffChangesNothing() {
    let limits = MachineLimits(
      readRounds: [33, 34, 35, 36, 300], int8Rounds: [10, 10, 10, 0.1], bfloatRounds: [5])
    #expect(limits.readGigabytesPerSecond == 35 && limits.int8Gops == 10 && limits.bfloatGflops == 5)
    #expect(limits.spread < 0.1)
  }

  @Test func roundsBeforeAndAfterCountAlike() {
    let before = MachineLimits(readRounds: [10, 10, 10], int8Rounds: [1], bfloatRounds: [1])
    let both = before.merging(MachineLimits(readRounds: [20, 20, 20], int8Rounds: [1], bfloatRounds: [1]))
    #expect(both.readGigabytesPerSecond == 15 && both.readRounds.count == 6 && both.spread > 0.3)
  }

  @Test func handingOverATaskTakesTime() {
    #expect(taskHandOverMicroseconds(threadCount: 1) == 0)
    #expect(taskHandOverMicroseconds(threadCount: 2) > 0)
  }
}
