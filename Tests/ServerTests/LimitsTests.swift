import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Logging
import NIOCore
import Server
import Synchronization
import TestKit
import Testing

/// What one request may ask for, and what becomes of it where there is no room or no end.
@Suite struct LimitsTests {
  private let chat = #""messages": [{"role": "user", "content": "Hi"}]"#

  @Test func logprobsAreCountedAtTheDoor() async throws {
    var options = ServerOptions()
    options.maximumLogprobs = 100
    try await TinyServer(options: options).serve { client in
      for (path, body, field) in [
        ("/v1/completions", #""prompt": "a", "n": 3, "max_tokens": 10, "logprobs": 4"#, "logprobs"),
        ("/v1/completions", #""prompt": ["a", "b", "c"], "max_tokens": 10, "logprobs": 4"#, "logprobs"),
        (
          "/v1/completions", #""prompt": "aaaaaaaaaaaaaaaaaaaaaaaaa", "max_tokens": 1, "echo": true, "logprobs": 4"#,
          "logprobs"
        ),
        (
          "/v1/chat/completions", "\(chat), \"n\": 3, \"max_tokens\": 10, \"logprobs\": true, \"top_logprobs\": 4",
          "top_logprobs"
        ),
        ("/v1/chat/completions", "\(chat), \"logprobs\": true", "logprobs"),
      ] {
        let answer = try await client.post(path, "{\(body), \"temperature\": 0}")
        #expect(answer.status == .badRequest, "\(body)")
        #expect(try answer.json["error"]?["param"]?.stringValue == field, "\(body)")
        #expect(try answer.json["error"]?["message"]?.stringValue?.contains("100") == true)
      }
      let enough = try await client.post(
        "/v1/completions", #"{"prompt": "a", "n": 2, "max_tokens": 10, "logprobs": 4, "temperature": 0}"#)
      #expect(enough.status == .ok)
    }
  }

  /// What is generated once is written once, and is the same everywhere.
  @Test func copiesOfAnAnswerAreTheAnswer() async throws {
    try await TinyServer().serve { client in
      for (path, body) in [
        ("/v1/completions", #""prompt": ["ab", "cd"], "logprobs": 2, "echo": true"#),
        ("/v1/chat/completions", "\(chat), \"logprobs\": true, \"top_logprobs\": 2"),
      ] {
        let rest = #""temperature": 0, "max_tokens": 6, "ignore_eos": true"#
        let one = try await client.post(path, "{\(body), \(rest)}").json["choices"]?.arrayValue ?? []
        let three = try await client.post(path, "{\(body), \(rest), \"n\": 3}").json["choices"]?.arrayValue ?? []
        #expect(three.count == 3 * one.count && !one.isEmpty)
        for (index, choice) in three.enumerated() {
          #expect(choice["index"]?.intValue == index)
          #expect(
            choice.objectValue?.members.dropFirst().map(\.value)
              == one[index / 3].objectValue?.members.dropFirst().map(\.value))
        }
        #expect(Set(three.compactMap { $0["logprobs"]?.serialized() }).count == one.count)
        let events = try await client.post(path, "{\(body), \(rest), \"n\": 3, \"stream\": true}").events
        for index in three.indices {
          let mine = events.compactMap { $0["choices"]?[0] }.filter { $0["index"]?.intValue == index }
          let text = mine.compactMap { ($0["delta"]?["content"] ?? $0["text"])?.stringValue }.joined()
          #expect(text == (three[index]["message"]?["content"] ?? three[index]["text"])?.stringValue)
        }
      }
    }
  }

  /// One token is a byte here, so that characters have several.
  @Test func tokensOfThePromptBeginWhereTheirCharactersDo() async throws {
    try await TinyServer().serve { client in
      let json = try await client.post(
        "/v1/completions",
        #"{"prompt": "hé😀 x", "echo": true, "logprobs": 1, "max_tokens": 1, "ignore_eos": true, "logit_bias": {"97": 100}}"#
      ).json
      let offsets = json["choices"]?[0]?["logprobs"]?["text_offset"]?.arrayValue?.compactMap(\.intValue)
      #expect(offsets == [0, 1, 1, 2, 2, 2, 2, 3, 4, 5])
    }
  }

  @Test func embeddingsWaitForRoom() async throws {
    var executor = ExecutorConfiguration()
    (executor.maximumBatchSize, executor.maximumQueuedRequests) = (4, 8)
    try await TinyServer(executor: executor, hiddenSize: 8).serve { client in
      for count in [12, 13, 20, 300] {
        let inputs = JSONValue.array((0..<count).map { .string("text \($0)") }).serialized()
        let answer = try await client.post("/v1/embeddings", "{\"input\": \(inputs)}")
        #expect(try answer.status == .ok && answer.json["data"]?.arrayValue?.count == count)
      }
    }
  }

  /// Each of several prompts takes as many places as it has answers.
  @Test func promptsThatNeverHaveRoomAreRefused() async throws {
    var executor = ExecutorConfiguration()
    (executor.maximumBatchSize, executor.maximumQueuedRequests) = (4, 8)
    try await TinyServer(executor: executor).serve { client in
      func ask(_ count: Int, _ fields: String) async throws -> TestResponse {
        let prompts = JSONValue.array(Array(repeating: "a", count: count)).serialized()
        return try await client.post("/v1/completions", "{\"prompt\": \(prompts), \"max_tokens\": 1, \(fields)}")
      }
      for _ in 0..<20 {
        #expect(try await ask(12, #""n": 1"#).status == .ok)
        #expect(try await ask(9, #""n": 4"#).status == .ok)
        #expect(try await ask(9, #""use_beam_search": true, "n": 3"#).status == .ok)
      }
      for (count, fields) in [(13, #""n": 1"#), (10, #""n": 4"#), (10, #""use_beam_search": true, "n": 3"#)] {
        let answer = try await ask(count, fields)
        #expect(try answer.status == .badRequest && answer.json["error"]?["param"] == "prompt", "\(fields)")
      }
    }
  }

  @Test(arguments: ["", ", \"stream\": true"])
  func timeEndsEvenIfTheEngineIsStuck(stream: String) async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    var options = ServerOptions()
    options.requestTimeout = 0.25
    let server = try await TinyServer(options: options, script: script)
    let state = server.state
    try await server.serve { client in
      let answer = try await client.post("/v1/completions", "{\"prompt\": [\"a\", \"b\"], \"max_tokens\": 1\(stream)}")
      #expect(answer.text.contains("request_timeout") && answer.text.contains("longer than 0.25 seconds"))
      #expect(answer.status == (stream.isEmpty ? .gatewayTimeout : .ok))
      let metrics = state.metrics.text(model: "m", statistics: nil, activeRequests: 0)
      #expect(metrics.contains(#"inflight_request_failure_total{model_name="m",reason="request_timeout"} 1"#))
      #expect(!metrics.contains("inflight_request_success_total{"))
      gate.open()
    }
  }

  @Test func aStuckEngineDoesNotHoldUpTheEnd() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    var options = ServerOptions()
    (options.port, options.drainTimeout, options.stallTimeout) = (0, 0.1, 0.2)
    let llm = try await TinyServer(script: script).llm
    let server = InflightServer(options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
      _, _ in llm
    }
    let run = Task { try await server.run() }
    while server.state.phase != .ready { try await Task.sleep(for: .milliseconds(5)) }
    let stream = try llm.stream(tokens: [97], SamplingParams(maxTokens: 1))
    try await Task.sleep(for: .milliseconds(50))
    run.cancel()
    await #expect(throws: (any Error).self) { try await run.value }
    gate.open()
    for try await _ in stream {}
  }

  @Test func oneInquiryIsUnderWayHoweverManyAsk() async throws {
    let inquiry = SharedInquiry<Int>()
    let (count, gate) = (Counter(), AsyncStream.makeStream(of: Void.self))
    @Sendable func ask() async -> Int {
      count.add()
      for await _ in gate.stream { break }
      return 7
    }
    for _ in 0..<3 { #expect(await inquiry.value(within: 0.02, ask: ask) == nil) }
    async let late = inquiry.value(within: 60, ask: ask)
    try await Task.sleep(for: .milliseconds(20))
    gate.continuation.yield()
    #expect(await late == 7)
    #expect(count.value == 1)
    #expect(await inquiry.value(within: 60) { 8 } == 8)
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
  }

  @Test func searchesAndRefusalsAreCountedAsWhatTheyAre() async throws {
    let server = try await TinyServer(hiddenSize: 8)
    let state = server.state
    try await server.serve { client in
      let json = try await client.post(
        "/v1/completions", #"{"prompt": "ab", "use_beam_search": true, "n": 2, "max_tokens": 5}"#
      ).json
      let count = try #require(json["usage"]?["completion_tokens"]?.intValue)
      let tokens = JSONValue.array(Array(repeating: 97, count: 600)).serialized()
      #expect(try await client.post("/v1/embeddings", "{\"input\": \(tokens)}").status == .badRequest)
      let metrics = state.metrics.text(model: "m", statistics: nil, activeRequests: 0)
      #expect(metrics.contains("inflight_generation_tokens_total{model_name=\"m\"} \(count)\n"))
      #expect(metrics.contains(#"inflight_time_to_first_token_seconds_count{model_name="m"} 1"#))
      #expect(!metrics.contains("context_length_exceeded"))
    }
  }

  @Test func mediaTypesAreComparedWhole() async throws {
    try await TinyServer().serve { client in
      for (type, status) in [
        ("application/json", HTTPResponse.Status.ok), ("Application/JSON ; charset=utf-8", .ok),
        ("application/jsonp", .unsupportedMediaType), ("application/json-seq", .unsupportedMediaType),
      ] {
        let answer = try await client.execute(
          uri: "/tokenize", method: .post, headers: [.contentType: type], body: ByteBuffer(string: #"{"prompt": "a"}"#))
        #expect(answer.status == status, "\(type)")
      }
    }
  }
}
