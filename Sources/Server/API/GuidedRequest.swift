internal import Inflight
internal import JSON

/// What the fields of a request say about the form of its answers.
struct GuidedRequest: Sendable {
  /// The grammar.
  var grammar: Grammar
  /// The field that says it.
  var field: String

  /// Reads the fields of ``RouteFields/guided``; nil if the answer is free text.
  ///
  /// - Throws: ``APIError`` for two of them at a time, and for a schema that is missing.
  static func read(_ fields: FieldValues) throws(APIError) -> GuidedRequest? {
    var found: [GuidedRequest] = []
    if let format = fields["response_format"],
      let guided = try format.grammar(field: "response_format", schema: format["json_schema"], members: ["json_schema"])
    {
      found.append(guided)
    }
    if let schema = fields["guided_json"] {
      found.append(GuidedRequest(grammar: try Self.schema(schema, field: "guided_json"), field: "guided_json"))
    }
    if let pattern = fields["guided_regex"]?.stringValue {
      found.append(GuidedRequest(grammar: .regex(pattern), field: "guided_regex"))
    }
    if let choices = fields["guided_choice"] {
      found.append(GuidedRequest(grammar: .choice(choices.strings), field: "guided_choice"))
    }
    if let text = fields["guided_grammar"]?.stringValue {
      found.append(GuidedRequest(grammar: .grammar(text), field: "guided_grammar"))
    }
    guard found.count <= 1 else { throw .invalid(found[1].field, "cannot be there together with \(found[0].field)") }
    return found.first
  }

  private static func schema(_ value: JSONValue, field: String) throws(APIError) -> Grammar {
    guard let text = value.stringValue else { return .jsonSchema(value) }
    do { return try Grammar.jsonSchema(text) } catch { throw .invalid(field, error.description) }
  }

  /// Makes it ready for the model.
  ///
  /// - Throws: ``APIError`` for a grammar that is wrong or not supported, which names the field.
  func controls(_ llm: LLM) throws(APIError) -> TokenControls {
    do { return try llm.controls(for: grammar) } catch { throw .invalid(field, error.description) }
  }
}

extension JSONValue {
  /// What `{"type": ...}` with `schema` asks for; nil for text. `members` are about the schema.
  ///
  /// - Throws: ``APIError`` if there is no schema, and if there is one that the type does not ask for.
  func grammar(field: String, schema: JSONValue?, members: [String]) throws(APIError) -> GuidedRequest? {
    let type = self["type"]?.stringValue
    if type != "json_schema", let member = members.first(where: { self[$0] != nil }) {
      throw .invalid("\(field).\(member)", "is only allowed when the type is json_schema")
    }
    switch type {
    case "json_object": return GuidedRequest(grammar: .jsonObject(), field: field)
    case "json_schema":
      guard let schema else { throw .invalid("\(field).json_schema", "is missing") }
      let grammar = schema["schema"].map { Grammar.jsonSchema($0) } ?? .jsonObject()
      return GuidedRequest(grammar: grammar, field: field)
    default: return nil
    }
  }
}
