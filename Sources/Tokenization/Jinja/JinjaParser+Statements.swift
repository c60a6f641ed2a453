/// Tags and the text between them.
extension JinjaParser {
  /// Parses up to a tag that begins with one of `enders`, which stays the present token; without `enders`, to the end.
  mutating func statements(endingAt enders: [JinjaKeyword]) throws(TemplateError) -> [JinjaStatement] {
    try enter()
    var body: [JinjaStatement] = []
    while true {
      let line = line
      switch token.kind {
      case .data(let text):
        advance()
        body.append(JinjaStatement(kind: .text(text.utf8), line: line))
      case .variableBegin:
        advance()
        let expression = try tuple()
        guard case .variableEnd = token.kind else { throw failure("expected '}}', found \(token.described)") }
        advance()
        body.append(JinjaStatement(kind: .output(expression), line: line))
      case .blockBegin:
        advance()
        if let keyword, enders.contains(keyword) {
          leave()
          return body
        }
        try statement(into: &body, waitingFor: enders)
        try expectBlockEnd()
      default:
        guard enders.isEmpty else {
          throw failure("the template ends where '\(Self.list(enders))' is expected")
        }
        leave()
        return body
      }
    }
  }

  private static func list(_ enders: [JinjaKeyword]) -> String {
    enders.map(\.rawValue).joined(separator: "' or '")
  }

  /// The body of a tag: a colon may stand before the end of the tag.
  private mutating func block(endingAt enders: [JinjaKeyword]) throws(TemplateError) -> [JinjaStatement] {
    _ = skip(.colon)
    try expectBlockEnd()
    return try statements(endingAt: enders)
  }

  /// A body that is a scope of its own, with its end tag's name taken.
  private mutating func scopedBlock(endingAt ender: JinjaKeyword) throws(TemplateError) -> [JinjaStatement] {
    let outer = isConditional
    isConditional = false
    let body = try block(endingAt: [ender])
    isConditional = outer
    advance()
    return body
  }

  private mutating func statement(
    into body: inout [JinjaStatement], waitingFor enders: [JinjaKeyword]
  ) throws(TemplateError) {
    let line = line
    guard case .name(let name, let keyword) = token.kind else {
      throw failure("expected the name of a tag, found \(token.described)")
    }
    advance()
    let kind: JinjaStatement.Kind
    switch keyword {
    case .if: kind = try conditional()
    case .for: kind = try loop()
    case .set: kind = try assignment()
    case .macro: kind = try macro()
    case .call: kind = try callBlock(line: line)
    case .filter:
      let outer = isConditional
      isConditional = false
      let filters = try filterChain(startsInline: true)
      isConditional = outer
      kind = .filterBlock(filters: filters, body: try scopedBlock(endingAt: .endfilter))
    case .with: kind = try with()
    case .generation:
      // In `transformers` the body is the body of a call, which no `break` leaves.
      let outerLoops = loopDepth
      loopDepth = 0
      kind = .with([], body: try scopedBlock(endingAt: .endgeneration))
      loopDepth = outerLoops
    case .print:
      while !isAtBlockEnd {
        body.append(JinjaStatement(kind: .output(try expression()), line: line))
        if !isAtBlockEnd { try expect(.comma) }
      }
      return
    case .break, .continue:
      guard loopDepth > 0 else { throw failure("'\(name.text)' is outside of a loop", line: line) }
      kind = keyword == .break ? .breakLoop : .continueLoop
    case .block, .extends, .include, .from, .import, .autoescape:
      throw TemplateError(
        kind: .unsupported, message: "the tag '\(name.text)' is not supported in a chat template", line: line)
    default:
      let waiting = enders.isEmpty ? "" : "; '\(Self.list(enders))' is expected"
      throw failure("unknown tag '\(name.text)'\(waiting)", line: line)
    }
    body.append(JinjaStatement(kind: kind, line: line))
  }

