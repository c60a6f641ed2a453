import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Server
import TestKit
import Testing

/// `GET /inflight/waiting`
@Suite struct WaitingTests {
  /// Lets nobody run, for a reason that it is told.
  private struct Nobody: CapacityScheduler {
    let cause: SchedulingExplanation.Cause

    func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {}

    func reasonToWait(
      _ index: Int, of requests: [SchedulableRequest], budget: CacheBudget, decision: CapacityDecision
    ) -> SchedulingExplanation.Cause? { cause }
  }

  @Test(arguments: [
    (
      SchedulingExplanation.Cause.blocks(needed: 9, free: 7, reserved: 2), "blocks",
      ["needed": 9, "free": 7, "reserved": 2]
    ),
    (.blocksToStart(needed: 4, left: 3), "blocks_to_start", ["needed": 4, "left": 3]),
    (.prefix, "prefix", [:]),
    (.runningBatch(requestCount: 5), "running_batch", ["requests": 5]),
    (.prefillBudget(pending: 6, limit: 4), "prefill_budget", ["pending": 6, "limit": 4]),
    (.batchSize(limit: 8), "batch_size", ["limit": 8]),
    (.tokenBudget(pending: 6, left: 1, limit: 64), "token_budget", ["pending": 6, "left": 1, "limit": 64]),
    (.logitsRows(needed: 4, left: 1, limit: 16), "logits_rows", ["needed": 4, "left": 1, "limit": 16]),
    (.paused, "paused", [:]),
    (.policy, "policy", [:]),
  ])
  func whyARequestWaitsIsSaidInWordsAndNumbers(
    cause: SchedulingExplanation.Cause, name: String, numbers: [String: Int]
  ) async throws {
    let server = try await TinyServer(scheduler: Scheduler(capacity: Nobody(cause: cause)))
    let llm = server.llm
    try await server.serve { client in
      let idle = try await client.execute(uri: "/inflight/waiting", method: .get)
      #expect(idle.status == .ok)
      #expect(try idle.json == .object([("object", "list"), ("data", .array([]))]))
      let (first, second) = (try llm.stream(tokens: [97]), try llm.stream(tokens: [98]))
      let data = try await client.execute(uri: "/inflight/waiting", method: .get).json["data"]
      #expect(data?.arrayValue?.count == 2)
      let explanation = SchedulingExplanation(id: first.id, cause: cause)
      #expect(data?[0]?["request"]?.intValue == Int(clamping: first.id.rawValue))
      #expect(data?[0]?["reason"]?.stringValue == explanation.description)
      #expect(data?[0]?["cause"]?.stringValue == name)
      let members = data?[0]?["numbers"]?.objectValue?.members ?? []
      #expect(members.count == numbers.count && members.allSatisfy { numbers[$0.key] == $0.value.intValue })
      // Whoever comes later waits for the first.
      #expect(data?[1]?["request"]?.intValue == Int(clamping: second.id.rawValue))
      #expect(data?[1]?["cause"] == "head_of_line")
      #expect(data?[1]?["numbers"]?["behind"]?.intValue == Int(clamping: first.id.rawValue))
    }
  }

  @Test func anEngineThatIsStuckKeepsNobodyWaiting() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    var options = ServerOptions()
    options.stallTimeout = 0.05
    let server = try await TinyServer(options: options, script: script)
    let llm = server.llm
    try await server.serve { client in
      let stream = try llm.stream(tokens: [97], SamplingParams(maxTokens: 1))
      let answer = try await client.execute(uri: "/inflight/waiting", method: .get)
      gate.open()
      #expect(try answer.status == .serviceUnavailable && answer.json["error"]?["code"] == "service_unavailable")
      for try await _ in stream {}
      #expect(try await client.execute(uri: "/inflight/waiting", method: .get).status == .ok)
    }
  }
}
