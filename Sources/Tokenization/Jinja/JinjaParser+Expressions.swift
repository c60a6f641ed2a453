/// Expressions, from the loosest binding to the tightest.
extension JinjaParser {
  /// Whether a tuple without brackets ends here.
  func isTupleEnd(_ ending: JinjaKeyword?) -> Bool {
    switch token.kind {
    case .variableEnd, .blockEnd, .end: true
    case .punctuation(let punctuation): punctuation == .rightParenthesis
    case .name(_, let keyword): keyword != nil && keyword == ending
    default: false
    }
  }

  /// One expression, or several with commas between them, which make a tuple.
  mutating func tuple(
    allowsConditional: Bool = true, ending: JinjaKeyword? = nil, isInParentheses: Bool = false
  ) throws(TemplateError) -> JinjaExpression {
    var items: [JinjaExpression] = []
    var isTuple = false
    while !isTupleEnd(ending) {
      items.append(try allowsConditional ? expression() : disjunction())
      guard skip(.comma) else { break }
      isTuple = true
    }
    if !isTuple, let first = items.first { return first }
    guard isTuple || isInParentheses else { throw failure("expected an expression, found \(token.described)") }
    return .tuple(items)
  }

  /// `a if b else c`, or what binds tighter.
  mutating func expression() throws(TemplateError) -> JinjaExpression {
    try enter()
    defer { leave() }
    let knownUnknowns = unknownNames.count
    var result = try disjunction()
    var links = 0
    while skip(.if) {
      let test = try disjunction()
      let otherwise = skip(.else) ? try expression() : nil
      result = .conditional(test: test, then: result, otherwise: otherwise)
      // Names within a conditional expression only matter when they are reached.
      unknownNames.removeLast(unknownNames.count - knownUnknowns)
      links += 1
      guard links <= 8 else { throw failure("more than 8 'if' in one expression; use parentheses or tags") }
    }
    return result
  }

  private mutating func disjunction() throws(TemplateError) -> JinjaExpression {
    let first = try conjunction()
    guard isAt(.or) else { return first }
    var parts = [first]
    while skip(.or) { parts.append(try conjunction()) }
    return .or(parts)
  }

  private mutating func conjunction() throws(TemplateError) -> JinjaExpression {
    let first = try negation()
    guard isAt(.and) else { return first }
    var parts = [first]
    while skip(.and) { parts.append(try negation()) }
    return .and(parts)
  }

  private mutating func negation() throws(TemplateError) -> JinjaExpression {
    var isNegated = false
    var isInverted = false
    while skip(.not) {
      isNegated = true
      isInverted.toggle()
    }
    let operand = try comparison()
    guard isNegated else { return operand }
    return isInverted ? .not(operand) : .not(.not(operand))
  }

  private mutating func comparisonOperator() -> ComparisonOperator? {
    let found: ComparisonOperator
    switch token.kind {
    case .punctuation(.equal): found = .equal
    case .punctuation(.notEqual): found = .notEqual
    case .punctuation(.less): found = .less
    case .punctuation(.lessOrEqual): found = .lessOrEqual
    case .punctuation(.greater): found = .greater
    case .punctuation(.greaterOrEqual): found = .greaterOrEqual
    case .name(_, .in): found = .in
    case .name(_, .not):
      guard case .name(_, .in) = nextToken.kind else { return nil }
      advance()
      found = .notIn
    default: return nil
    }
    advance()
    return found
  }

  private mutating func comparison() throws(TemplateError) -> JinjaExpression {
    let first = try arithmetic(.sum)
    var links: [(operation: ComparisonOperator, operand: JinjaExpression)] = []
    while let found = comparisonOperator() { links.append((found, try arithmetic(.sum))) }
    return links.isEmpty ? first : .comparison(first, links)
  }

  /// The ranks of arithmetic, from the loosest.
  private enum Rank { case sum, concatenation, product, power }