  private mutating func conditional() throws(TemplateError) -> JinjaStatement.Kind {
    let outer = isConditional
    isConditional = true
    defer { isConditional = outer }
    var branches: [(test: JinjaExpression, body: [JinjaStatement])] = []
    while true {
      let test = try tuple(allowsConditional: false)
      branches.append((test, try block(endingAt: [.elif, .else, .endif])))
      let ender = keyword
      advance()
      if ender == .elif { continue }
      guard ender == .else else { return .conditional(branches, otherwise: []) }
      let otherwise = try block(endingAt: [.endif])
      advance()
      return .conditional(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(TemplateError) -> JinjaStatement.Kind {
    enclosingLoops += 1
    defer { enclosingLoops -= 1 }
    let target = try assignmentTarget(ending: .in)
    try expect(.in)
    let iterable = try tuple(allowsConditional: false, ending: .recursive)
    let outer = isConditional
    isConditional = false
    defer { isConditional = outer }
    let condition = skip(.if) ? try expression() : nil
    let isRecursive = skip(.recursive)
    loopDepth += 1
    let body = try block(endingAt: [.endfor, .else])
    loopDepth -= 1
    let hasElse = isAt(.else)
    advance()
    var otherwise: [JinjaStatement] = []
    if hasElse {
      otherwise = try block(endingAt: [.endfor])
      advance()
    }
    return .loop(
      LoopStatement(
        target: target, iterable: iterable, condition: condition, isRecursive: isRecursive, body: body,
        otherwise: otherwise))
  }

  private mutating func assignment() throws(TemplateError) -> JinjaStatement.Kind {
    let target = try assignmentTarget(allowsNamespace: true)
    if skip(.assign) { return .assign(target, try tuple()) }
    let outer = isConditional
    isConditional = false
    let filters = try filterChain(startsInline: false)
    isConditional = outer
    return .assignBlock(target, filters: filters, body: try scopedBlock(endingAt: .endset))
  }

  private mutating func with() throws(TemplateError) -> JinjaStatement.Kind {
    var bindings: [(target: AssignmentTarget, value: JinjaExpression)] = []
    while !isAtBlockEnd {
      if !bindings.isEmpty { try expect(.comma) }
      let target = try assignmentTarget()
      try expect(.assign)
      bindings.append((target, try expression()))
    }
    return .with(bindings, body: try scopedBlock(endingAt: .endwith))
  }

  // MARK: Macros

  private mutating func macro() throws(TemplateError) -> JinjaStatement.Kind {
    let name = try expectName()
    try checkAssignable(name)
    let definition = try definition(name: name, hasSignature: true, ender: .endmacro) {
      _ throws(TemplateError) in
    }
    return .macro(name: symbol(name), definition)
  }

  private mutating func callBlock(line: Int) throws(TemplateError) -> JinjaStatement.Kind {
    var call: (callee: JinjaExpression, arguments: ArgumentList)?
    let definition = try definition(name: nil, hasSignature: isAt(.leftParenthesis), ender: .endcall) {
      parser throws(TemplateError) in
      guard case .postfix(let base, var steps) = try parser.expression(),
        case .call(let arguments)? = steps.popLast()?.operation
      else { throw parser.failure("a 'call' tag needs a call", line: line) }
      call = (steps.isEmpty ? base : .postfix(base, steps), arguments)
    }
    guard let call else { throw failure("a 'call' tag needs a call", line: line) }
    return .call(definition, callee: call.callee, call.arguments)
  }

  /// The signature and the body of a macro; `betweenThem` parses what stands between the two.
  private mutating func definition(
    name: JinjaString?, hasSignature: Bool, ender: JinjaKeyword,
    betweenThem: (inout JinjaParser) throws(TemplateError) -> Void
  ) throws(TemplateError) -> MacroDefinition {
    let line = line
    let outerLoops = loopDepth
    let outer = isConditional
    isConditional = false
    let parameters = hasSignature ? try signature() : []
    isConditional = outer
    try betweenThem(&self)
    loopDepth = 0
    macroUses.append(MacroUses())
    let body = try scopedBlock(endingAt: ender)
    let uses = macroUses.removeLast()
    loopDepth = outerLoops
    let takesCaller = parameters.first { $0.name == Self.callerName }
    if uses.caller, let takesCaller, takesCaller.fallback == nil {
      throw failure("the parameter 'caller' needs a default value", line: line)
    }
    return MacroDefinition(
      name: name, parameters: parameters, body: body,
      usesCaller: uses.caller && takesCaller == nil,
      usesKeywordArguments: uses.keywordArguments && !parameters.contains { $0.name == Self.keywordArgumentsName },
      usesExtraArguments: uses.extraArguments && !parameters.contains { $0.name == Self.extraArgumentsName })
  }

  private mutating func signature() throws(TemplateError) -> [MacroDefinition.Parameter] {
    try expect(.leftParenthesis)
    var parameters: [MacroDefinition.Parameter] = []
    var names: Set<JinjaString> = []
    while !isAt(.rightParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let name = try expectName()
      try checkAssignable(name)
      guard names.insert(name).inserted else {
        throw failure("the parameter '\(name.text)' appears twice")
      }
      let fallback = skip(.assign) ? try expression() : nil
      if fallback == nil, parameters.last?.fallback != nil {
        throw failure("the parameter '\(name.text)' needs a default value, since the one before it has one")
      }
      parameters.append(MacroDefinition.Parameter(symbol: symbol(name), name: name, fallback: fallback))
    }
    try expect(.rightParenthesis)
    return parameters
  }

  // MARK: Targets

  /// What an assignment or a loop writes to: a name, an attribute of a namespace, or several of them.
  private mutating func assignmentTarget(
    allowsNamespace: Bool = false, ending: JinjaKeyword? = nil
  ) throws(TemplateError) -> AssignmentTarget {
    var targets: [AssignmentTarget] = []
    var isTuple = false
    while !isTupleEnd(ending) {
      targets.append(try singleTarget(allowsNamespace: allowsNamespace))
      guard skip(.comma) else { break }
      isTuple = true
    }
    guard let first = targets.first else { throw failure("expected a name, found \(token.described)") }
    return isTuple ? .tuple(targets) : first
  }

  private mutating func singleTarget(allowsNamespace: Bool) throws(TemplateError) -> AssignmentTarget {
    if skip(.leftParenthesis) {
      try enter()
      let target = try assignmentTarget()
      try expect(.rightParenthesis)
      leave()
      return target
    }
    let name = try expectName()
    if allowsNamespace, skip(.dot) { return .namespaceAttribute(symbol(name), try expectName()) }
    try checkAssignable(name)
    return .name(symbol(name))
  }

  private func checkAssignable(_ name: JinjaString) throws(TemplateError) {
    switch JinjaKeyword.byName[name] {
    case .trueLower, .trueUpper, .falseLower, .falseUpper, .noneLower, .noneUpper:
      throw failure("cannot assign to '\(name.text)'")
    default: break
    }
    if enclosingLoops > 0, name == Self.loopName { throw failure("cannot assign to 'loop' within a loop") }
  }
}
