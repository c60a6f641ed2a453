internal import JSON

/// The messages and tools of a request as chat templates read them.
struct ChatConversation {
  /// The messages.
  var messages: [JSONValue] = []
  /// The tools; nil if there are none or the model may not call any.
  var tools: [JSONValue]?
  /// More variables of the template.
  var extra: [(name: String, value: JSONValue)] = []

  /// The variables that a request may not replace.
  private static let reserved = ["messages", "tools", "add_generation_prompt"]

  /// Reads the conversation of a request whose fields are checked.
  ///
  /// - Throws: ``APIError`` for what no single field shows: missing contents, arguments that are no JSON.
  init(_ fields: FieldValues, maximumMessages: Int) throws(APIError) {
    let list = fields["messages"]?.arrayValue ?? []
    guard list.count <= maximumMessages else {
      throw .invalid("messages", "has \(list.count) messages; this server takes at most \(maximumMessages)")
    }
    for (index, message) in list.enumerated() { messages.append(try Self.message(message, path: "messages[\(index)]")) }
    let listed = fields["tools"]?.arrayValue ?? []
    try Self.check(listed)
    if !listed.isEmpty, fields["tool_choice"]?.stringValue != "none" { tools = listed }
    for member in fields["chat_template_kwargs"]?.objectValue?.members ?? [] {
      guard !Self.reserved.contains(where: { $0.utf8.elementsEqual(member.key.utf8) }) else {
        throw .invalid("chat_template_kwargs.\(member.key)", "has a field of its own")
      }
      extra.append((member.key, member.value))
    }
  }

  /// Refuses tools of the same name, and arguments that no schema describes.
  private static func check(_ tools: [JSONValue]) throws(APIError) {
    var names: Set<[UInt8]> = []
    for (index, tool) in tools.enumerated() {
      let path = "tools[\(index)].function"
      guard names.insert(Array((tool["function"]?["name"]?.stringValue ?? "").utf8)).inserted else {
        throw .invalid("\(path).name", "another function has that name")
      }
      guard let parameters = tool["function"]?["parameters"] else { continue }
      if let problem = parameters.schemaProblem() {
        throw .invalid("\(path).parameters\(problem.path)", problem.words)
      }
      if let type = parameters["type"], type.stringValue != "object" {
        throw .invalid("\(path).parameters.type", "must be object: arguments have names")
      }
    }
  }

  /// One message: parts of text joined, `developer` as `system`, arguments of calls as objects.
  private static func message(_ message: JSONValue, path: String) throws(APIError) -> JSONValue {
    let role = message["role"]?.stringValue ?? ""
    let calls = message["tool_calls"]?.arrayValue ?? []
    var members: [(String, JSONValue)] = [("role", .string(role == "developer" ? "system" : role))]
    switch message["content"] {
    case .string(let text)?: members.append(("content", .string(text)))
    case .array(let parts)?:
      members.append(("content", .string(parts.map { $0["text"]?.stringValue ?? "" }.joined())))
    default:
      guard role == "assistant", !calls.isEmpty else {
        throw .invalid(
          "\(path).content", "is missing or null; only an assistant's message with tool_calls may have none")
      }
      members.append(("content", ""))
    }
    for name in ["name", "reasoning_content", "tool_call_id"] {
      if let value = message[name] { members.append((name, value)) }
    }
    guard (message["tool_call_id"] != nil) == (role == "tool") else {
      throw .invalid(
        "\(path).tool_call_id",
        role == "tool" ? "is missing: it says which call the message answers" : "is only allowed where the role is tool"
      )
    }
    guard !calls.isEmpty else { return .object(members) }
    guard role == "assistant" else {
      throw .invalid("\(path).tool_calls", "only an assistant's message may have calls")
    }
    var converted: [JSONValue] = []
    for call in calls {
      let text = call["function"]?["arguments"]?.stringValue ?? ""
      // Templates read objects. What is none, because the model was cut off, or has more than 32 levels, they get as it is.
      let object = try? JSONValue(parsing: text.isEmpty ? "{}" : text, limits: JSONLimits(depth: 32))
      let arguments = object.flatMap { $0.objectValue == nil ? nil : $0 } ?? .string(text)
      converted.append(
        .object([
          ("id", call["id"] ?? .null), ("type", "function"),
          ("function", .object([("name", call["function"]?["name"] ?? .null), ("arguments", arguments)])),
        ]))
    }
    members.append(("tool_calls", .array(converted)))
    return .object(members)
  }
}
