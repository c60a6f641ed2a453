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
      body = try builder.add(try stringAutomaton(conjunction, in: .both))
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

  /// What may stand between the quotation marks, as one automaton, of the strings that fit in so many dialects.
  mutating func stringAutomaton(
    _ conjunction: SchemaConjunction, in dialects: Dialects
  ) throws(GuidedError) -> ByteAutomaton {
    var result: ByteAutomaton?
    for pattern in conjunction.patterns {
      let next = try automaton(of: pattern, in: dialects)
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

  /// What a pattern allows between the quotation marks, in so many dialects.
  mutating func automaton(of pattern: StringPattern, in dialects: Dialects) throws(GuidedError) -> ByteAutomaton {
    let reading = PatternReading(pattern: pattern.number, dialects: dialects)
    if let known = automata[reading] { return known }
    builder.unrollsCounts = true
    defer { builder.unrollsCounts = false }
    let expression = try builder.add(pattern.node, as: .jsonString, isSearch: pattern.isSearch, in: dialects)
    let automaton = try builder.regularAutomaton(of: expression)
    automata[reading] = automaton
    return automaton
  }

  /// Whether `automaton` accepts a text, which takes its length.
  mutating func accepts(_ text: [UInt8], _ automaton: ByteAutomaton) throws(GuidedError) -> Bool {
    try builder.budget.spend(1 + text.count)
    return automaton.accepts(text)
  }

  /// Whether the string whose text is `body` matches a pattern, in so many dialects.
  mutating func matches(
    _ body: [UInt8], _ pattern: StringPattern, in dialects: Dialects
  ) throws(GuidedError) -> Bool {
    try accepts(body, try automaton(of: pattern, in: dialects))
  }
}
