import Tensors
import Testing

@Suite struct MachineLimitsTests {
  @Test(arguments: [1, 3]) func limitsArePositiveForAnyNumberOfThreads(_ threads: Int) {
    let limits = MachineLimits.measure(threadCount: threads)
    #expect(limits.readGigabytesPerSecond > 0 && limits.int8Gops > 0 && limits.bfloatGflops > 0)
  }
}
