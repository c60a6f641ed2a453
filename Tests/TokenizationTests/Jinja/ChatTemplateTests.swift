import JSON
import Testing
import Tokenization

@Suite struct ChatTemplateTests {
  private func message(_ role: String, _ content: String) -> JSONValue {
    .object(JSONObject([.init(key: "role", value: .string(role)), .init(key: "content", value: .string(content))]))
  }

  @Test func passesTheDocumentedVariables() throws {
    let source = """
      {{ bos_token }}{{ eos_token is defined }}{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}\
      {% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}{{ date_string }}
      """
    let template = try ChatTemplate(source: source, specialTokens: .init(bos: "<s>"))
    let text = try template.render(
      messages: [message("user", "hi")], addGenerationPrompt: false, extra: [("date_string", .string("today"))])
    #expect(text == "<s>FalseTrueTrueFalse[user:hi]today")
  }

  @Test func extraVariablesWinOverSpecialTokens() throws {
    let template = try ChatTemplate(source: "{{ bos_token }}", specialTokens: .init(bos: "a"))
    #expect(try template.render(messages: [], extra: [("bos_token", .string("b"))]) == "b")
  }

  @Test func namesReasoningBothWays() throws {
    let template = try ChatTemplate(source: "{% for m in messages %}{{ m }}{% endfor %}")
    let reasoned = JSONValue.object(
      JSONObject([.init(key: "role", value: .string("a")), .init(key: "reasoning", value: .string("r"))]))
    #expect(
      try template.render(messages: [reasoned])
        == "{'thinking': 'r', 'role': 'a', 'reasoning': 'r', 'reasoning_content': 'r'}")
  }

  @Test func reportsTheTemplatesOwnRefusal() throws {
    let template = try ChatTemplate(source: "a\n{{ raise_exception('roles\nmust alternate') }}")
    do {
      _ = try template.render(messages: [])
      Issue.record("nothing was refused")
    } catch {
      #expect(error.kind == .raised)
      #expect(error.line == 2)
      #expect(error.message == "roles must alternate")
    }
  }

  @Test(arguments: [
    ("a\n\n{% include 'x' %}", 3, "include"), ("{{ 1\n|nosuch }}", 2, "nosuch"), ("{{ 'x'|xmlattr }}", 1, "xmlattr"),
    ("\n{{ 'x'.encode() }}", 2, "encode"), ("{{ self }}", 1, "self"), ("{% block b %}{% endblock %}", 1, "block"),
    ("{{ lipsum() }}", 1, "lipsum"), ("{{ strftime_now('%Q') }}", 1, "%Q"), ("{{ 2 ** 64 }}", 1, "64 bits"),
  ])
  func namesWhatItRefuses(_ source: String, _ line: Int, _ name: String) {
    do {
      _ = try ChatTemplate(source: source).render(messages: [])
      Issue.record("\(source) was not refused")
    } catch {
      #expect(error.kind == .unsupported)
      #expect(error.line == line)
      #expect(error.description.contains(name), "\(error)")
    }
  }

  @Test func distinguishesCanonicallyEquivalentStrings() throws {
    let source =
      "{{ a == b }}{{ {a: 1}[b] is defined }}{{ a in [b] }}{{ [a, b]|unique|list|length }}{{ a|length }}{{ b|length }}"
    let template = try JinjaTemplate(source: source)
    let context: [(name: String, value: JSONValue)] = [("a", .string("\u{E9}")), ("b", .string("e\u{301}"))]
    #expect(try template.render(context: context) == "FalseFalseFalse212")
  }

  @Test func tellsTheTime() throws {
    let clock = TemplateClock { .init(year: 2024, month: 2, day: 29, hour: 0, minute: 7, second: 9) }
    let template = try ChatTemplate(source: "{{ strftime_now('%A %-d %B %Y, %I:%M %p, %j, %F %T') }}", clock: clock)
    #expect(try template.render(messages: []) == "Thursday 29 February 2024, 12:07 AM, 060, 2024-02-29 00:07:09")
    #expect(try ChatTemplate(source: "{{ strftime_now('%Y')|length }}").render(messages: []) == "4")
  }

  /// A long chat takes a few milliseconds at most; the bound is generous for a busy machine.
  @Test func rendersLongChatsQuickly() throws {
    let chats = try JinjaGoldens.read("chats")
    let messages = (0..<100).map { message($0 % 2 == 0 ? "user" : "assistant", String(repeating: "word ", count: 100)) }
    let clock = ContinuousClock()
    for golden in chats["templates"]?.arrayValue ?? [] {
      var template: ChatTemplate?
      let parsing = try clock.measure { template = try ChatTemplate(source: golden["source"]?.stringValue ?? "") }
      let best = try (0..<5).map { _ in
        try clock.measure { _ = try template?.render(messages: messages) }
      }.min()
      print("\(golden["name"]?.stringValue ?? ""): compiled in \(parsing), 100 messages in \(best ?? .zero)")
      #expect(parsing < .milliseconds(200))
      #expect((best ?? .zero) < .milliseconds(50))
    }
  }
}
