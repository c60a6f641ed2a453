import JSON

extension SchemaCompiler {
  /// Whether all of `schemas` hold for a value that the schema itself lists.
  private mutating func allows(_ value: JSONValue, _ schemas: SchemaList) throws(GuidedError) -> Bool {
    for conjunction in try alternatives(of: schemas) where try allows(value, conjunction) { return true }
    return false
  }

  /// Whether a value that the schema itself lists fits.
  mutating func allows(_ value: JSONValue, _ conjunction: SchemaConjunction) throws(GuidedError) -> Bool {
    try enter()
    defer { nesting -= 1 }
    guard !conjunction.types.isDisjoint(with: TypeSet(of: value)) else { return false }
    if let values = conjunction.values, !values.contains(where: { $0.means(value) }) { return false }
    switch value {
    case .null, .bool: return true
    case .integer, .number:
      let bounds = conjunction.numbers
      if bounds.lower == nil && bounds.upper == nil { return true }
      guard let number = DecimalNumber(value) else { return false }
      return bounds.contains(number)
    case .string(let text):
      guard conjunction.lengths.contains(text.unicodeScalars.count) else { return false }
      let body = JSONText.body(text)
      for pattern in conjunction.patterns {
        if !(try automaton(of: pattern).accepts(body)) { return false }
      }
      return true
    case .array(let elements):
      guard conjunction.elementCounts.contains(elements.count) else { return false }
      for (index, element) in elements.enumerated() {
        if !(try allows(element, elementSchemas(conjunction, at: index))) { return false }
      }
      return true
    case .object(let object):
      guard conjunction.memberCounts.contains(object.members.count) else { return false }
      for key in conjunction.required where object[key] == nil { return false }
      for member in object.members {
        if !(try allows(member.value, try memberSchemas(conjunction, key: member.key))) { return false }
        if !conjunction.names.isEmpty, !(try allows(.string(member.key), conjunction.names)) { return false }
      }
      return true
    }
  }

  /// What must hold for element `index` of an array.
  func elementSchemas(_ conjunction: SchemaConjunction, at index: Int) -> SchemaList {
    conjunction.arrays.compactMap { rule in
      index < rule.prefix.count ? rule.prefix[index] : rule.rest
    }
  }

  /// What must hold for the member `key` of an object.
  mutating func memberSchemas(_ conjunction: SchemaConjunction, key: String) throws(GuidedError) -> SchemaList {
    let text = JSONText.body(key)
    var schemas: SchemaList = []
    var isDeclared = false
    for rule in conjunction.objects {
      let declared = rule.properties.filter { sameBytes($0.key, key) }.map(\.schema)
      let matched = rule.patterns.filter { $0.pattern.accepts(text) }.map(\.schema)
      isDeclared = isDeclared || !declared.isEmpty || !matched.isEmpty
      schemas += declared + matched
      if declared.isEmpty, matched.isEmpty, let additional = rule.additional { schemas.append(additional) }
    }
    if !isDeclared, isClosed(conjunction) { schemas.append(Self.nothing) }
    return schemas
  }

  /// Whether members that no schema mentions are forbidden because the format says so.
  func isClosed(_ conjunction: SchemaConjunction) -> Bool {
    !format.allowsUndeclaredProperties && !conjunction.objects.isEmpty
      && conjunction.objects.allSatisfy { $0.additional == nil }
  }
}
