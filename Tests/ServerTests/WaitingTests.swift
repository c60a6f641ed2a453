import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Server
import TestKit
import Testing

/// `GET /inflight/waiting`
@Suite struct WaitingTests {
  @Test func whyARequestWaitsIsSaidInWordsAndNumbers() async throws {
    var script = FakeModelEngine.Script()
    script.microsecondsPerPass = 5000
    let server = try await TinyServer(script: script, executor: ExecutorConfiguration(maximumBatchSize: 1))
    try await server.serve { client in
      let idle = try await client.execute(uri: "/inflight/waiting", method: .get)
      #expect(idle.status == .ok)
      #expect(try idle.json == .object([("object", "list"), ("data", .array([]))]))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask {
            let answer = try await client.post(
              "/v1/completions", "{\"model\":\"tiny\",\"prompt\":\"a\",\"max_tokens\":100,\"ignore_eos\":true}")
            #expect(answer.status == .ok)
          }
        }
        var waiting: JSONValue?
        for _ in 0..<1000 where waiting == nil {
          waiting = try await client.execute(uri: "/inflight/waiting", method: .get).json["data"]?[0]
          try await Task.sleep(for: .milliseconds(5))
        }
        let request = try #require(waiting?["request"]?.intValue)
        #expect(waiting?["cause"] == "batch_size" && waiting?["numbers"] == .object([("limit", 1)]))
        #expect(waiting?["reason"]?.stringValue?.contains("request \(request) waits for a place in the batch") == true)
        try await group.waitForAll()
      }
    }
  }
}
