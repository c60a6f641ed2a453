import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import NIOCore
import Server
import TestKit
import Testing

/// What requests say about how tokens are chosen and what answers look like, over HTTP.
@Suite struct ControlsTests {
  private let chat = #""messages": [{"role": "user", "content": "Hi"}]"#

  @Test func severalAnswersAreThoseOfTheStream() async throws {
    try await TinyServer().serve { client in
      let body = #""prompt": ["ab", "cd"], "max_tokens": 8, "seed": 3, "n": 3, "ignore_eos": true"#
      let whole = try await client.post("/v1/completions", "{\(body)}").json
      let texts = whole["choices"]?.arrayValue?.compactMap { $0["text"]?.stringValue } ?? []
      #expect(texts.count == 6 && Set(texts).count > 2)
      #expect(whole["choices"]?.arrayValue?.compactMap { $0["index"]?.intValue } == Array(0..<6))
      #expect(whole["usage"]?["completion_tokens"] == 48)
      #expect(whole["usage"]?["prompt_tokens"] == 4)
      let events = try await client.post("/v1/completions", "{\(body), \"stream\": true}").events
      var streamed = Array(repeating: "", count: 6)
      var ends = 0
      for choice in events.compactMap({ $0["choices"]?[0] }) {
        streamed[choice["index"]?.intValue ?? 0] += choice["text"]?.stringValue ?? ""
        if choice["finish_reason"] == "length" { ends += 1 }
      }
      #expect(streamed == texts && ends == 6)
      let messages = try await client.post("/v1/chat/completions", "{\(chat), \"n\": 2, \"max_tokens\": 4}").json
      #expect(messages["choices"]?.arrayValue?.count == 2)
      #expect(messages["choices"]?[1]?["index"] == 1)
    }
  }

  /// Greedy answers are the same, so that one is generated for all, and said as often as it is asked for.
  @Test func severalGreedyAnswersAreOne() async throws {
    let server = try await TinyServer()
    let llm = server.llm
    try await server.serve { client in
      let body = #""prompt": ["ab", "cd"], "max_tokens": 8, "temperature": 0, "n": 3, "ignore_eos": true"#
      let before = llm.statistics().generatedTokenCount
      let whole = try await client.post("/v1/completions", "{\(body)}").json
      let texts = whole["choices"]?.arrayValue?.compactMap { $0["text"]?.stringValue } ?? []
      #expect(texts.count == 6 && Set(texts[..<3]).count == 1 && Set(texts[3...]).count == 1)
      #expect(whole["usage"]?["completion_tokens"] == 48)
      let events = try await client.post("/v1/completions", "{\(body), \"stream\": true}").events
      var streamed = Array(repeating: "", count: 6)
      for choice in events.compactMap({ $0["choices"]?[0] }) {
        streamed[choice["index"]?.intValue ?? 0] += choice["text"]?.stringValue ?? ""
      }
      #expect(streamed == texts)
      #expect(llm.statistics().generatedTokenCount - before <= 2 * 2 * 8)
    }
  }

