import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Inflight
import JSON
import NIOCore
import Server
import TestKit
import Testing

@Suite struct RoutesTests {
  private let chat = #""messages": [{"role": "user", "content": "Hi"}]"#

  @Test func aStreamSaysWhatAWholeAnswerSays() async throws {
    try await TinyServer().serve { client in
      let body = #""max_tokens": 12, "seed": 3, "ignore_eos": true"#
      let whole = try await client.post("/v1/chat/completions", "{\(chat), \(body)}")
      #expect(whole.status == .ok)
      let stream = try await client.post(
        "/v1/chat/completions", "{\(chat), \(body), \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
      #expect(stream.headers[.contentType] == "text/event-stream")
      #expect(stream.text.hasSuffix("data: [DONE]\n\n"))
      let events = try stream.events
      let text = events.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
      #expect(text == (try whole.json)["choices"]?[0]?["message"]?["content"]?.stringValue)
      #expect(events.first?["choices"]?[0]?["delta"]?["role"] == "assistant")
      #expect(events.dropLast().last?["choices"]?[0]?["finish_reason"] == "length")
      // The second one found the first one's prompt in the cache.
      #expect(events.last?["usage"]?["completion_tokens"] == 12)
      #expect((events.last?["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.intValue ?? 0) > 0)
    }
  }

  @Test func completionsHaveLogprobsOfEveryToken() async throws {
    try await TinyServer().serve { client in
      let answer = try await client.post(
        "/v1/completions", #"{"prompt": ["a", "bc"], "max_tokens": 3, "logprobs": 2, "ignore_eos": true}"#)
      let json = try answer.json
      #expect(json["choices"]?.arrayValue?.count == 2)
      #expect(json["usage"]?["prompt_tokens"] == 3)
      for choice in json["choices"]?.arrayValue ?? [] {
        for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
          #expect(choice["logprobs"]?[list]?.arrayValue?.count == 3)
        }
      }
    }
  }

  @Test func theEndOfTheSequenceIsAStop() async throws {
    var script = FakeModelEngine.Script()
    script.wantedToken = { $0.count < 8 ? 97 : 256 }
    try await TinyServer(script: script).serve { client in
      let json = try await client.post("/v1/completions", #"{"prompt": "abcd", "temperature": 0}"#).json
      #expect(json["choices"]?[0]?["text"] == "aaaa")
      #expect(json["choices"]?[0]?["finish_reason"] == "stop")
    }
  }

  @Test func callsOfToolsAreFound() async throws {
    let answer = Array(#"<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>"#.utf8)
    let start = "1<|turn|>user: Hi<|turn|>assistant: ".replacing("<|turn|>", with: "T").utf8.count
    var script = FakeModelEngine.Script()
    script.wantedToken = { history in
      let place = history.count - start
      return place < answer.count ? TokenID(answer[max(0, place)]) : 256
    }
    let tools = #""tools": [{"type": "function", "function": {"name": "f"}}], "temperature": 0"#
    try await TinyServer(script: script).serve { client in
      let whole = try await client.post("/v1/chat/completions", "{\(chat), \(tools)}").json["choices"]?[0]
      #expect(whole?["finish_reason"] == "tool_calls")
      #expect(whole?["message"]?["content"] == .null)
      #expect(whole?["message"]?["tool_calls"]?[0]?["function"]?["arguments"] == #"{"x":1}"#)
      let events = try await client.post("/v1/chat/completions", "{\(chat), \(tools), \"stream\": true}").events
      let calls = events.compactMap { $0["choices"]?[0]?["delta"]?["tool_calls"]?[0] }
      #expect(calls.first?["id"]?.stringValue?.hasPrefix("call_") == true && calls.first?["type"] == "function")
      #expect(calls.first?["function"]?["name"] == "f" && calls.first?["function"]?["arguments"] == "")
      #expect(calls.allSatisfy { $0["index"] == 0 })
      #expect(calls.dropFirst().allSatisfy { $0["id"] == nil && $0["function"]?["name"] == nil })
      let arguments = calls.map { $0["function"]?["arguments"]?.stringValue ?? "" }
      #expect(arguments.joined() == #"{"x":1}"#)
      // A letter of the arguments is a token here, and each comes when it is generated.
      #expect(arguments.count == 1 + #"{"x":1}"#.utf8.count)
      #expect(events.compactMap { $0["choices"]?[0]?["finish_reason"]?.stringValue } == ["tool_calls"])
      let none = try await client.post("/v1/chat/completions", "{\(chat), \(tools), \"tool_choice\": \"none\"}").json
      #expect(none["choices"]?[0]?["finish_reason"] == "stop")
    }
  }

  @Test func aFailingEngineIsAnError() async throws {
    var script = FakeModelEngine.Script()
    script.isPoisoned = { $0.count > 6 }
    try await TinyServer(script: script).serve { client in
      let whole = try await client.post("/v1/completions", #"{"prompt": "abcde"}"#)
      #expect(whole.status == .internalServerError)
      #expect(try whole.json["error"]?["type"] == "server_error")
      let stream = try await client.post("/v1/completions", #"{"prompt": "abcde", "stream": true}"#)
      #expect(try stream.events.last?["error"]?["code"] == "engine_failed")
      #expect(stream.text.hasSuffix("data: [DONE]\n\n"))
    }
  }

  @Test func statusesAreThoseOfTheAPI() async throws {
    var options = ServerOptions()
    options.maximumBodyBytes = 1000
    options.maximumDepth = 8
    options.maximumMessages = 2
    try await TinyServer(options: options).serve { client in
      #expect(try await client.post("/v1/completions", #"{"prompt": "a", "model": "b"}"#).status == .notFound)
      #expect(try await client.post("/v1/completions", "{").status == .badRequest)
      let deep = try await client.post("/v1/completions", #"{"prompt": [[[[[[[[[1]]]]]]]]]}"#)
      #expect(try deep.json["error"]?["code"] == "invalid_json")
      let long = "{\"prompt\": \"" + String(repeating: "a", count: 600) + "\"}"
      #expect(try await client.post("/v1/completions", long).json["error"]?["code"] == "context_length_exceeded")
      let message = #"{"role": "user", "content": "a"}"#
      let many = try await client.post("/v1/chat/completions", "{\"messages\": [\(message), \(message), \(message)]}")
      #expect(try many.json["error"]?["param"] == "messages")
      #expect(try await client.execute(uri: "/nothing", method: .get).status == .notFound)
      let wrong = try await client.execute(uri: "/v1/completions", method: .get)
      #expect(wrong.status == .methodNotAllowed)
      #expect(wrong.headers[.allow] == "POST")
      #expect(try await client.post("/v1/embeddings", #"{"input": "a"}"#).status == .notImplemented)
      let text = try await client.execute(
        uri: "/tokenize", method: .post, headers: [.contentType: "text/plain"], body: ByteBuffer(string: "{}"))
      #expect(text.status == .unsupportedMediaType)
      let big = String(repeating: "a", count: 2000)
      #expect(try await client.post("/tokenize", "{\"prompt\": \"\(big)\"}").status == .contentTooLarge)
    }
  }

  /// What only the engine can refuse is said of the field that the request has.
  @Test(arguments: [
    ("/v1/completions", #""prompt": [1, 999999]"#, "prompt", "invalid_value"),
    ("/v1/completions", #""prompt": "a", "logit_bias": {"999999": 1}"#, "logit_bias", "invalid_value"),
    ("/v1/completions", #""prompt": "a", "stop_token_ids": [999999]"#, "stop_token_ids", "invalid_value"),
    ("/v1/completions", #""prompt": "a", "max_tokens": 100000"#, "max_tokens", "context_length_exceeded"),
    ("/v1/completions", #""prompt": "a", "n": 100"#, "n", "invalid_value"),
    ("/v1/completions", #""prompt": "a", "best_of": 100"#, "best_of", "invalid_value"),
    ("/v1/completions", #""prompt": "LONG""#, "prompt", "context_length_exceeded"),
    (
      "/v1/chat/completions", #""messages": [{"role": "user", "content": "LONG"}]"#, "messages",
      "context_length_exceeded"
    ),
    (
      "/v1/chat/completions", #""messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 100000"#,
      "max_completion_tokens", "context_length_exceeded"
    ),
    ("/v1/responses", #""input": "LONG""#, "input", "context_length_exceeded"),
    ("/v1/responses", #""input": "a", "max_output_tokens": 100000"#, "max_output_tokens", "context_length_exceeded"),
    ("/v1/embeddings", #""input": "LONG""#, "input", "context_length_exceeded"),
  ])
  func refusalsOfTheEngineNameTheField(path: String, members: String, field: String, code: String) async throws {
    var executor = ExecutorConfiguration()
    executor.maximumBatchSize = 8
    try await TinyServer(executor: executor, hiddenSize: 8).serve { client in
      let body = members.replacing("LONG", with: String(repeating: "a", count: 600))
      for stream in path == "/v1/embeddings" ? [""] : ["", ", \"stream\": true"] {
        guard stream.isEmpty || !members.contains("best_of") else { continue }
        let answer = try await client.post(path, "{\(body)\(stream)}")
        #expect(answer.status == .badRequest)
        let error = try answer.json["error"]
        #expect(error?["param"]?.stringValue == field && error?["code"]?.stringValue == code)
        #expect(error?["message"]?.stringValue?.hasPrefix("\(field): ") == true)
      }
    }
  }

  @Test func healthFollowsTheLifeOfTheServer() async throws {
    let server = try await TinyServer(isReady: false)
    let (state, llm) = (server.state, server.llm)
    try await server.serve { client in
      state.loaded(0.5)
      let loading = try await client.execute(uri: "/health", method: .get)
      #expect(loading.status == .serviceUnavailable)
      #expect(try loading.json["status"] == "loading")
      let early = try await client.post("/v1/completions", #"{"prompt": "a"}"#)
      #expect(early.status == .serviceUnavailable)
      #expect(early.headers[.retryAfter] != nil)
      state.becomeReady(llm)
      #expect(try await client.execute(uri: "/health", method: .get).status == .ok)
      #expect(try await client.post("/v1/completions", #"{"prompt": "a", "max_tokens": 1}"#).status == .ok)
      state.beginDraining()
      let draining = try await client.execute(uri: "/health", method: .get)
      #expect(try draining.json["status"] == "draining")
      #expect(draining.headers[.connection] == "close")
      // What was loaded late does not undo the end.
      state.becomeReady(llm)
      #expect(state.phase == .draining)
    }
  }

  @Test func aStuckEngineIsUnhealthy() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    var options = ServerOptions()
    options.stallTimeout = 0.05
    let server = try await TinyServer(options: options, script: script)
    let state = server.state
    try await server.serve { client in
      async let answer = client.post("/v1/completions", #"{"prompt": "a", "max_tokens": 1}"#)
      // The client has one connection, which the answer keeps busy: the state is asked directly.
      for _ in 0..<500 where state.illness == nil { try await Task.sleep(for: .milliseconds(10)) }
      #expect(state.illness?.status == "stalled")
      gate.open()
      #expect(try await answer.status == .ok)
      #expect(try await client.execute(uri: "/health", method: .get).status == .ok)
    }
  }

  @Test func theDocumentKnowsEveryFieldAndEveryPath() async throws {
    let bodies = [
      "/v1/chat/completions": RouteFields.chat, "/v1/completions": RouteFields.completions,
      "/v1/responses": RouteFields.responses, "/v1/embeddings": RouteFields.embeddings,
      "/tokenize": RouteFields.tokenize, "/detokenize": RouteFields.detokenize,
    ]
    let others = [
      "/health", "/version", "/metrics", "/openapi.json", "/v1/models", "/v1/models/{model}", "/v1/kv_cache/events",
      "/inflight/state", "/inflight/waiting",
    ]
    try await TinyServer().serve { client in
      let document = try await client.execute(uri: "/openapi.json", method: .get).json
      let paths = document["paths"]?.objectValue?.members ?? []
      #expect(Set(paths.map(\.key)) == Set(Array(bodies.keys) + others) && paths.count == bodies.count + others.count)
      for (path, fields) in bodies {
        #expect(document["paths"]?[path]?.objectValue?.members.map(\.key) == ["post"])
        let schema = document["paths"]?[path]?["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]
        #expect(schema?["additionalProperties"] == false)
        #expect(schema?["properties"]?.objectValue?.members.map(\.key) == fields.map(\.name))
        // What is in it is known to the route, and nothing else is.
        for name in schema?["properties"]?.objectValue?.members.map(\.key) ?? [] {
          let answer = try await client.post(path, "{\"\(name)\": [[[]]]}")
          let code = try answer.json["error"]?["code"]?.stringValue
          #expect(answer.status == .badRequest && code != "unknown_parameter", "\(name)")
        }
        let unknown = try await client.post(path, "{\"no_such_field\": 1}")
        #expect(try unknown.json["error"]?["code"] == "unknown_parameter")
      }
      for path in others where !path.hasSuffix("state") {
        let status = try await client.execute(uri: path.replacing("{model}", with: "tiny"), method: .get).status
        #expect(status == (path.hasSuffix("events") ? .notImplemented : .ok), "\(path)")
      }
    }
  }

  @Test func requestIDsGoRound() async throws {
    try await TinyServer().serve { client in
      let name = try #require(HTTPField.Name("x-request-id"))
      let given = try await client.execute(uri: "/version", method: .get, headers: [name: "mine"])
      #expect(given.headers[name] == "mine")
      let made = try await client.execute(uri: "/version", method: .get)
      #expect(made.headers[name]?.hasPrefix("req-") == true)
    }
  }

  @Test func pathsWithEscapesNameModels() async throws {
    try await TinyServer().serve { client in
      #expect(try await client.execute(uri: "/v1/models/t%69ny", method: .get).json["id"] == "tiny")
      for path in ["/v1/models/%", "/v1/models/%zz", "/v1/models/a%2Fb", "/v1/models/"] {
        let status = try await client.execute(uri: path, method: .get).status
        #expect(status == .notFound, "\(path)")
      }
    }
  }
}
