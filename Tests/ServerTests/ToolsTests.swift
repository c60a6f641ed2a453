import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Server
import TestKit
import Testing

/// What requests say about tools and forms of answers, where it cannot be done or contradicts itself.
@Suite struct ToolsTests {
  private let messages = #""messages": [{"role": "user", "content": "Hi"}]"#

  private static func tool(_ name: String, _ parameters: String = "{}") -> String {
    #"{"type": "function", "function": {"name": "\#(name)", "parameters": \#(parameters)}}"#
  }

  @Test func toolsThatTheTemplateDoesNotShowAreRefused() async throws {
    try await TinyServer(showsTools: false).serve { client in
      let tools = "\(messages), \"tools\": [\(Self.tool("f"))]"
      for (path, body) in [("/v1/chat/completions", tools), ("/tokenize", tools)] {
        let answer = try await client.post(path, "{\(body)}")
        #expect(answer.status == .badRequest, "\(path)")
        #expect(try answer.json["error"]?["param"] == "tools", "\(path)")
        #expect(try answer.json["error"]?["code"] == "unsupported_parameter", "\(path)")
      }
      for choice in ["none", "required"] {
        let answer = try await client.post(
          "/v1/chat/completions", "{\(tools), \"tool_choice\": \"\(choice)\", \"max_tokens\": 4}")
        #expect(answer.status == .ok, "\(choice)")
      }
    }
  }

  @Test(arguments: [
    // Beside each other.
    (#""tools": [TOOL], "response_format": {"type": "json_object"}"#, "response_format"),
    (#""tools": [TOOL], "guided_regex": "a""#, "guided_regex"),
    (#""tools": [TOOL], "tool_choice": "required", "guided_regex": "a""#, "guided_regex"),
    (#""tools": [TOOL], "parallel_tool_calls": false"#, "parallel_tool_calls"),
    // Members that the type does not ask for.
    (#""response_format": {"type": "text", "json_schema": {"name": "s"}}"#, "response_format.json_schema"),
    (#""response_format": {"type": "json_object", "json_schema": {"name": "s"}}"#, "response_format.json_schema"),
    // Tools that are none.
    (#""tools": [TOOL, TOOL]"#, "tools[1].function.name"),
    (
      #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "colour"}}}]"#,
      "tools[0].function.parameters.type"
    ),
    (
      #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]"#,
      "tools[0].function.parameters.type"
    ),
    (
      #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": 3}}}}]"#,
      "tools[0].function.parameters.properties.x"
    ),
  ])
  func contradictionsNameTheField(members: String, field: String) async throws {
    try await TinyServer().serve { client in
      let body = members.replacing("TOOL", with: Self.tool("f"))
      let answer = try await client.post("/v1/chat/completions", "{\(messages), \(body)}")
      #expect(answer.status == .badRequest)
      #expect(try answer.json["error"]?["param"]?.stringValue == field)
    }
  }

  @Test func whatContradictsNothingIsAccepted() async throws {
    try await TinyServer().serve { client in
      let tool = Self.tool("f", #"{"type": "object", "properties": {"x": {"type": ["integer", "null"]}}}"#)
      for body in [
        "\"tools\": [\(tool)], \"tool_choice\": \"none\", \"response_format\": {\"type\": \"json_object\"}",
        "\"tools\": [\(tool)], \"tool_choice\": \"required\", \"parallel_tool_calls\": false",
        "\"tools\": [\(tool), \(Self.tool("g"))], \"parallel_tool_calls\": true", "\"parallel_tool_calls\": false",
        "\"response_format\": {\"type\": \"json_object\", \"json_schema\": null}",
      ] {
        let answer = try await client.post("/v1/chat/completions", "{\(messages), \(body), \"max_tokens\": 4}")
        #expect(answer.status == .ok, "\(body): \(answer.text)")
      }
    }
  }

  @Test(arguments: ["\"schema\": {}", "\"name\": \"s\"", "\"strict\": true", "\"description\": \"d\""])
  func responsesHaveSchemasWhereTheyAskForThem(member: String) async throws {
    try await TinyServer().serve { client in
      let name = try #require(member.split(separator: "\"").first)
      for type in ["text", "json_object"] {
        let answer = try await client.post(
          "/v1/responses", "{\"input\": \"a\", \"text\": {\"format\": {\"type\": \"\(type)\", \(member)}}}")
        #expect(answer.status == .badRequest)
        #expect(try answer.json["error"]?["param"]?.stringValue == "text.format.\(name)")
      }
    }
  }

  @Test(arguments: [
    (#"{"role": "tool", "content": "a"}"#, "messages[0].tool_call_id"),
    (#"{"role": "user", "content": "a", "tool_call_id": "c"}"#, "messages[0].tool_call_id"),
    (#"{"role": "assistant", "content": "a", "tool_call_id": "c"}"#, "messages[0].tool_call_id"),
    (#"{"role": "user", "content": null}"#, "messages[0].content"),
  ])
  func messagesSayWhatTheyAnswer(message: String, field: String) async throws {
    try await TinyServer().serve { client in
      let error = try await client.post("/v1/chat/completions", "{\"messages\": [\(message)]}").json["error"]
      #expect(error?["param"]?.stringValue == field)
      if message.contains("null") { #expect(error?["message"]?.stringValue?.contains("null") == true) }
    }
  }

  @Test(arguments: [
    (#""prompt": "a", "tools": [TOOL]"#, "tools"),
    (#""prompt": "a", "chat_template_kwargs": {}"#, "chat_template_kwargs"),
    (#""messages": [{"role": "user", "content": "a"}], "add_special_tokens": true"#, "add_special_tokens"),
  ])
  func tokenizeIgnoresNothing(members: String, field: String) async throws {
    try await TinyServer().serve { client in
      let body = members.replacing("TOOL", with: Self.tool("f"))
      let answer = try await client.post("/tokenize", "{\(body)}")
      #expect(try answer.status == .badRequest && answer.json["error"]?["param"]?.stringValue == field)
    }
  }

  /// The text is found to match in too many ways while it is generated only.
  @Test func aGrammarThatIsTooAmbiguousIsTheRequestsFault() async throws {
    var script = FakeModelEngine.Script()
    script.wantedToken = { _ in 97 }
    try await TinyServer(script: script).serve { client in
      let choices = (0..<7).map { "[a-z ]" + String(repeating: " s", count: $0) }.joined(separator: " | ")
      let grammar = JSONValue.string("root ::= s\ns ::= \(choices)").serialized()
      let body = "\"guided_grammar\": \(grammar), \"temperature\": 0, \"max_tokens\": 400"
      let whole = try await client.post("/v1/completions", "{\"prompt\": \"a\", \(body)}")
      #expect(whole.status == .badRequest, "\(whole.text)")
      #expect(try whole.json["error"]?["param"] == "guided_grammar")
      let events = try await client.post("/v1/chat/completions", "{\(messages), \(body), \"stream\": true}").events
      #expect(events.last?["error"]?["param"] == "guided_grammar")
      #expect(events.last?["error"]?["type"] == "invalid_request_error")
    }
  }
}