  @Test func beamsAreThoseOfTheLibrary() async throws {
    let server = try await TinyServer()
    let llm = server.llm
    try await server.serve { client in
      let params = BeamSearchParams(width: 4, maxTokens: 6, n: 2, lengthPenalty: 0.5)
      let expected = try await llm.beamSearch(tokens: [97, 98], params)
      let beams = #""use_beam_search": true, "n": 2, "best_of": 4, "max_tokens": 6, "length_penalty": 0.5"#
      let json = try await client.post("/v1/completions", #"{"prompt": "ab", "temperature": 0, \#(beams)}"#).json
      #expect(json["choices"]?.arrayValue?.compactMap { $0["text"]?.stringValue } == expected.map(\.text))
      #expect(
        json["choices"]?.arrayValue?.compactMap { $0["finish_reason"]?.stringValue }
          == expected.map { $0.hasEnded ? "stop" : "length" })
      #expect(json["usage"]?["prompt_tokens"] == 2)
      let two = try await client.post("/v1/completions", #"{"prompt": ["ab", "ab"], \#(beams)}"#).json
      #expect(two["choices"]?.arrayValue?.compactMap { $0["index"]?.intValue } == [0, 1, 2, 3])
      #expect(two["choices"]?[3]?["text"]?.stringValue == expected[1].text)
      let said = try await client.post(
        "/v1/chat/completions", "{\(chat), \"use_beam_search\": true, \"n\": 2, \"max_tokens\": 5}"
      ).json
      #expect(said["choices"]?.arrayValue?.count == 2)
      for (body, field) in [
        (#""use_beam_search": true, "stream": true"#, "stream"), (#""use_beam_search": true, "top_p": 0.9"#, "top_p"),
        (#""use_beam_search": true, "temperature": 1"#, "temperature"), (#""length_penalty": 1"#, "length_penalty"),
        (#""use_beam_search": true, "n": 3, "best_of": 2"#, "n"),
      ] {
        let answer = try await client.post("/v1/completions", "{\"prompt\": \"a\", \(body)}")
        #expect(answer.status == .badRequest, "\(body)")
        #expect(try answer.json["error"]?["param"]?.stringValue == field, "\(body)")
      }
    }
  }

  @Test func theBestAreReturned() async throws {
    try await TinyServer().serve { client in
      let body = #""prompt": "ab", "max_tokens": 6, "seed": 3, "ignore_eos": true, "logprobs": 0"#
      func means(_ text: String) async throws -> [Double] {
        try await client.post("/v1/completions", text).json["choices"]?.arrayValue?.map { choice in
          let values = choice["logprobs"]?["token_logprobs"]?.arrayValue?.compactMap(\.doubleValue) ?? []
          return values.reduce(0, +) / Double(values.count)
        } ?? []
      }
      let all = try await means("{\(body), \"n\": 5}")
      #expect(try await means("{\(body), \"n\": 2, \"best_of\": 5}") == Array(all.sorted(by: >).prefix(2)))
      let refused = try await client.post("/v1/completions", "{\(body), \"best_of\": 2, \"stream\": true}")
      #expect(refused.status == .badRequest)
      #expect(try refused.json["error"]?["param"] == "best_of")
    }
  }

  @Test func stopStringsCutTheAnswer() async throws {
    var script = FakeModelEngine.Script()
    script.wantedToken = { TokenID(97 + $0.count % 26) }
    try await TinyServer(script: script).serve { client in
      let whole = try await client.post("/v1/completions", #"{"prompt": "a", "temperature": 0}"#).json
      let text = try #require(whole["choices"]?[0]?["text"]?.stringValue)
      #expect(text == "bcdefghijklmnopq")
      let cut = try await client.post("/v1/completions", #"{"prompt": "a", "temperature": 0, "stop": ["zz", "ef"]}"#)
        .json
      #expect(cut["choices"]?[0]?["text"] == "bcd" && cut["choices"]?[0]?["finish_reason"] == "stop")
      let kept = try await client.post(
        "/v1/completions",
        #"{"prompt": "a", "temperature": 0, "stop": "ef", "include_stop_str_in_output": true}"#
      ).json
      #expect(kept["choices"]?[0]?["text"] == "bcdef")
    }
  }

  @Test func theEchoHasTheLogprobsOfThePrompt() async throws {
    try await TinyServer().serve { client in
      let json = try await client.post(
        "/v1/completions",
        #"{"prompt": "abc", "max_tokens": 2, "logprobs": 1, "echo": true, "ignore_eos": true, "seed": 1, "n": 2}"#
      ).json
      #expect(json["choices"]?.arrayValue?.count == 2)
      for choice in json["choices"]?.arrayValue ?? [] {
        #expect(choice["text"]?.stringValue?.hasPrefix("abc") == true)
        let logprobs = choice["logprobs"]
        for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
          #expect(logprobs?[list]?.arrayValue?.count == 5)
        }
        #expect(logprobs?["token_logprobs"]?[0] == .null && logprobs?["token_logprobs"]?[1]?.doubleValue != nil)
        #expect(logprobs?["text_offset"]?.arrayValue?.prefix(4).compactMap(\.intValue) == [0, 1, 2, 3])
      }
    }
  }

  @Test func contradictionsNameTheField() async throws {
    try await TinyServer().serve { client in
      for (body, field) in [
        (#""n": 3, "best_of": 2"#, "best_of"), (#""n": 3, "best_of": 2, "temperature": 0"#, "best_of"),
        (#""min_tokens": 9, "max_tokens": 3"#, "min_tokens"),
        (#""include_stop_str_in_output": true"#, "include_stop_str_in_output"),
        (#""stop": """#, "stop"), (#""guided_regex": "(""#, "guided_regex"),
        (#""guided_regex": "a", "guided_choice": ["b"]"#, "guided_choice"),
        (#""guided_regex": "a", "ignore_eos": true"#, "ignore_eos"),
        (#""response_format": {"type": "json_object"}, "min_tokens": 2"#, "min_tokens"),
        (#""response_format": {"type": "json_schema"}"#, "response_format.json_schema"),
        (#""guided_json": {"type": "colour"}"#, "guided_json"),
      ] {
        let answer = try await client.post("/v1/completions", "{\"prompt\": \"a\", \(body)}")
        #expect(answer.status == .badRequest, "\(body)")
        #expect(try answer.json["error"]?["param"]?.stringValue == field, "\(body)")
      }
    }
  }

  @Test func answersFollowTheirGrammar() async throws {
    let schema =
      #"{"type": "object", "properties": {"x": {"type": "integer", "maximum": 99, "minimum": 0}}, "required": ["x"], "additionalProperties": false}"#
    let format =
      "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"s\", \"schema\": \(schema)}}"
    try await TinyServer().serve { client in
      for seed in 0..<5 {
        let json = try await client.post("/v1/chat/completions", "{\(chat), \(format), \"seed\": \(seed)}").json
        let text = try #require(json["choices"]?[0]?["message"]?["content"]?.stringValue)
        #expect((0...99).contains(try JSONValue(parsing: text)["x"]?.intValue ?? -1), "\(text)")
        #expect(json["choices"]?[0]?["finish_reason"] == "stop")
        let choice = try await client.post(
          "/v1/completions", "{\"prompt\": \"a\", \"guided_choice\": [\"yes\", \"no\"], \"seed\": \(seed)}"
        ).json
        #expect(["yes", "no"].contains(choice["choices"]?[0]?["text"]?.stringValue))
        let response = try await client.post(
          "/v1/responses",
          "{\"input\": \"a\", \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"s\", \"schema\": \(schema)}}}"
        ).json
        let output = try #require(response["output"]?[0]?["content"]?[0]?["text"]?.stringValue)
        #expect(try JSONValue(parsing: output)["x"]?.intValue != nil)
      }
    }
  }

  @Test func toolsAreCalledWhereTheyMustBe() async throws {
    let tools = ##"""
      "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {
          "type": "object", "properties": {"x": {"$ref": "#/$defs/n"}}, "required": ["x"],
          "additionalProperties": false, "$defs": {"n": {"enum": [1, 2]}}}}},
        {"type": "function", "function": {"name": "g", "parameters": {
          "type": "object", "properties": {}, "additionalProperties": false}}}]
      """##
    try await TinyServer().serve { client in
      for (choice, names) in [
        (#""required""#, ["f", "g"]), (#"{"type": "function", "function": {"name": "f"}}"#, ["f"]),
      ] {
        let json = try await client.post(
          "/v1/chat/completions", "{\(chat), \(tools), \"tool_choice\": \(choice), \"seed\": 4}"
        ).json
        #expect(json["choices"]?[0]?["finish_reason"] == "tool_calls")
        let call = json["choices"]?[0]?["message"]?["tool_calls"]?[0]?["function"]
        #expect(names.contains(call?["name"]?.stringValue ?? ""))
        if call?["name"] == "f" {
          let arguments = try JSONValue(parsing: call?["arguments"]?.stringValue ?? "")
          #expect([1, 2].contains(arguments["x"]?.intValue ?? 0))
        }
        let deltas = try await client.post(
          "/v1/chat/completions",
          "{\(chat), \(tools), \"tool_choice\": \(choice), \"seed\": 4, \"stream\": true, \"logprobs\": true}"
        ).events.compactMap { $0["choices"]?[0] }
        let functions = deltas.compactMap { $0["delta"]?["tool_calls"]?[0]?["function"] }
        #expect(functions.first?["name"] == call?["name"])
        #expect(functions.compactMap { $0["arguments"]?.stringValue }.joined() == call?["arguments"]?.stringValue)
        // Every token has its log-probability, those that are said of a call too.
        let count = deltas.reduce(0) { $0 + ($1["logprobs"]?["content"]?.arrayValue?.count ?? 0) }
        #expect(count == json["usage"]?["completion_tokens"]?.intValue)
      }
      let wrong = try await client.post(
        "/v1/chat/completions",
        "{\(chat), \(tools), \"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"h\"}}}")
      #expect(try wrong.json["error"]?["param"] == "tool_choice")
    }
  }

  /// Names of properties are no keywords, and null is no schema.
  @Test func schemasOfToolsMoveWhole() async throws {
    let tools = ##"""
      "tools": [{"type": "function", "function": {"name": "f", "parameters": {
        "type": "object", "properties": {"default": {"$ref": "#/$defs/n"}}, "required": ["default"],
        "additionalProperties": false, "$defs": {"n": {"enum": [1, 2]}}}}}]
      """##
    let without = #""tools": [{"type": "function", "function": {"name": "f", "parameters": null}}]"#
    try await TinyServer().serve { client in
      let path = "/v1/chat/completions"
      let json = try await client.post(path, "{\(chat), \(tools), \"tool_choice\": \"required\", \"seed\": 4}").json
      let call = json["choices"]?[0]?["message"]?["tool_calls"]?[0]?["function"]
      let arguments = try JSONValue(parsing: call?["arguments"]?.stringValue ?? "")
      #expect([1, 2].contains(arguments["default"]?.intValue ?? 0))
      let any = try await client.post(
        path, "{\(chat), \(without), \"tool_choice\": \"required\", \"seed\": 4, \"max_tokens\": 20}")
      #expect(any.status == .ok)
    }
  }

  /// The engine wants to say nothing but the mark of a call, again and again; what follows the mark is the schema's.
  @Test func strictCallsHaveTheFormOfTheirSchema() async throws {
    let opening = Array("<tool_call>".utf8).map(TokenID.init)
    let closing = Array("</tool_call>".utf8).map(TokenID.init)
    var script = FakeModelEngine.Script()
    script.wantedToken = { history in
      if history.suffix(closing.count).elementsEqual(closing) { return 256 }
      let begun = opening.indices.last { history.suffix($0).elementsEqual(opening[..<$0]) } ?? 0
      return opening[begun]
    }
    @Sendable func tools(_ strict: Bool) -> String {
      #""tools": [{"type": "function", "function": {"name": "f", "strict": \#(strict), "parameters": {"type": "object","#
        + #""properties": {"x": {"enum": [1, 2]}}, "required": ["x"], "additionalProperties": false}}}]"#
    }
    try await TinyServer(script: script).serve { client in
      let body = "{\(chat), \(tools(true)), \"temperature\": 0, \"max_tokens\": 100}"
      let json = try await client.post("/v1/chat/completions", body).json
      #expect(json["choices"]?[0]?["finish_reason"] == "tool_calls")
      let call = json["choices"]?[0]?["message"]?["tool_calls"]?[0]?["function"]
      #expect(call?["name"] == "f" && ["{\"x\":1}", "{\"x\":2}"].contains(call?["arguments"]?.stringValue))
      let free = "{\(chat), \(tools(false)), \"temperature\": 0, \"max_tokens\": 100}"
      #expect(try await client.post("/v1/chat/completions", free).json["choices"]?[0]?["finish_reason"] == "length")
      let both = "{\(chat), \(tools(true)), \"response_format\": {\"type\": \"json_object\"}}"
      #expect(try await client.post("/v1/chat/completions", both).json["error"]?["param"] == "response_format")
    }
  }

  @Test func thePageIsServedWithoutAKey() async throws {
    var options = ServerOptions()
    options.apiKeys = ["secret"]
    try await TinyServer(options: options).serve { client in
      for asset in PageAssets.all {
        let answer = try await client.execute(uri: asset.path, method: .get)
        #expect(answer.status == .ok && Array(buffer: answer.body) == asset.body)
        #expect(answer.headers[.contentType] == asset.contentType && answer.headers[.eTag] == asset.entityTag)
        for (name, value) in PageAssets.headers { #expect(answer.headers[try #require(HTTPField.Name(name))] == value) }
        let again = try await client.execute(
          uri: asset.path, method: .get, headers: [.ifNoneMatch: "\"x\", W/\(asset.entityTag)"])
        #expect(again.status == .notModified && again.body.readableBytes == 0)
      }
      let head = try await client.execute(uri: "/", method: .head)
      #expect(head.status == .ok && head.body.readableBytes == 0)
      #expect(try await client.post("/", "{}").status == .methodNotAllowed)
      #expect(try await client.execute(uri: "/v1/models", method: .get).status == .unauthorized)
    }
  }
}

extension [UInt8] {
  fileprivate init(buffer: ByteBuffer) { self = Array(buffer.readableBytesView) }
}
