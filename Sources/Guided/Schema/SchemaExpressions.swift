import JSON

extension SchemaCompiler {
  /// The expression of a value for which all of `schemas` hold.
  mutating func expression(for schemas: SchemaList) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    for conjunction in try alternatives(of: schemas) { parts.append(try expression(for: conjunction)) }
    return try builder.choice(parts)
  }

  private mutating func expression(for conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    var parts: [ExpressionID] = []
    if let values = conjunction.values {
      for element in try fittingValues(of: conjunction, values, in: .both) { parts.append(try constant(element.value)) }
      return try builder.choice(parts)
    }
    let types = conjunction.types
    if types.contains(.object) { parts.append(try object(conjunction)) }
    if types.contains(.array) { parts.append(try array(conjunction)) }
    if types.contains(.string) { parts.append(try string(conjunction)) }
    if types.contains(.fraction) {
      parts.append(try builder.number(in: conjunction.numbers, isInteger: false))
    } else if types.contains(.integer) {
      parts.append(try builder.number(in: conjunction.numbers, isInteger: true))
    }
    if types.contains(.boolean) {
      parts.append(try builder.choice([builder.literal("true"), builder.literal("false")]))
    }
    if types.contains(.null) { parts.append(try builder.literal("null")) }
    return try builder.choice(parts)
  }

  /// One value, in the format's layout.
  private mutating func constant(_ value: JSONValue) throws(GuidedError) -> ExpressionID {
    try enter()
    defer { nesting -= 1 }
    switch value {
    case .array(let elements):
      var parts: [ExpressionID] = []
      for (index, element) in elements.enumerated() {
        if index > 0 { parts.append(try itemSeparator()) }
        parts.append(try constant(element))
      }
      return try enclosed("[", parts.isEmpty ? nil : try builder.sequence(parts), "]")
    case .object(let object):
      var parts: [ExpressionID] = []
      for (index, member) in object.members.enumerated() {
        if index > 0 { parts.append(try itemSeparator()) }
        parts.append(try quoted(member.key))
        parts.append(try keySeparator())
        parts.append(try constant(member.value))
      }
      return try enclosed("{", parts.isEmpty ? nil : try builder.sequence(parts), "}")
    case .string(let text): return try quoted(text)
    default: return try builder.literal(value.serialized())
    }
  }

  /// One string, in its usual spelling.
  mutating func quoted(_ text: String) throws(GuidedError) -> ExpressionID {
    try builder.add(.literal([UInt8(ascii: "\"")] + JSONText.body(text) + [UInt8(ascii: "\"")]))
  }

  // MARK: Layout

  /// What may stand where JSON allows white space; nil if nothing may.
  private mutating func space() throws(GuidedError) -> ExpressionID? {
    guard case .flexible(let count) = format.whitespace, count > 0 else { return nil }
    let character = try builder.add(.bytes([0x09...0x0A, 0x0D...0x0D, 0x20...0x20]))
    return try builder.repetition(character, minimum: 0, maximum: count)
  }

  mutating func itemSeparator() throws(GuidedError) -> ExpressionID {
    if case .fixed(let separator, _) = format.whitespace { return try builder.literal(separator) }
    return try spaced(",")
  }

  mutating func keySeparator() throws(GuidedError) -> ExpressionID {
    if case .fixed(_, let separator) = format.whitespace { return try builder.literal(separator) }
    return try spaced(":")
  }

  private mutating func spaced(_ text: String) throws(GuidedError) -> ExpressionID {
    let literal = try builder.literal(text)
    guard let before = try space(), let after = try space() else { return literal }
    return try builder.sequence([before, literal, after])
  }

  /// `content` between brackets; without content just them.
  mutating func enclosed(
    _ open: String, _ content: ExpressionID?, _ close: String
  ) throws(GuidedError) -> ExpressionID {
    var parts = [try builder.literal(open)]
    if let space = try space() { parts.append(space) }
    if let content {
      parts.append(content)
      if let space = try space() { parts.append(space) }
    }
    parts.append(try builder.literal(close))
    return try builder.sequence(parts)
  }
}
