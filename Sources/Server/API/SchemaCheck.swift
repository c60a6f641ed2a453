internal import JSON

extension JSONValue {
  /// What is wrong with a value as a JSON schema, and where; nil if nothing is that shows without a value to check: names of
  /// types, and which keywords hold schemas, lists and numbers. Keywords that are not known say nothing.
  ///
  /// <https://json-schema.org/draft/2020-12/json-schema-validation>
  ///
  /// - Parameter path: where the value is; it is made for a problem only, since names may be long and members many.
  func schemaProblem(path: () -> String = { "" }) -> (path: String, words: String)? {
    if boolValue != nil { return nil }
    guard let object = objectValue else { return (path(), "must be a schema, which is an object") }
    for member in object.members {
      if let problem = Self.problem(member.key, member.value, { "\(path()).\(member.key)" }) { return problem }
    }
    return nil
  }

  private static let types = ["object", "array", "string", "number", "integer", "boolean", "null"]

  private static func problem(
    _ keyword: String, _ value: JSONValue, _ path: () -> String
  ) -> (path: String, words: String)? {
    switch keyword {
    case "type":
      let names = value.arrayValue ?? [value]
      let areKnown = !names.isEmpty && names.allSatisfy { $0.stringValue.map(types.contains) ?? false }
      return areKnown ? nil : (path(), "must be one of \(types.joined(separator: ", "))")
    case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
      guard let schemas = value.objectValue else { return (path(), "must be an object of schemas") }
      for member in schemas.members {
        if let problem = member.value.schemaProblem(path: { "\(path()).\(member.key)" }) { return problem }
      }
    case "anyOf", "oneOf", "allOf", "prefixItems":
      guard let schemas = value.arrayValue, !schemas.isEmpty else { return (path(), "must be a list of schemas") }
      for (index, schema) in schemas.enumerated() {
        if let problem = schema.schemaProblem(path: { "\(path())[\(index)]" }) { return problem }
      }
    case "items":
      // Older drafts have a list of schemas here.
      for schema in value.arrayValue ?? [value] {
        if let problem = schema.schemaProblem(path: path) { return problem }
      }
    case "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else":
      return value.schemaProblem(path: path)
    case "required":
      let areNames = value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
      return areNames ? nil : (path(), "must be a list of names")
    case "enum": return value.arrayValue == nil ? (path(), "must be a list of values") : nil
    case "minimum", "maximum", "multipleOf":
      return value.doubleValue == nil ? (path(), "must be a number") : nil
    case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
      return value.wholeNumber.map { $0 >= 0 } ?? false ? nil : (path(), "must be a number, 0 or more")
    case "pattern", "$ref", "format": return value.stringValue == nil ? (path(), "must be a text") : nil
    default: break
    }
    return nil
  }
}
