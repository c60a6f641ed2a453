import JSON
import Server
import TestKit
import Testing

@Suite struct ToolCallParserTests {
  private typealias Piece = ToolCallParser.Piece

  private static let tools = ["weather", "time", "a", "b"]

  /// What comes out of pieces of an answer, one list for each.
  private func pieces(_ texts: [String], _ syntax: ToolSyntax) -> [[Piece]] {
    var parser = ToolCallParser(syntax, tools: Self.tools, makesName: { "id" })
    var output = texts.map { parser.append($0, isLast: false) }
    output.append(parser.append("", isLast: true))
    return output
  }

  /// Pieces put together as a client does.
  private func together(_ pieces: [Piece]) -> (text: String, calls: [ToolCall]) {
    var output = (text: "", calls: [ToolCall]())
    for piece in pieces {
      switch piece {
      case .text(let text): output.text += text
      case .call(let call): output.calls.append(call)
      case .arguments(let text): output.calls[output.calls.count - 1].arguments += text
      }
    }
    return output
  }

  /// What comes out of `text` in one piece, and that it is the same letter by letter and however it is cut in two or three.
  private func parse(
    _ text: String, _ syntax: ToolSyntax, sourceLocation: SourceLocation = #_sourceLocation
  ) -> (text: String, calls: [ToolCall]) {
    let whole = together(pieces([text], syntax).flatMap { $0 })
    let letters = text.unicodeScalars.map { String($0) }
    func check(_ cuts: [String]) {
      let (rest, calls) = together(pieces(cuts, syntax).flatMap { $0 })
      #expect(rest == whole.text && calls == whole.calls, "\(cuts)", sourceLocation: sourceLocation)
    }
    check(letters)
    for first in letters.indices {
      check([letters[..<first].joined(), letters[first...].joined()])
      for second in stride(from: first, to: letters.count, by: 7) {
        check([letters[..<first].joined(), letters[first..<second].joined(), letters[second...].joined()])
      }
    }
    return whole
  }

  private func call(_ name: String, _ arguments: String) -> ToolCall {
    ToolCall(id: "id", name: name, arguments: arguments)
  }

  @Test func taggedCallsAreFound() {
    let text = """
      Let me see. <tool_call>
      {"name": "weather", "arguments": {"city": "Rome \\"é\\" }{", "days": [1, {"x": null}]}}
      </tool_call>
      <tool_call>{"name": "time", "arguments": {}}</tool_call>

      """
    let (rest, calls) = parse(text, .tagged)
    #expect(calls == [call("weather", #"{"city":"Rome \"é\" }{","days":[1,{"x":null}]}"#), call("time", "{}")])
    #expect(rest == "Let me see. ")
  }

  @Test(arguments: ["", "<|python_tag|>", "\n", "<|python_tag|> "])
  func bareCallsAreFound(prefix: String) {
    let text =
      prefix + #"{"name": "a", "parameters": {"x": "}{"}}; {"type": "function", "name": "b", "parameters": {}}"#
    let (rest, calls) = parse(text, .bare)
    #expect(calls == [call("a", #"{"x":"}{"}"#), call("b", "{}")])
    #expect(rest.isEmpty)
  }

  @Test(arguments: [
    "No call at all.", "1 < 2 <tool", "<tool_call>no json</tool_call>", "<tool_call>{\"name\": 1}</tool_call>",
    "<tool_call>", "{\"answer\": 42}", #"{"name": "Alice", "age": 3}"#, #"{"name": "c", "arguments": {}}"#,
    #"<tool_call>{"name": "c", "arguments": {}}</tool_call>"#, #"<tool_call>{"name": "a", "arguments": 1}</tool_call>"#,
    #"<tool_call>{"name": "a", "arguments": 1{"x": 2}}</tool_call>"#, #"{"name": "a"}"#, #"<tool_call>{"name": "a""#,
    #"<tool_call>{"arguments": {"x": 1}, "name": "c"}</tool_call>"#, #"[{"name": "a", "parameters": {}}]"#,
    "{", "{}", "<|python_tag|>print(1)", "<|python_tag|>", "", " \n", "a\nb\n", "\n{x}", "<<tool_call <tool_call> {",
  ])
  func whatIsNoCallStaysText(text: String) {
    for syntax in [ToolSyntax.tagged, .bare] {
      let (rest, calls) = parse(text, syntax)
      #expect(calls.isEmpty)
      #expect(rest == text)
    }
  }

  /// The ways in which models say the same call.
  @Test(arguments: [
    #"{"name": "a", "arguments": {"x": 1}}"#, #"{"arguments": {"x": 1}, "name": "a"}"#,
    #"{"name": "a", "arguments": "{\"x\":1}"}"#, #"{"id": [1, "}"], "parameters": {"x": 1}, "more": {}, "name": "a"}"#,
    #"{"name": "a", "parameters": {"x": 1}, "arguments": {"x": 2}, "name": "b"}"#,
    #"{"name": "\u0061","arguments":{"x":1}}"#,
  ])
  func callsMayBeWrittenInSeveralWays(text: String) {
    for (syntax, whole) in [(ToolSyntax.bare, text), (.tagged, "<tool_call>\(text)</tool_call>")] {
      let (rest, calls) = parse(whole, syntax)
      #expect(calls == [call("a", #"{"x":1}"#)])
      #expect(rest.isEmpty)
    }
  }

