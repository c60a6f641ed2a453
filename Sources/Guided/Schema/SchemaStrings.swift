extension SchemaCompiler {
  /// The most characters that can be counted in a string that must match a pattern too.
  private static let countedLengthLimit = 2_000

  /// A string in quotation marks.
  mutating func string(_ conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    var body: ExpressionID
    if conjunction.patterns.isEmpty {
      body = try builder.repetition(
        try character(), minimum: conjunction.lengths.minimum, maximum: conjunction.lengths.maximum)
    } else if conjunction.patterns.count == 1, conjunction.lengths.isUnbounded {
      let pattern = conjunction.patterns[0]
      body = try builder.add(pattern.node, as: .jsonString, isSearch: pattern.isSearch)
    } else {
      body = try builder.add(try stringAutomaton(conjunction))
    }
    return try builder.sequence([try builder.literal("\""), body, try builder.literal("\"")])
  }

  /// Any character of a string.
  mutating func character() throws(GuidedError) -> ExpressionID {
    if let known = characterExpression { return known }
    let character = try builder.scalar(of: .all, .jsonString)
    characterExpression = character
    return character
  }

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
      throw conjunction.unsupported(
        lengths.minimum > Self.countedLengthLimit ? "minLength" : "maxLength",
        "beside a pattern or a format at most \(Self.countedLengthLimit) can be counted")
    }
    let counted = try builder.add(
      .repetition(try character(), minimum: lengths.minimum, maximum: lengths.maximum))
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
