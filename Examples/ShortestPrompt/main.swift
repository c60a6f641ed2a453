// A micro-batcher of one's own: whoever generates gets the next token, and what is left of a step goes to the prompt with
// the least left to process, so that a short question need not wait until a long document is read.
//
// Run: swift run -c release ShortestPromptExample
import Inflight
import InflightTestKit

struct ShortestPromptFirst: MicroBatchScheduler {
  func schedule(
    _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
  ) {
    let hasGenerations = fitting.contains { requests[$0].pendingTokenCount == 1 }
    var budget = BatchBudget(limits: limits, hasGenerations: hasGenerations)
    // Who generates is one token behind, and so comes first.
    for index in fitting.sorted(by: { requests[$0].pendingTokenCount < requests[$1].pendingTokenCount }) {
      budget.take(budget.chunk(of: requests[index]), of: requests[index], index: index, into: &plan)
    }
  }
}

try await MicroBatchSchedulerConformance(ShortestPromptFirst()).check(seeds: 0..<50)
print("the policy keeps what every micro-batcher must")

let document = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100)
let policies: [(String, any MicroBatchScheduler)] = [
  ("first come, first served", FirstComeFirstServedMicroBatchScheduler()),
  ("the shortest prompt first", ShortestPromptFirst()),
]
for (name, policy) in policies {
  // Steps of 64 tokens, so that it takes many to read the document.
  let options = LLMOptions(engine: EngineOptions(maximumBatchTokens: 64))
  let llm = try await LLM(options: options, scheduler: Scheduler(microBatch: policy))
  let params = SamplingParams(maxTokens: 1)
  let clock = ContinuousClock()
  let start = clock.now
  let long = try llm.stream(document, params)
  let short = try llm.stream("The capital of France is", params)
  async let end = long.completion()
  _ = try await short.completion()
  let answered = clock.now - start
  _ = try await end
  print("\(name): the question is answered after \(answered), the document is read after \(clock.now - start)")
  await llm.shutdown()
}