  @Test func aTaggedCallNeedsNoArguments() {
    for body in [#"{"name": "a"}"#, #"{"name": "a", "arguments": null}"#] {
      let (rest, calls) = parse("<tool_call>\(body)</tool_call>", .tagged)
      #expect(calls == [call("a", "{}")])
      #expect(rest.isEmpty)
    }
  }

  @Test func textAfterACallStaysText() {
    let (rest, calls) = parse(#"<tool_call>{"name": "a", "arguments": {}}</tool_call> Done."#, .tagged)
    #expect(calls == [call("a", "{}")] && rest == " Done.")
    let (bare, found) = parse(#"{"name": "a", "parameters": {}}; {"name": "c", "parameters": {}}"#, .bare)
    #expect(found == [call("a", "{}")] && bare == #"; {"name": "c", "parameters": {}}"#)
  }

  /// Nothing that a model forgets or adds at the end of a call takes anything from the call.
  @Test(arguments: [
    ("", ""), ("}", ""), ("}</tool", ""), ("}\n", ""), ("</tool_call>", ""), ("}}</tool_call>", "}</tool_call>"),
    ("} x", " x"),
  ])
  func aCallMayEndBadly(ending: String, rest: String) {
    let (text, calls) = parse(#"<tool_call>{"name": "a", "arguments": {"x": 1}"# + ending, .tagged)
    #expect(calls == [call("a", #"{"x":1}"#)])
    #expect(text == rest)
  }

  @Test func argumentsThatBreakOffAreHandedOn() {
    let (rest, calls) = parse(#"<tool_call>{"name": "a", "arguments": {"x": "on and o"#, .tagged)
    #expect(calls == [call("a", #"{"x":"on and o"#)])
    #expect(rest.isEmpty)
  }

  @Test func theNameComesBeforeTheArgumentsAndTheseAsTheyCome() {
    for (syntax, opening) in [(ToolSyntax.bare, ""), (.tagged, "<tool_call>")] {
      let output = pieces(
        [opening + #"{"name": "a", "#, #""arguments": {"#, #""x": "1"#, #"2", "y": [ "#, #"]}}"#], syntax)
      #expect(
        output.map { $0 } == [
          [], [.call(call("a", "")), .arguments("{")], [.arguments(#""x":"1"#)], [.arguments(#"2","y":["#)],
          [.arguments("]}")], [],
        ])
    }
  }

  @Test func textIsNotHeldBackForNothing() {
    #expect(
      pieces(["Hello <b", " and <tool_c"], .tagged) == [[.text("Hello <b")], [.text(" and ")], [.text("<tool_c")]])
    #expect(pieces(["Hello"], .bare) == [[.text("Hello")], []])
    // A tool that is not there ends the doubt.
    let wrong = #"{"name": "c""#
    #expect(pieces([wrong], .bare) == [[.text(wrong)], []])
  }

  /// Calls with faults put in by chance: never a trap, the same however they are cut, and no text is invented.
  @Test func brokenCallsAreTheSameHoweverTheyAreCut() {
    let seeds = [
      #"Hm. <tool_call>{"name": "a", "arguments": {"x": "\"}", "y": [1, 2]}}</tool_call> "#
        + #"<tool_call>{"arguments": "{}", "name": "b"}</tool_call>"#,
      #"<|python_tag|>{"name": "a", "parameters": {"x": "é{"}}; {"name": "b", "parameters": {}}"#,
    ]
    let alphabet = Array(#"{}[]":,\ <>a/;"# + "\n\u{0}é").map(String.init)
    var generator = SplitMix64(seed: 7)
    for round in 0..<400 {
      var letters = seeds[round % 2].map(String.init)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<letters.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: letters.remove(at: place)
        case 1: letters.insert(alphabet.randomElement(using: &generator) ?? "", at: place)
        default: letters.removeSubrange(place...)
        }
        if letters.isEmpty { letters = ["{"] }
      }
      for syntax in [ToolSyntax.tagged, .bare] {
        let whole = together(pieces([letters.joined()], syntax).flatMap { $0 })
        let single = together(pieces(letters, syntax).flatMap { $0 })
        #expect(whole.text == single.text && whole.calls == single.calls, "\(letters.joined())")
        #expect(whole.text.utf8.count <= letters.joined().utf8.count)
      }
    }
  }

  @Test func templatesTellTheSyntax() {
    #expect(ToolSyntax(template: "... <tool_call> ...") == .tagged)
    #expect(ToolSyntax(template: "Environment: ipython") == .bare)
    #expect(ToolSyntax(template: "") == .tagged)
  }
}
