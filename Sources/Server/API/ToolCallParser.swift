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

  /// As the API writes it; events say its place among the calls.
  func json(index: Int?) -> JSONValue {
    var members: [(String, JSONValue)] = []
    if let index { members.append(("index", .integer(Int64(index)))) }
    return .object(
      members + [
        ("id", .string(id)), ("type", "function"),
        ("function", .object([("name", .string(name)), ("arguments", .string(arguments))])),
      ])
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

  /// The syntax that a chat template teaches, by what it says; tags if it says nothing.
  package init(template: String) {
    let isLlama = template.contains("<|python_tag|>") || template.contains("Environment: ipython")
    self = isLlama && !template.contains(Self.opening) ? .bare : .tagged
  }
}

/// Finds calls of tools in an answer while it is generated. Text that cannot belong to a call is handed on at once; what
/// looked like one and is not comes out as text.
package struct ToolCallParser: Sendable {
  private let syntax: ToolSyntax
  /// Names of the tools that there are.
  private let tools: [String]
  /// What is not decided yet.
  private var held = ""
  /// Bytes at the beginning of ``held`` in which no closing tag begins.
  private var searchedCount = 0
  /// Whether ``held`` is inside of a call's tags.
  private var isInside = false
  /// Whether an answer without tags has begun as text and stays text.
  private var isText = false
  private var makesName: @Sendable () -> String

  private static let pythonTag = "<|python_tag|>"

  /// Creates a parser at the beginning of an answer.
  package init(_ syntax: ToolSyntax, tools: [String]) {
    self.init(syntax, tools: tools, makesName: { "call_" + Exchange.randomName() })
  }

  /// Creates a parser whose calls have these names.
  package init(_ syntax: ToolSyntax, tools: [String], makesName: @escaping @Sendable () -> String) {
    self.syntax = syntax
    self.tools = tools
    self.makesName = makesName
  }

  /// Adds text of the answer, and returns what is certain now: text, and calls that are complete.
  package mutating func append(_ text: String, isLast: Bool) -> (text: String, calls: [ToolCall]) {
    held += text
    return switch syntax {
    case .tagged: takeTagged(isLast: isLast)
    case .bare: takeBare(isLast: isLast)
    }
  }

  private mutating func takeTagged(isLast: Bool) -> (String, [ToolCall]) {
    var text = ""
    var calls: [ToolCall] = []
    while true {
      if isInside {
        guard let end = held.firstRange(ofBytes: ToolSyntax.closing, after: searchedCount) else {
          searchedCount = max(0, held.utf8.count - ToolSyntax.closing.utf8.count + 1)
          break
        }
        let body = String(held[..<end.lowerBound])
        held = String(held[end.upperBound...])
        searchedCount = 0
        isInside = false
        if let call = call(body) { calls.append(call) } else { text += ToolSyntax.opening + body + ToolSyntax.closing }
      } else if let start = held.firstRange(ofBytes: ToolSyntax.opening) {
        text += held[..<start.lowerBound]
        held = String(held[start.upperBound...])
        isInside = true
      } else {
        break
      }
    }
    if isLast {
      // A model may end without the closing tag.
      if isInside, let call = call(held) {
        calls.append(call)
      } else {
        text += (isInside ? ToolSyntax.opening : "") + held
      }
      held = ""
    } else if !isInside {
      let kept = held.suffixThatBegins(ToolSyntax.opening)
      text += held.dropLastBytes(kept)
      held = held.lastBytes(kept)
    }
    // White space around calls is no text.
    let isBlank = text.utf8.allSatisfy { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d }
    return (isBlank && (!calls.isEmpty || isInside) ? "" : text, calls)
  }

  private mutating func takeBare(isLast: Bool) -> (String, [ToolCall]) {
    if isText || !mayBeCall(held) {
      isText = true
      defer { held = "" }
      return (held, [])
    }
    guard isLast else { return ("", []) }
    defer { held = "" }
    var body = Substring(held)
    if let tag = held.firstRange(ofBytes: Self.pythonTag) { body = held[tag.upperBound...] }
    let parts = Self.objects(in: String(body))
    let calls = parts.compactMap { call($0) }
    return calls.isEmpty || calls.count < parts.count ? (held, []) : ("", calls)
  }

  /// Whether an answer that begins like this may be nothing but calls.
  private func mayBeCall(_ text: String) -> Bool {
    guard let first = text.utf8.first(where: { $0 > 0x20 }) else { return true }
    let trimmed = text.utf8.drop { $0 <= 0x20 }
    return first == UInt8(ascii: "{")
      || zip(trimmed, Self.pythonTag.utf8).allSatisfy { $0 == $1 }
  }

  /// The JSON objects of a text one after another, whatever stands between them.
  private static func objects(in text: String) -> [String] {
    var objects: [String] = []
    var current: [UInt8] = []
    var (depth, isQuoted, isEscaped) = (0, false, false)
    for byte in text.utf8 {
      if depth > 0 || byte == UInt8(ascii: "{") { current.append(byte) }
      if isEscaped {
        isEscaped = false
      } else if isQuoted {
        if byte == UInt8(ascii: "\\") { isEscaped = true }
        if byte == UInt8(ascii: "\"") { isQuoted = false }
      } else if byte == UInt8(ascii: "\""), depth > 0 {
        isQuoted = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}"), depth > 0 {
        depth -= 1
        if depth == 0 {
          objects.append(String(decoding: current, as: UTF8.self))
          current = []
        }
      }
    }
    if depth > 0 { objects.append(String(decoding: current, as: UTF8.self)) }
    return objects
  }

  /// The call that a JSON object is, if it names a tool that there is. Without a tag around it, it must have arguments too: an
  /// answer may be JSON of any form.
  private func call(_ body: String) -> ToolCall? {
    guard let json = try? JSONValue(parsing: body, limits: JSONLimits(depth: 64)),
      let name = json["name"]?.stringValue, tools.contains(where: { $0.utf8.elementsEqual(name.utf8) })
    else { return nil }
    let arguments: String
    switch json["arguments"] ?? json["parameters"] {
    case .string(let text)?: arguments = text
    case .object(let object)?: arguments = JSONValue.object(object).serialized()
    case .null?: arguments = "{}"
    case nil where syntax == .tagged: arguments = "{}"
    default: return nil
    }
    return ToolCall(id: makesName(), name: name, arguments: arguments)
  }
}

/// Searching by bytes.
extension String {
  /// The first place where `text` stands, after the first `count` bytes.
  fileprivate func firstRange(ofBytes text: String, after count: Int = 0) -> Range<String.Index>? {
    let needle = Array(text.utf8)
    var index = utf8.index(utf8.startIndex, offsetBy: count)
    while index < utf8.endIndex {
      if utf8[index] == needle[0], utf8[index...].starts(with: needle) {
        return index..<utf8.index(index, offsetBy: needle.count)
      }
      index = utf8.index(after: index)
    }
    return nil
  }

  /// The bytes at the end with which `text` might begin.
  fileprivate func suffixThatBegins(_ text: String) -> Int {
    let needle = Array(text.utf8)
    for count in stride(from: min(needle.count - 1, utf8.count), to: 0, by: -1)
    where utf8.suffix(count).elementsEqual(needle[..<count]) { return count }
    return 0
  }

  fileprivate func dropLastBytes(_ count: Int) -> String { String(decoding: utf8.dropLast(count), as: UTF8.self) }

  fileprivate func lastBytes(_ count: Int) -> String { String(decoding: utf8.suffix(count), as: UTF8.self) }
}
