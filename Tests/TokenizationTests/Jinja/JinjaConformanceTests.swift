import Foundation
import JSON
import Testing
import Tokenization

@Suite struct JinjaConformanceTests {
  /// Small templates against jinja2: the same text, or an error where jinja2 has one.
  @Test func rendersAsJinja2() throws {
    let goldens = try JinjaGoldens.read("conformance")
    let cases = try #require(goldens["cases"]?.arrayValue)
    #expect(cases.count > 400)
    for golden in cases {
      let source = try #require(golden["template"]?.stringValue)
      let context = JinjaGoldens.context(goldens["context"]) + JinjaGoldens.context(golden["context"])
      let outcome = JinjaGoldens.outcome {
        try JinjaTemplate(source: source).render(context: context, clock: JinjaGoldens.clock)
      }
      if let expected = golden["expected"]?.stringValue {
        let isSame = outcome.text.map { Array($0.utf8) == Array(expected.utf8) } ?? false
        let shown = outcome.text?.debugDescription ?? outcome.error
        #expect(isSame, "\(source.debugDescription): \(shown) instead of \(expected.debugDescription)")
      } else {
        let reason = golden["error"]?.stringValue ?? ""
        #expect(outcome.text == nil, "\(source.debugDescription): \(outcome.text ?? "") instead of \(reason)")
      }
    }
  }

  /// Whole templates with whole conversations.
  @Test func rendersChatTemplatesAsTransformers() throws {
    let result = JinjaGoldens.differences(in: try JinjaGoldens.read("chats"))
    #expect(result.templates > 0 && result.compared > 0)
    #expect(result.lines.isEmpty, "\(result.lines.joined(separator: "\n"))")
  }

  /// More templates, made by the script from a directory, for a check that is not part of the repository.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["INFLIGHT_TEMPLATE_GOLDENS"] != nil))
  func rendersMoreTemplates() throws {
    let path = try #require(ProcessInfo.processInfo.environment["INFLIGHT_TEMPLATE_GOLDENS"])
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let result = JinjaGoldens.differences(in: try JSONValue(parsing: bytes))
    print("\(result.templates) templates are the same in all of \(result.compared) renderings")
    #expect(result.lines.isEmpty, "\(result.lines.joined(separator: "\n"))")
  }
}
