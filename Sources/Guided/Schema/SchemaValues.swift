import JSON

// Whether values that a schema itself lists fit it, in so many dialects of regular expressions: in both if they are to be
// generated, in one of them if it is to be ruled out that they fit something else.

extension SchemaCompiler {
  /// Whether all of `schemas` hold for a value, which stands at `pointer` or in a value there.
  private mutating func allows(
    _ value: JSONValue, _ schemas: SchemaList, at pointer: String, in dialects: Dialects
  ) throws(GuidedError) -> Bool {
    if schemas.isEmpty { return true }
    for conjunction in try alternatives(of: schemas) {
      if let values = conjunction.values, !values.contains(try number(of: value, at: pointer)) { continue }
      if try fits(value, conjunction, in: dialects) { return true }
    }
    return false
  }

  /// Those of the values that a conjunction lists that fit everything else that it says.
  mutating func fittingValues(
    of conjunction: SchemaConjunction, _ values: ListedValues, in dialects: Dialects
  ) throws(GuidedError) -> [(value: JSONValue, number: Int)] {
    var result: [(value: JSONValue, number: Int)] = []
    for element in values.elements where try fits(element.value, conjunction, in: dialects) { result.append(element) }
    return result
  }

  /// Whether a value fits everything but the list of values. Formats do not refuse what a schema lists itself.
  mutating func fits(
    _ value: JSONValue, _ conjunction: SchemaConjunction, in dialects: Dialects
  ) throws(GuidedError) -> Bool {
    try enter()
    defer { nesting -= 1 }
    guard !conjunction.types.isDisjoint(with: TypeSet(of: value)) else { return false }
    switch value {
    case .null, .bool: return true
    case .integer, .number:
      let bounds = conjunction.numbers
      if bounds.lower == nil && bounds.upper == nil { return true }
      // What is larger than whole numbers of 64 bits is neither written nor ruled out.
      guard let number = DecimalNumber(value) else { return dialects == .either }
      return bounds.contains(number)
    case .string(let text):
      try builder.budget.spend(text.utf8.count)
      guard conjunction.lengths.contains(text.unicodeScalars.count) else { return false }
      let body = JSONText.body(text)
      for pattern in conjunction.patterns where !pattern.isFormat {
        if !(try matches(body, pattern, in: dialects)) { return false }
      }
      return true
    case .array(let elements):
      guard conjunction.elementCounts.contains(elements.count) else { return false }
      for (index, element) in elements.enumerated() {
        let schemas = try elementSchemas(conjunction, at: index)
        if !(try allows(element, schemas, at: conjunction.pointer, in: dialects)) { return false }
      }
      return true
    case .object(let object): return try fits(object, conjunction, in: dialects)
    }
  }

  private mutating func fits(
    _ object: JSONObject, _ conjunction: SchemaConjunction, in dialects: Dialects
  ) throws(GuidedError) -> Bool {
    guard conjunction.memberCounts.contains(object.members.count) else { return false }
    let keys = Set(object.members.map { Array($0.key.utf8) })
    try builder.budget.spend(keys.count + conjunction.required.count)
    for key in conjunction.required where !keys.contains(Array(key.utf8)) { return false }
    for member in object.members {
      // What the format leaves out is not generated, but it rules nothing out: whoever checks the document knows the schema.
      let schemas =
        dialects == .both
        ? try memberSchemas(conjunction, key: member.key)
        : try writtenSchemas(conjunction, key: member.key, in: dialects).schemas
      if !(try allows(member.value, schemas, at: conjunction.pointer, in: dialects)) { return false }
      if !conjunction.names.isEmpty,
        !(try allows(.string(member.key), conjunction.names, at: conjunction.pointer, in: dialects))
      {
        return false
      }
    }
    return true
  }

  /// What must hold for element `index` of an array.
  mutating func elementSchemas(
    _ conjunction: SchemaConjunction, at index: Int
  ) throws(GuidedError) -> SchemaList {
    try builder.budget.spend(1 + conjunction.arrays.count)
    return conjunction.arrays.compactMap { rule in
      index < rule.prefix.count ? rule.prefix[index] : rule.rest
    }
  }

  /// What must hold for the member `key` of an object that is generated: one that the format leaves out can be nothing.
  mutating func memberSchemas(_ conjunction: SchemaConjunction, key: String) throws(GuidedError) -> SchemaList {
    let (schemas, isDeclared) = try writtenSchemas(conjunction, key: key, in: .both)
    return !isDeclared && isClosed(conjunction) ? schemas + [Self.nothing] : schemas
  }

  /// What the schema as it is written says about the member `key`, and whether it mentions it.
  ///
  /// - Parameter dialects: whether a member must fit what it says in both dialects, so that a pattern that matches in one of
  ///   them demands its schema as well as that of keys without a pattern, or in one of them, so that it demands neither.
  mutating func writtenSchemas(
    _ conjunction: SchemaConjunction, key: String, in dialects: Dialects
  ) throws(GuidedError) -> (schemas: SchemaList, isDeclared: Bool) {
    try builder.budget.spend(1 + key.utf8.count + conjunction.objects.count)
    let text = JSONText.body(key)
    let bytes = Array(key.utf8)
    var schemas: SchemaList = []
    var isDeclared = false
    for rule in conjunction.objects {
      var hasOwn = false
      var mayHaveOwn = false
      if let schema = rule.schemaOfKey[bytes] {
        schemas.append(schema)
        hasOwn = true
      }
      for (pattern, schema) in rule.patterns where try matches(text, pattern, in: .either) {
        let isCertain = try matches(text, pattern, in: .both)
        if isCertain || dialects == .both { schemas.append(schema) }
        hasOwn = hasOwn || isCertain
        mayHaveOwn = true
      }
      isDeclared = isDeclared || hasOwn
      if let additional = rule.additional, !hasOwn, dialects == .both || !mayHaveOwn { schemas.append(additional) }
    }
    return (schemas, isDeclared)
  }

  /// Whether members that no schema mentions are forbidden because the format says so.
  func isClosed(_ conjunction: SchemaConjunction) -> Bool {
    !format.allowsUndeclaredProperties && !conjunction.objects.isEmpty
      && conjunction.objects.allSatisfy { $0.additional == nil }
  }
}
