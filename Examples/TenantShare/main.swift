// A capacity policy of one's own: no tenant may have more tokens under way than its share, so that one who sends a
// thousand requests at a time does not keep the others out. The tenant is the request's tag.
//
// Run: swift run -c release TenantShareExample
import Inflight
import InflightTestKit

struct TenantShare: CapacityScheduler {
  /// Tokens, prompt and answer together, that a tenant's requests may come to at a time.
  let maximumTokens: Int

  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    var unreserved = budget.freeBlockCount
    var tokensUnderWay: [UInt64: Int] = [:]
    for index in requests.indices where requests[index].isRunning {
      decision.fitting.append(index)
      unreserved -= requests[index].blocksToCompletion(in: budget)
      tokensUnderWay[requests[index].tag, default: 0] += requests[index].maximumTokenCount
    }
    for index in requests.indices where !requests[index].isRunning {
      let request = requests[index]
      let underWay = tokensUnderWay[request.tag, default: 0]
      // A tenant with nothing under way may always start one; one beyond its share lets the others pass.
      guard underWay == 0 || underWay + request.maximumTokenCount <= maximumTokens else { continue }
      let needed = request.blocksToCompletion(in: budget)
      guard needed <= unreserved else { break }
      decision.fitting.append(index)
      unreserved -= needed
      tokensUnderWay[request.tag] = underWay + request.maximumTokenCount
    }
  }
}

try await CapacitySchedulerConformance(TenantShare(maximumTokens: 64), promises: .noPause).check()
let llm = try await LLM(scheduler: Scheduler(capacity: TenantShare(maximumTokens: 64)))
try await withThrowingTaskGroup(of: UInt64.self) { group in
  // Tenant 1 sends ten requests before tenant 2 sends its only one, which does not come last.
  for tenant in Array(repeating: UInt64(1), count: 10) + [2] {
    let stream = try llm.stream(
      "Count: one, two,", SamplingParams(maxTokens: 24, ignoreEndOfSequence: true), tag: tenant)
    group.addTask {
      _ = try await stream.completion()
      return tenant
    }
  }
  for try await tenant in group { print("a request of tenant \(tenant) has ended") }
}
await llm.shutdown()
