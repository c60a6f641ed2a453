internal import Inflight
internal import JSON

/// Which tools a model must call.
struct ForcedCall {
  /// A call of one of the tools, as one JSON object.
  let guided: GuidedRequest

  /// Reads `tool_choice`; nil where the model is free to call none.
  ///
  /// - Throws: ``APIError`` for a tool that is not there.
  init?(_ fields: FieldValues) throws(APIError) {
    var tools = fields["tools"]?.arrayValue ?? []
    if let name = fields["tool_choice"]?["function"]?["name"]?.stringValue {
      tools = tools.filter { $0["function"]?["name"]?.stringValue?.utf8.elementsEqual(name.utf8) ?? false }
      guard !tools.isEmpty else { throw .invalid("tool_choice", "there is no tool '\(name.prefix(200))'") }
    } else {
      guard fields["tool_choice"]?.stringValue == "required" else { return nil }
      guard !tools.isEmpty else { throw .invalid("tool_choice", "there are no tools to call") }
    }
    var definitions: [(String, JSONValue)] = []
    var calls: [JSONValue] = []
    for (index, tool) in tools.enumerated() {
      let parameters = tool.parameters ?? .object([("type", "object")])
      definitions.append(("tool\(index)", parameters.movingReferences(to: "#/$defs/tool\(index)")))
      calls.append(
        .object([
          ("type", "object"),
          (
            "properties",
            .object([
              ("name", .object([("const", tool["function"]?["name"] ?? "")])),
              ("arguments", .object([("$ref", .string("#/$defs/tool\(index)"))])),
            ])
          ), ("required", .array(["name", "arguments"])), ("additionalProperties", false),
        ]))
    }
    let schema = JSONValue.object([("anyOf", .array(calls)), ("$defs", .object(definitions))])
    guided = GuidedRequest(grammar: .jsonSchema(schema), field: "tools")
  }
}

/// Calls of tools that a model is free to make, whose arguments must have the schema's form.
struct StrictCalls {
  /// Free text in which a call is one of those of the tools.
  let guided: GuidedRequest

  /// Reads `tools`; nil where none is `strict`, or where the model may not choose.
  ///
  /// - Throws: ``APIError`` for a model whose calls cannot be told from text before they end.
  init?(_ fields: FieldValues, syntax: ToolSyntax) throws(APIError) {
    let tools = fields["tools"]?.arrayValue ?? []
    let choice = fields["tool_choice"]
    guard choice == nil || choice?.stringValue == "auto",
      let strict = tools.firstIndex(where: { $0["function"]?["strict"]?.boolValue ?? false })
    else { return nil }
    guard syntax == .tagged else {
      throw .unsupported(
        "tools[\(strict)].function.strict",
        "this model writes calls without a mark; with a tool_choice of required or of a function they are strict anyway"
      )
    }
    let tags = tools.map { tool in
      // As the templates of these models show calls. Those of tools that are not strict have any arguments.
      let name = (tool["function"]?["name"] ?? "").serialized()
      let isStrict = tool["function"]?["strict"]?.boolValue ?? false
      let schema = isStrict ? tool.parameters : nil
      let format = JSONFormat(whitespace: .fixed(itemSeparator: ", ", keySeparator: ": "))
      return StructuralTags.Tag(
        begin: "\(ToolSyntax.opening)\n{\"name\": \(name), \"arguments\": ",
        content: schema.map { .jsonSchema($0, format: format) } ?? .jsonObject(format: format),
        end: "}\n\(ToolSyntax.closing)")
    }
    guided = GuidedRequest(
      grammar: .structuralTags(StructuralTags(tags: tags, triggers: [ToolSyntax.opening])), field: "tools")
  }
}

extension JSONValue {
  /// The schema of a tool's arguments; nil if it has none.
  fileprivate var parameters: JSONValue? { self["function"]?["parameters"] }

  /// A schema whose references to itself are to the place to which it moves. Values that are not schemas stay.
  fileprivate func movingReferences(to place: String) -> JSONValue {
    switch self {
    case .array(let elements): return .array(elements.map { $0.movingReferences(to: place) })
    case .object(let object):
      return .object(
        object.members.map { member in
          switch member.key {
          case "const", "enum", "default", "examples": return (member.key, member.value)
          case "properties", "patternProperties", "dependentSchemas", "$defs", "definitions":
            return (member.key, member.value.mapMembers { $0.movingReferences(to: place) })
          default: break
          }
          if member.key == "$ref", let text = member.value.stringValue, text.utf8.first == UInt8(ascii: "#") {
            return (member.key, .string(place + text.dropFirst()))
          }
          return (member.key, member.value.movingReferences(to: place))
        })
    default: return self
    }
  }

  /// An object whose values are changed and whose keys, names and no keywords, are not; anything else as it is.
  private func mapMembers(_ change: (JSONValue) -> JSONValue) -> JSONValue {
    guard let object = objectValue else { return self }
    return .object(object.members.map { ($0.key, change($0.value)) })
  }
}
