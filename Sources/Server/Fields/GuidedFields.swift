internal import JSON

extension RouteFields {
  /// What an answer must look like; at most one of them.
  static let guided: [RequestField] = [
    RequestField(
      "response_format",
      .record(formats + [RequestField("json_schema", .record(schema), "The schema, for json_schema.")]),
      "Form of the answer: text, any JSON object, or JSON of a schema."),
    RequestField(
      "guided_json", .anyOf([.object, .string(0...grammarLimit)]), "The answer is JSON of this schema."),
    RequestField("guided_regex", .string(0...grammarLimit), "The answer matches this regular expression."),
    RequestField(
      "guided_choice", .array(.string(0...grammarLimit), count: 1...4096), "The answer is one of these texts."
    ),
    RequestField("guided_grammar", .string(0...grammarLimit), "The answer matches this grammar (GBNF)."),
  ]

  /// `text` of `/v1/responses`
  static let responseText: [RequestField] = [
    RequestField("format", .record(formats + schema.map(\.optional)), "Form of the answer."),
    RequestField("verbosity", .any, use: .only([], reason: unsupported), "How long to answer."),
  ]

  private static let formats = [
    RequestField("type", .choice(["text", "json_object", "json_schema"]), isRequired: true, "Which form.")
  ]

  private static let schema = [
    RequestField("name", .string(0...nameLimit), isRequired: true, "The schema's name; not read."),
    RequestField("description", .string(0...textLimit), "What it is for; not read."),
    RequestField("schema", .object, "The JSON schema. Default: any object."),
    RequestField("strict", .boolean, "The schema is followed in any case."),
  ]

  /// The longest grammar in text.
  private static let grammarLimit = 1 << 18
}

extension RequestField {
  /// The same field where it need not be there.
  fileprivate var optional: RequestField {
    var field = self
    field.isRequired = false
    return field
  }
}
