/// Evaluating expressions. The function that recurses only dispatches, so that it needs little stack.
extension JinjaInterpreter {
  /// The value of an expression.
  func evaluate(_ expression: JinjaExpression) throws(TemplateError) -> JinjaValue {
    switch expression {
    case .name(let name): return value(of: name)
    case .string(let string): return .string(string)
    case .none: return .none
    case .bool(let flag): return .bool(flag)
    case .integer(let value): return .int(value)
    case .float(let value): return .float(value)
    default: break
    }
    try enter()
    defer { leave() }
    switch expression {
    case .postfix(let base, let steps): return try evaluatePostfix(base, steps)
    case .arithmetic(let first, let links): return try evaluateArithmetic(first, links)
    case .concatenation(let parts): return try evaluateConcatenation(parts)
    case .comparison(let first, let links): return try evaluateComparison(first, links)
    case .and(let parts): return try evaluateChain(parts, stopsAt: false)
    case .or(let parts): return try evaluateChain(parts, stopsAt: true)
    case .not(let operand): return .bool(try !isTrue(evaluate(operand)))
    case .conditional(let test, let then, let otherwise):
      if try isTrue(evaluate(test)) { return try evaluate(then) }
      guard let otherwise else { return .undefined("the 'if' expression is false and has no 'else'") }
      return try evaluate(otherwise)
    case .list(let items): return try makeList(try evaluate(items))
    case .tuple(let items): return try makeTuple(try evaluate(items))
    case .dictionary(let items): return try evaluateDictionary(items)
    case .negative(let operand): return try negated(try evaluate(operand))
    case .positive(let operand): return try positive(try evaluate(operand))
    case .name, .string, .none, .bool, .integer, .float: return .none
    }
  }

  private func evaluate(_ expressions: [JinjaExpression]) throws(TemplateError) -> [JinjaValue] {
    var values: [JinjaValue] = []
    values.reserveCapacity(expressions.count)
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  @inline(never)
  private func evaluateArithmetic(
    _ first: JinjaExpression, _ links: [(operation: JinjaPunctuation, operand: JinjaExpression)]
  ) throws(TemplateError) -> JinjaValue {
    var value = try evaluate(first)
    for link in links { value = try arithmetic(link.operation, value, try evaluate(link.operand)) }
    return value
  }

  @inline(never)
  private func evaluateConcatenation(_ parts: [JinjaExpression]) throws(TemplateError) -> JinjaValue {
    var values: [JinjaValue] = []
    for part in parts { values.append(try evaluate(part)) }
    var result: [UInt8] = []
    for value in values {
      let text = try string(of: value)
      try chargeString(result.count + text.utf8.count)
      result += text.utf8
    }
    return .string(JinjaString(utf8: result))
  }

  @inline(never)
  private func evaluateComparison(
    _ first: JinjaExpression, _ links: [(operation: ComparisonOperator, operand: JinjaExpression)]
  ) throws(TemplateError) -> JinjaValue {
    var left = try evaluate(first)
    for link in links {
      let right = try evaluate(link.operand)
      guard try compare(left, link.operation, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  /// `and` (which stops at the first false value) and `or` (at the first true one); the value itself is the result.
  @inline(never)
  private func evaluateChain(_ parts: [JinjaExpression], stopsAt: Bool) throws(TemplateError) -> JinjaValue {
    var value = JinjaValue.none
    for part in parts {
      value = try evaluate(part)
      if try isTrue(value) == stopsAt { return value }
    }
    return value
  }

  @inline(never)
  private func evaluateDictionary(
    _ items: [(key: JinjaExpression, value: JinjaExpression)]
  ) throws(TemplateError) -> JinjaValue {
    let dictionary = JinjaDictionary()
    for item in items {
      let key = try evaluate(item.key)
      try set(dictionary, key, to: try evaluate(item.value))
    }
    return .dictionary(dictionary)
  }

  // MARK: Postfix operations

  @inline(never)
  private func evaluatePostfix(
    _ base: JinjaExpression, _ steps: [PostfixStep]
  ) throws(TemplateError) -> JinjaValue {
    try apply(steps, to: try evaluate(base))
  }

  /// Applies attribute and item accesses, calls, filters and tests to a value, from the left.
  func apply(_ steps: [PostfixStep], to value: JinjaValue) throws(TemplateError) -> JinjaValue {
    var value = value
    for step in steps {
      try charge()
      line = step.line
      switch step.operation {
      case .attribute(let name): value = try attribute(name, of: value)
      case .item(let index): value = try item(try evaluate(index), of: value)
      case .slice(let start, let stop, let stride):
        value = try slice(value, try evaluate(bound: start), try evaluate(bound: stop), try evaluate(bound: stride))
      case .call(let arguments):
        let list = try evaluate(arguments)
        let line = line
        value = try call(value, list)
        self.line = line
      case .filter(let reference, let arguments):
        let list = try evaluate(arguments)
        guard let filter = reference.filter else {
          throw unsupported("there is no filter named '\(reference.name.text)'")
        }
        value = try apply(filter, to: value, list)
      case .test(let reference, let arguments, let isNegated):
        let list = try evaluate(arguments)
        guard let test = reference.test else {
          throw unsupported("there is no test named '\(reference.name.text)'")
        }
        value = .bool(try holds(test, value, list) != isNegated)
      }
    }
    return value
  }

  private func evaluate(bound: JinjaExpression?) throws(TemplateError) -> JinjaValue {
    guard let bound else { return .none }
    return try evaluate(bound)
  }

  /// The values of the arguments of a call.
  func evaluate(_ list: ArgumentList) throws(TemplateError) -> Arguments {
    var arguments = Arguments()
    for expression in list.positional { arguments.positional.append(try evaluate(expression)) }
    var spread: [JinjaValue] = []
    if let expression = list.spread { spread = try items(of: try evaluate(expression)) }
    for keyword in list.keywords { arguments.keywords.append((keyword.name, try evaluate(keyword.value))) }
    arguments.positional += spread
    guard let expression = list.keywordSpread else { return arguments }
    guard case .dictionary(let dictionary) = try evaluate(expression) else {
      throw bad("the argument after '**' is not a dictionary")
    }
    try chargeItems(dictionary.count)
    for (key, value) in zip(dictionary.keys, dictionary.values) {
      guard case .string(let name) = key else { throw bad("a keyword argument's name is not a string") }
      guard arguments.keyword(name) == nil else { throw bad("the argument '\(name.text)' is given twice") }
      arguments.keywords.append((name, value))
    }
    return arguments
  }
}

/// The values of the arguments of a call, a filter or a test.
struct Arguments {
  /// Those without a name, in order.
  var positional: [JinjaValue] = []
  /// Those with a name; no name appears twice.
  var keywords: [(name: JinjaString, value: JinjaValue)] = []

  /// The value of a named argument, or nil.
  func keyword(_ name: JinjaString) -> JinjaValue? { keywords.first { $0.name == name }?.value }
}
