/// What may stand behind an expression: attributes, items, calls, filters and tests.
extension JinjaParser {
  /// Attributes, items and calls.
  mutating func accessSteps(into steps: inout [PostfixStep]) throws(TemplateError) {
    while case .punctuation(let punctuation) = token.kind {
      let line = line
      switch punctuation {
      case .dot:
        advance()
        switch token.kind {
        case .name(let name, _):
          advance()
          steps.append(PostfixStep(operation: .attribute(AttributeName(name)), line: line))
        case .integer(let value):
          advance()
          steps.append(PostfixStep(operation: .item(.integer(value)), line: line))
        default: throw failure("expected a name or a number behind '.', found \(token.described)")
        }
      case .leftBracket:
        advance()
        steps.append(PostfixStep(operation: try subscription(), line: line))
      case .leftParenthesis:
        steps.append(PostfixStep(operation: .call(try arguments()), line: line))
      default: return
      }
    }
  }

  /// Filters, tests, and calls of their results.
  mutating func filterSteps(into steps: inout [PostfixStep]) throws(TemplateError) {
    while true {
      let line = line
      if isAt(.pipe) {
        steps += try filterChain(startsInline: false)
      } else if isAt(.is) {
        advance()
        steps.append(PostfixStep(operation: try test(line: line), line: line))
      } else if isAt(.leftParenthesis) {
        steps.append(PostfixStep(operation: .call(try arguments()), line: line))
      } else {
        return
      }
    }
  }

  /// `|name(arguments)|name`; when it starts inline, the first bar is missing.
  mutating func filterChain(startsInline: Bool) throws(TemplateError) -> [PostfixStep] {
    var steps: [PostfixStep] = []
    var isInline = startsInline
    while isInline || skip(.pipe) {
      isInline = false
      let line = line
      let name = try dottedName()
      let filter = JinjaFilter.byName[name]
      if filter == nil { noteUnknown("filter", name, line: line) }
      let arguments = isAt(.leftParenthesis) ? try arguments() : ArgumentList()
      steps.append(
        PostfixStep(operation: .filter(FilterReference(name: name, filter: filter), arguments), line: line))
    }
    return steps
  }

  private mutating func test(line: Int) throws(TemplateError) -> PostfixStep.Operation {
    let isNegated = skip(.not)
    let name = try dottedName()
    let test = JinjaTest.byName[name]
    if test == nil { noteUnknown("test", name, line: line) }
    var list = ArgumentList()
    if isAt(.leftParenthesis) {
      list = try arguments()
    } else if startsTestArgument {
      if isAt(.is) { throw failure("tests with 'is' cannot be chained") }
      try enter()
      let base = try primary()
      var steps: [PostfixStep] = []
      try accessSteps(into: &steps)
      list.positional = [steps.isEmpty ? base : .postfix(base, steps)]
      leave()
    }
    return .test(TestReference(name: name, test: test), list, isNegated: isNegated)
  }

  private var startsTestArgument: Bool {
    switch token.kind {
    case .name(_, let keyword): keyword != .else && keyword != .or && keyword != .and
    case .string, .integer, .float: true
    case .punctuation(let punctuation): punctuation == .leftBracket || punctuation == .leftBrace
    default: false
    }
  }

  private mutating func noteUnknown(_ kind: String, _ name: JinjaString, line: Int) {
    guard !isConditional else { return }
    unknownNames.append(
      TemplateError(kind: .unsupported, message: "there is no \(kind) named '\(name.text)'", line: line))
  }

  private mutating func dottedName() throws(TemplateError) -> JinjaString {
    var name = try expectName()
    while skip(.dot) { name.utf8 += [UInt8(ascii: ".")] + (try expectName()).utf8 }
    return name
  }

  // MARK: Items and slices

  private mutating func subscription() throws(TemplateError) -> PostfixStep.Operation {
    var items: [JinjaExpression] = []
    var slice: PostfixStep.Operation?
    while !isAt(.rightBracket) {
      if !items.isEmpty || slice != nil { try expect(.comma) }
      var bounds: [JinjaExpression?] = []
      bounds.append(isAt(.colon) ? nil : try expression())
      while bounds.count < 3, skip(.colon) {
        let isOpen = isAt(.colon) || isAt(.rightBracket) || isAt(.comma)
        bounds.append(isOpen ? nil : try expression())
      }
      if bounds.count == 1, let item = bounds[0] {
        items.append(item)
      } else {
        slice = .slice(bounds[0], bounds[1], bounds.count > 2 ? bounds[2] : nil)
      }
    }
    let line = line
    try expect(.rightBracket)
    if let slice {
      guard items.isEmpty else { throw failure("a slice cannot be part of a tuple", line: line) }
      return slice
    }
    guard let first = items.first else { throw failure("expected an expression, found ']'", line: line) }
    return .item(items.count == 1 ? first : .tuple(items))
  }

  // MARK: Arguments

  /// The arguments of a call, with their parentheses.
  mutating func arguments() throws(TemplateError) -> ArgumentList {
    let line = line
    try expect(.leftParenthesis)
    var list = ArgumentList()
    var names: Set<JinjaString> = []
    while !isAt(.rightParenthesis) {
      if skip(.multiply) {
        guard list.spread == nil, list.keywordSpread == nil else { throw badArguments(line) }
        list.spread = try expression()
      } else if skip(.power) {
        guard list.keywordSpread == nil else { throw badArguments(line) }
        list.keywordSpread = try expression()
      } else if case .name(let name, _) = token.kind, case .punctuation(.assign) = nextToken.kind {
        guard list.keywordSpread == nil, names.insert(name).inserted else {
          throw badArguments(line)
        }
        advance()
        advance()
        list.keywords.append((name, try expression()))
      } else {
        guard list.spread == nil, list.keywordSpread == nil, list.keywords.isEmpty else { throw badArguments(line) }
        list.positional.append(try expression())
      }
      if !isAt(.rightParenthesis) { try expect(.comma) }
    }
    try expect(.rightParenthesis)
    return list
  }

  private func badArguments(_ line: Int) -> TemplateError {
    failure("the arguments are out of order or appear twice", line: line)
  }
}
