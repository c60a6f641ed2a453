extension SchemaCompiler {
  /// The most characters that can be counted in a string that must match a pattern too.
  private static let countedLengthLimit = 2_000

  /// A string in quotation marks.
  mutating func string(_ conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    var body: ExpressionID
    if conjunction.patterns.isEmpty {
      body = try builder.repetition(
        try freeCharacter(), minimum: conjunction.lengths.minimum, maximum: conjunction.lengths.maximum)
    } else if conjunction.patterns.count == 1, conjunction.lengths.isUnbounded {
      let pattern = conjunction.patterns[0]
      body = try builder.add(pattern.node, as: .jsonString, isSearch: pattern.isSearch)
    } else {
      body = try builder.add(try stringAutomaton(conjunction))
    }
    return try builder.sequence([try builder.literal("\""), body, try builder.literal("\"")])
  }

  /// A character of a string without a pattern: itself, or any escape. Halves of surrogate pairs come in pairs only.
  mutating func freeCharacter() throws(GuidedError) -> ExpressionID {
    if let known = freeCharacterRule { return known }
    let pattern =
      "[^\"\\\\\\u0000-\\u001f]|\\\\([\"\\\\/bfnrt]|u([0-9a-ceA-CEfF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
      + "|[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
    var parser = RegexParser(pattern, nesting: builder.limits.nesting)
    let character = try builder.add(try parser.parse(), as: .text, isSearch: false)
    freeCharacterRule = character
    return character
  }

  /// Characters in the one way in which strings with patterns and keys are written.
  mutating func plainCharacter() throws(GuidedError) -> ExpressionID { try builder.scalar(of: .all, .jsonString) }

  /// What may stand between the quotation marks, as one automaton.
  mutating func stringAutomaton(_ conjunction: SchemaConjunction) throws(GuidedError) -> ByteAutomaton {
    var result: ByteAutomaton?
    for pattern in conjunction.patterns {
      let next = try automaton(of: pattern)
      result = try result.map { left throws(GuidedError) in try intersection(left, next) } ?? next
    }
    if let result, conjunction.lengths.isUnbounded { return result }
    let lengths = conjunction.lengths
    guard max(lengths.minimum, lengths.maximum ?? 0) <= Self.countedLengthLimit else {
      throw .unsupportedKeyword(
        keyword: "minLength or maxLength", pointer: conjunction.pointer,
        reason: "beside a pattern or a format at most \(Self.countedLengthLimit) can be counted")
    }
    let counted = try builder.add(
      .repetition(try plainCharacter(), minimum: lengths.minimum, maximum: lengths.maximum))
    let length = try builder.regularAutomaton(of: counted)
    return try result.map { left throws(GuidedError) in try intersection(left, length) } ?? length
  }

  private mutating func intersection(
    _ left: ByteAutomaton, _ right: ByteAutomaton
  ) throws(GuidedError) -> ByteAutomaton {
    try left.combined(with: right, excluding: false, limits: builder.limits, budget: &builder.budget)
  }

  /// What a pattern allows between the quotation marks.
  mutating func automaton(of pattern: StringPattern) throws(GuidedError) -> ByteAutomaton {
    builder.unrollsCounts = true
    defer { builder.unrollsCounts = false }
    let expression = try builder.add(pattern.node, as: .jsonString, isSearch: pattern.isSearch)
    return try builder.regularAutomaton(of: expression)
  }
}
