import JSON

extension SchemaCompiler {
  /// Whether all of `schemas` hold for a value that the schema itself lists.
  private mutating func allows(_ value: JSONValue, _ schemas: SchemaList) throws(GuidedError) -> Bool {
    for conjunction in try alternatives(of: schemas) where try allows(value, conjunction) { return true }
    return false
  }

  /// Whether a value that the schema itself lists fits.
  mutating func allows(_ value: JSONValue, _ conjunction: SchemaConjunction) throws(GuidedError) -> Bool {
    if let values = conjunction.values {
      try builder.budget.spend(values.count)
      if !values.contains(where: { $0.means(value) }) { return false }
    }
    return try fits(value, conjunction)
  }

  /// Those of the values that a conjunction lists that fit everything else that it says.
  mutating func fittingValues(
    of conjunction: SchemaConjunction, _ values: [JSONValue]
  ) throws(GuidedError) -> [JSONValue] {
    var automata: [ByteAutomaton] = []
    if values.contains(where: { $0.stringValue != nil }) {
      for pattern in conjunction.patterns where !pattern.isFormat { automata.append(try automaton(of: pattern)) }
    }
    var plain = conjunction
    plain.patterns.removeAll { !$0.isFormat }
    var result: [JSONValue] = []
    for value in values where try fits(value, plain) {
      if let text = value.stringValue, !automata.isEmpty {
        let body = JSONText.body(text)
        try builder.budget.spend(body.count)
        guard automata.allSatisfy({ $0.accepts(body) }) else { continue }
      }
      result.append(value)
    }
    return result
  }

  /// Whether a value fits everything but the list of values. Formats do not refuse what a schema lists itself.
  private mutating func fits(_ value: JSONValue, _ conjunction: SchemaConjunction) throws(GuidedError) -> Bool {
    try enter()
    defer { nesting -= 1 }
    guard !conjunction.types.isDisjoint(with: TypeSet(of: value)) else { return false }
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
      for pattern in conjunction.patterns where !pattern.isFormat {
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
      let keys = Set(object.members.map { Array($0.key.utf8) })
      try builder.budget.spend(keys.count + conjunction.required.count)
      for key in conjunction.required where !keys.contains(Array(key.utf8)) { return false }
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

  /// What must hold for the member `key` of an object that is generated: one that the format leaves out can be nothing.
  mutating func memberSchemas(_ conjunction: SchemaConjunction, key: String) throws(GuidedError) -> SchemaList {
    let (schemas, isDeclared) = try writtenSchemas(conjunction, key: key)
    return !isDeclared && isClosed(conjunction) ? schemas + [Self.nothing] : schemas
  }

  /// What the schema as it is written says about the member `key`, and whether it mentions it.
  mutating func writtenSchemas(
    _ conjunction: SchemaConjunction, key: String
  ) throws(GuidedError) -> (schemas: SchemaList, isDeclared: Bool) {
    let text = JSONText.body(key)
    var schemas: SchemaList = []
    var isDeclared = false
    for rule in conjunction.objects {
      let declared = rule.schemaOfKey[Array(key.utf8)].map { [$0] } ?? []
      let matched = rule.patterns.filter { $0.pattern.accepts(text) }.map(\.schema)
      isDeclared = isDeclared || !declared.isEmpty || !matched.isEmpty
      schemas += declared + matched
      if declared.isEmpty, matched.isEmpty, let additional = rule.additional { schemas.append(additional) }
    }
    return (schemas, isDeclared)
  }

  /// Whether members that no schema mentions are forbidden because the format says so.
  func isClosed(_ conjunction: SchemaConjunction) -> Bool {
    !format.allowsUndeclaredProperties && !conjunction.objects.isEmpty
      && conjunction.objects.allSatisfy { $0.additional == nil }
  }
}
