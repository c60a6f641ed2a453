internal import JSON

/// A call of a tool that a model wrote.
package struct ToolCall: Sendable, Equatable {
  /// Names the call.
  package var id: String
  /// Which function.
  package var name: String
  /// Its arguments, as JSON in text.
  package var arguments: String

  /// Creates a call.
  package init(id: String, name: String, arguments: String) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }

  /// As the API writes it in a whole answer.
  var json: JSONValue { .object(members) }

  /// As events say it when it begins, its place among the calls first.
  func opening(at place: Int) -> JSONValue { .object([("index", .integer(Int64(place)))] + members) }

  /// As events say more of the arguments of the call at a place.
  static func continuation(at place: Int, _ arguments: String) -> JSONValue {
    .object([
      ("index", .integer(Int64(place))), ("function", .object([("arguments", .string(arguments))])),
    ])
  }

  private var members: [(String, JSONValue)] {
    [
      ("id", .string(id)), ("type", "function"),
      ("function", .object([("name", .string(name)), ("arguments", .string(arguments))])),
    ]
  }
}

/// How a family of models writes calls of tools.
package enum ToolSyntax: Sendable, Equatable {
  /// `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, one after another: Qwen and Hermes.
  case tagged
  /// The whole answer is `{"name": ..., "parameters": {...}}`, several separated by semicolons, perhaps after
  /// `<|python_tag|>`: Llama 3.
  case bare

  /// What a tagged call begins with.
  static let opening = "<tool_call>"
  /// What it ends with.
  static let closing = "</tool_call>"
  /// What an answer that is bare calls may begin with.
  static let pythonTag = "<|python_tag|>"

  /// The syntax that a chat template teaches, by what it says; tags if it says nothing.
  package init(template: String) {
    let isLlama = template.contains(Self.pythonTag) || template.contains("Environment: ipython")
    self = isLlama && !template.contains(Self.opening) ? .bare : .tagged
  }
}
