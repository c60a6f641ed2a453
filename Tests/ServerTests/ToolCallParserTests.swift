import Server
import Testing

@Suite struct ToolCallParserTests {
  /// What comes out of `text` when it comes in pieces of `size` characters.
  private func parse(_ text: String, _ syntax: ToolSyntax, size: Int) -> (text: String, calls: [ToolCall]) {
    var parser = ToolCallParser(syntax, tools: ["weather", "time", "a", "b"], makesName: { "id" })
    var output = (text: "", calls: [ToolCall]())
    let characters = Array(text)
    for start in stride(from: 0, to: characters.count, by: size) {
      let (more, calls) = parser.append(String(characters[start..<min(start + size, characters.count)]), isLast: false)
      output.text += more
      output.calls += calls
    }
    let (more, calls) = parser.append("", isLast: true)
    return (output.text + more, output.calls + calls)
  }

  private func call(_ name: String, _ arguments: String) -> ToolCall {
    ToolCall(id: "id", name: name, arguments: arguments)
  }

  @Test(arguments: 1...12)
  func taggedCallsAreFoundHoweverTheTextIsCut(size: Int) {
    let text = """
      Let me see. <tool_call>
      {"name": "weather", "arguments": {"city": "Rome"}}
      </tool_call>
      <tool_call>{"name": "time", "arguments": {}}</tool_call>
      """
    let (rest, calls) = parse(text, .tagged, size: size)
    #expect(calls == [call("weather", #"{"city":"Rome"}"#), call("time", "{}")])
    #expect(rest.hasPrefix("Let me see. "))
    #expect(!rest.contains("tool_call"))
  }

  @Test(arguments: 1...12)
  func bareCallsAreFoundHoweverTheTextIsCut(size: Int) {
    for prefix in ["", "<|python_tag|>", "\n"] {
      let text = prefix + #"{"name": "a", "parameters": {"x": "}{"}}; {"name": "b", "parameters": {}}"#
      let (rest, calls) = parse(text, .bare, size: size)
      #expect(calls == [call("a", #"{"x":"}{"}"#), call("b", "{}")])
      #expect(rest.isEmpty)
    }
  }

  @Test(arguments: [
    "No call at all.", "1 < 2 <tool", "<tool_call>no json</tool_call>", "<tool_call>{\"name\": 1}</tool_call>",
    "<tool_call>", "{\"answer\": 42}", #"{"name": "Alice", "age": 3}"#, #"{"name": "c", "arguments": {}}"#,
    #"<tool_call>{"name": "c", "arguments": {}}</tool_call>"#, #"<tool_call>{"name": "a", "arguments": 1}</tool_call>"#,
    "{", "<|python_tag|>print(1)", "", "a\nb\n",
  ])
  func whatIsNoCallStaysText(text: String) {
    for size in 1...5 {
      for syntax in [ToolSyntax.tagged, .bare] {
        let (rest, calls) = parse(text, syntax, size: size)
        #expect(calls.isEmpty)
        #expect(rest == text)
      }
    }
  }

  @Test func textIsNotHeldBackForNothing() {
    var parser = ToolCallParser(.tagged, tools: [], makesName: { "id" })
    #expect(parser.append("Hello <b", isLast: false).text == "Hello <b")
    #expect(parser.append(" and <tool_c", isLast: false).text == " and ")
    var bare = ToolCallParser(.bare, tools: [], makesName: { "id" })
    #expect(bare.append("Hello", isLast: false).text == "Hello")
  }

  @Test func aCallWithoutItsEndCountsAtTheEnd() {
    let (rest, calls) = parse(#"<tool_call>{"name": "a", "arguments": {}}"#, .tagged, size: 4)
    #expect(calls == [call("a", "{}")])
    #expect(rest.isEmpty)
  }

  @Test func anObjectWithAToolsNameAndNoArgumentsIsAnAnswer() {
    let text = #"{"name": "a", "age": 3}"#
    let (rest, calls) = parse(text, .bare, size: 4)
    #expect(calls.isEmpty)
    #expect(rest == text)
  }

  @Test func templatesTellTheSyntax() {
    #expect(ToolSyntax(template: "... <tool_call> ...") == .tagged)
    #expect(ToolSyntax(template: "Environment: ipython") == .bare)
    #expect(ToolSyntax(template: "") == .tagged)
  }
}