  private func arithmeticOperator(_ rank: Rank) -> JinjaPunctuation? {
    guard case .punctuation(let found) = token.kind else { return nil }
    switch (rank, found) {
    case (.sum, .add), (.sum, .subtract), (.concatenation, .tilde), (.product, .multiply), (.product, .divide),
      (.product, .floorDivide), (.product, .modulo), (.power, .power):
      return found
    default: return nil
    }
  }

  private mutating func arithmetic(_ rank: Rank) throws(TemplateError) -> JinjaExpression {
    let first = try arithmeticOperand(rank)
    var links: [(operation: JinjaPunctuation, operand: JinjaExpression)] = []
    while let found = arithmeticOperator(rank) {
      advance()
      links.append((found, try arithmeticOperand(rank)))
    }
    if links.isEmpty { return first }
    return rank == .concatenation ? .concatenation([first] + links.map(\.operand)) : .arithmetic(first, links)
  }

  private mutating func arithmeticOperand(_ rank: Rank) throws(TemplateError) -> JinjaExpression {
    switch rank {
    case .sum: try arithmetic(.concatenation)
    case .concatenation: try arithmetic(.product)
    case .product: try arithmetic(.power)
    case .power: try unary(allowsFilters: true)
    }
  }

  private mutating func unary(allowsFilters: Bool) throws(TemplateError) -> JinjaExpression {
    var base: JinjaExpression
    if isAt(.subtract) || isAt(.add) {
      let isNegative = isAt(.subtract)
      try enter()
      advance()
      let operand = try unary(allowsFilters: false)
      base = isNegative ? .negative(operand) : .positive(operand)
      leave()
    } else {
      base = try primary()
    }
    var steps: [PostfixStep] = []
    try accessSteps(into: &steps)
    if allowsFilters { try filterSteps(into: &steps) }
    return steps.isEmpty ? base : .postfix(base, steps)
  }

  /// A name, a literal, or something in brackets.
  mutating func primary() throws(TemplateError) -> JinjaExpression {
    switch token.kind {
    case .name(let name, let keyword):
      advance()
      switch keyword {
      case .trueLower, .trueUpper: return .bool(true)
      case .falseLower, .falseUpper: return .bool(false)
      case .noneLower, .noneUpper: return .none
      default:
        guard name != Self.selfName || isKnown(name) else {
          throw TemplateError(kind: .unsupported, message: "the name 'self' is not supported", line: line)
        }
        noteUse(of: name)
        return .name(symbol(name))
      }
    case .string(var text):
      advance()
      while case .string(let more) = token.kind {
        text.utf8 += more.utf8
        advance()
      }
      return .string(text)
    case .integer(let value):
      advance()
      return .integer(value)
    case .float(let value):
      advance()
      return .float(value)
    case .punctuation(.leftParenthesis):
      advance()
      let inner = try tuple(isInParentheses: true)
      try expect(.rightParenthesis)
      return inner
    case .punctuation(.leftBracket): return try list()
    case .punctuation(.leftBrace): return try dictionary()
    default: throw failure("unexpected \(token.described)")
    }
  }

  private mutating func list() throws(TemplateError) -> JinjaExpression {
    try expect(.leftBracket)
    var items: [JinjaExpression] = []
    while !isAt(.rightBracket) {
      items.append(try expression())
      if !isAt(.rightBracket) { try expect(.comma) }
    }
    try expect(.rightBracket)
    return .list(items)
  }

  private mutating func dictionary() throws(TemplateError) -> JinjaExpression {
    try expect(.leftBrace)
    var items: [(key: JinjaExpression, value: JinjaExpression)] = []
    while !isAt(.rightBrace) {
      let key = try expression()
      try expect(.colon)
      items.append((key, try expression()))
      if !isAt(.rightBrace) { try expect(.comma) }
    }
    try expect(.rightBrace)
    return .dictionary(items)
  }
}
