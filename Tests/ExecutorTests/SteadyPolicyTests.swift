import Decoding
import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import Synchronization
import TestKit
import Testing

/// Counts how often it is asked.
private final class Counting: CapacityScheduler {
  let isSteady: Bool
  private let count = Atomic<Int>(0)
  var askedCount: Int { count.load(ordering: .relaxed) }

  init(isSteady: Bool) { self.isSteady = isSteady }

  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    count.add(1, ordering: .relaxed)
    GuaranteedNoEvictScheduler().schedule(requests, budget: budget, into: &decision)
  }
}

/// Steady policies are asked when something changes, others in every step, and nobody can tell from the answers.
@Suite struct SteadyPolicyTests {
  /// Steps of requests that arrive in the steps of `arrivals` and generate `counts` tokens, one after the other.
  private func run(isSteady: Bool, arrivals: [Int], counts: [Int]) async throws -> (asked: Int, steps: Int, [Collected])
  {
    let policy = Counting(isSteady: isSteady)
    let engine = FakeModelEngine()
    let geometry = engine.cacheGeometry
    let mailbox = Mailbox(maximumQueuedRequests: 10)
    let cache = KVCacheManager(blockSize: geometry.blockSize, blockCount: geometry.blockCount, slotCount: 8)
    var loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(capacity: policy),
      resources: ResourceManager(cache: cache),
      limits: BatchLimits(
        maximumTokenCount: 64, maximumRequestCount: 8, maximumLogitsRowCount: 16, blockSize: geometry.blockSize),
      mailbox: mailbox, statistics: StatisticsBox())
    var outputs: [RequestOutputs] = []
    var steps = 0
    while outputs.count < counts.count || loop.hasRequests {
      while outputs.count < counts.count, arrivals[outputs.count] == steps {
        let index = outputs.count
        let queue = OutputQueue()
        let input = GenerationRequest(
          promptTokens: prompt(3 + index, seed: UInt64(index)), params: SamplingParams(maxTokens: counts[index]))
        try mailbox.submit(
          Request(
            id: RequestID(UInt64(index)), input: input, seed: 1, maximumTokenCount: 3 + index + counts[index],
            outputs: queue))
        outputs.append(RequestOutputs(queue))
      }
      loop.step()
      try cache.checkIntegrity()
      steps += 1
    }
    var collected: [Collected] = []
    for output in outputs { collected.append(await output.collect()) }
    return (policy.askedCount, steps, collected)
  }

  @Test func aSteadyPolicyIsAskedWhenRequestsComeAndGo() async throws {
    // Two requests at once, a third in step 20; ends after 30, 40 and 50 tokens.
    let (arrivals, counts) = ([0, 0, 20], [30, 40, 50])
    let steady = try await run(isSteady: true, arrivals: arrivals, counts: counts)
    let other = try await run(isSteady: false, arrivals: arrivals, counts: counts)
    #expect(steady.2 == other.2 && steady.steps == other.steps)
    #expect(other.asked == other.steps)
    // For the prompts of steps 0 and 20, for the steps after them, and after each end but the last.
    #expect(steady.asked == 6)
    #expect(steady.2.map(\.tokens.count) == counts)
  }
}
