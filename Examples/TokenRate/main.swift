// A resource manager of one's own: each tenant has a bucket into which tokens drip. What the model computes is taken out
// afterwards, what the cache has is free, and whoever wants to start while its bucket is empty is told how long to wait.
//
// Run: swift run -c release TokenRateExample
import Inflight
import InflightTestKit

final class TokenRate: BaseResourceManager {
  struct Exceeded: Error, CustomStringConvertible {
    let description: String
  }

  let name = "token rate"
  private let perSecond, burst: Double
  private var buckets: [UInt64: (tokens: Double, time: ContinuousClock.Instant)] = [:]
  private var running: Set<Int> = []

  init(perSecond: Double, burst: Double) { (self.perSecond, self.burst) = (perSecond, burst) }

  // Nothing is held, so nothing can be too large, and nothing is given back.
  let capacity = ResourceCapacity(total: 0, free: 0)
  func unitsToCompletion(of request: ResourceRequest) -> Int { 0 }

  func prepareResources(for request: ResourceRequest) throws {
    guard !running.contains(request.slot) else { return }
    let now = ContinuousClock.now
    var bucket = buckets[request.tag] ?? (burst, now)
    bucket = (min(burst, bucket.tokens + (now - bucket.time) / .seconds(1) * perSecond), now)
    buckets[request.tag] = bucket
    guard bucket.tokens >= 0 else {
      let milliseconds = Int(-bucket.tokens / perSecond * 1000) + 1
      throw Exceeded(description: "tenant \(request.tag) may start again in \(milliseconds) ms")
    }
    running.insert(request.slot)
  }

  func undoPreparation(for request: ResourceRequest) {}
  func updateResources(for request: ResourceRequest) { buckets[request.tag]?.tokens -= Double(request.tokenCount) }
  func freeResources(for request: ResourceRequest) { running.remove(request.slot) }
}

try await ResourceManagerConformance { TokenRate(perSecond: 1e6, burst: 1e6) }.check()
print("the manager keeps what every resource manager must")

let llm = try await LLM(resources: [TokenRate(perSecond: 10, burst: 40)])
for tenant in [1, 1, 1, 2] as [UInt64] {
  do {
    let params = SamplingParams(maxTokens: 24, ignoreEndOfSequence: true)
    let completion = try await llm.stream("Count: one, two,", params, tag: tenant).completion()
    print("tenant \(tenant) got \(completion.tokens.count) tokens")
  } catch {
    print("tenant \(tenant) got none: \(error)")
  }
}
await llm.shutdown()
