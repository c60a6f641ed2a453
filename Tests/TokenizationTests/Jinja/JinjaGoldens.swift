import Foundation
import JSON
import Testing

import Tokenization

/// What jinja2 rendered, read from the files that scripts/goldens/chat_templates.py writes.
enum JinjaGoldens {
  /// The moment that the goldens were made at.
  static let clock = TemplateClock {
    TemplateClock.Moment(year: 2026, month: 3, day: 7, hour: 9, minute: 5, second: 2)
  }

  struct MissingGolden: Error {}

  static func read(_ name: String) throws -> JSONValue {
    guard let url = Bundle.module.url(forResource: "Goldens/Jinja/\(name)", withExtension: "json") else {
      throw MissingGolden()
    }
    return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
  }

  static func context(_ value: JSONValue?) -> [(name: String, value: JSONValue)] {
    (value?.objectValue?.members ?? []).map { ($0.key, $0.value) }
  }

  /// The outcome of rendering, as text: what was rendered, or the error.
  static func outcome(_ render: () throws -> String) -> (text: String?, error: String) {
    do {
      return (try render(), "")
    } catch {
      return (nil, "\(error)")
    }
  }

  /// Compares templates with chats; returns a line for every difference.
  static func differences(in goldens: JSONValue) -> (lines: [String], compared: Int, templates: Int) {
    var lines: [String] = []
    var compared = 0
    let chats = goldens["chats"]?.arrayValue ?? []
    let templates = goldens["templates"]?.arrayValue ?? []
    var identical = 0
    for golden in templates {
      let name = golden["name"]?.stringValue ?? ""
      let before = lines.count
      let tokens = ChatTemplate.SpecialTokens(bos: "<s>", eos: "</s>")
      let template: ChatTemplate
      do {
        template = try ChatTemplate(source: golden["source"]?.stringValue ?? "", specialTokens: tokens, clock: clock)
      } catch {
        // A template that jinja2 does not compile either has an error in every result.
        let results = golden["results"]?.arrayValue ?? []
        if !results.allSatisfy({ $0["error"] != nil }) { lines.append("\(name): \(error)") }
        continue
      }
      for (index, result) in (golden["results"]?.arrayValue ?? []).enumerated() {
        let chat = chats[index]
        compared += 1
        let outcome = outcome {
          try template.render(
            messages: chat["messages"]?.arrayValue ?? [], tools: chat["tools"]?.arrayValue,
            addGenerationPrompt: chat["add_generation_prompt"]?.boolValue ?? false, extra: context(chat["extra"]))
        }
        if let expected = result["expected"]?.stringValue {
          if outcome.text.map({ Array($0.utf8) == Array(expected.utf8) }) != true {
            lines.append(
              "\(name) #\(index): \(outcome.text?.debugDescription ?? outcome.error) instead of \(expected.debugDescription)"
            )
          }
        } else if let text = outcome.text {
          lines.append("\(name) #\(index): \(text.debugDescription) instead of \(result["error"]?.stringValue ?? "")")
        }
      }
      if lines.count == before { identical += 1 }
    }
    return (lines, compared, identical)
  }
}
