// A capacity policy of one's own: of the waiting requests, the one with the least left to do goes first.
//
// Run: swift run -c release ShortestFirstExample
import Inflight
import InflightTestKit

struct ShortestFirst: CapacityScheduler {
  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    var unreserved = budget.freeBlockCount
    for index in requests.indices where requests[index].isRunning {
      decision.fitting.append(index)
      unreserved -= requests[index].blocksToCompletion(in: budget)
    }
    let waiting = requests.indices.filter { !requests[$0].isRunning }
    for index in waiting.sorted(by: { requests[$0].maximumTokenCount < requests[$1].maximumTokenCount }) {
      let needed = requests[index].blocksToCompletion(in: budget)
      guard needed <= unreserved else { break }
      decision.fitting.append(index)
      unreserved -= needed
    }
  }
}

try await CapacitySchedulerConformance(ShortestFirst(), promises: .noPause).check()
print("the policy keeps what it promises: whoever starts can run to its end")

// Memory and batch for one or two requests at a time, so that the order shows.
let options = LLMOptions(
  engine: EngineOptions(cacheTokens: 128), executor: ExecutorConfiguration(maximumBatchSize: 1))
let llm = try await LLM(options: options, scheduler: Scheduler(capacity: ShortestFirst()))
try await withThrowingTaskGroup(of: Int.self) { group in
  for length in [64, 8, 32] {
    group.addTask {
      _ = try await llm.generate("Count: one, two,", SamplingParams(maxTokens: length, ignoreEndOfSequence: true))
      return length
    }
  }
  for try await length in group { print("the request for \(length) tokens has ended") }
}
await llm.shutdown()
