/// How a block of statements ended.
enum BlockEnd { case normal, breakLoop, continueLoop }

/// Running statements. Each kind has its own function, so that the one which recurses needs little stack.
extension JinjaInterpreter {
  /// Runs a block of statements, adding what they render to `output`.
  func execute(_ body: [JinjaStatement]) throws(TemplateError) -> BlockEnd {
    try enter()
    defer { leave() }
    for statement in body {
      line = statement.line
      switch statement.kind {
      case .text(let text): try emit(text[...])
      case .output(let expression): try emitValue(of: expression)
      case .assign(let target, let expression): try assign(target, expression)
      case .breakLoop: return .breakLoop
      case .continueLoop: return .continueLoop
      default:
        let end = try executeBlock(statement)
        if end != .normal { return end }
      }
    }
    return .normal
  }

  @inline(never)
  private func executeBlock(_ statement: JinjaStatement) throws(TemplateError) -> BlockEnd {
    switch statement.kind {
    case .conditional(let branches, let otherwise):
      for branch in branches where try isTrue(evaluate(branch.test)) { return try execute(branch.body) }
      return try execute(otherwise)
    case .loop(let loop):
      let iterable = try evaluate(loop.iterable)
      if loop.isRecursive {
        try emit(try renderLoop(loop, over: iterable, recursionDepth: 0, in: scope)[...])
        return .normal
      }
      return try run(loop, over: iterable, recursionDepth: 0)
    case .assignBlock(let target, let filters, let body):
      return try assignBlock(target, filters: filters, body: body)
    case .macro(let name, let definition):
      try captureScope()
      setVariable(name, to: .macro(JinjaMacro(definition, scope: scope)))
      return .normal
    case .call(let definition, let callee, let arguments):
      try executeCall(definition, callee: callee, arguments: arguments)
      return .normal
    case .filterBlock(let filters, let body):
      return try executeFilterBlock(filters, body: body)
    case .with(let bindings, let body): return try executeWith(bindings, body: body)
    case .text, .output, .assign, .breakLoop, .continueLoop: return .normal
    }
  }

  // MARK: Output

  /// Adds to what has been rendered.
  func emit(_ bytes: ArraySlice<UInt8>) throws(TemplateError) {
    guard output.count + bytes.count <= limits.outputBytes else {
      throw failure(.limit, "the rendered text is larger than \(limits.outputBytes) bytes")
    }
    try chargeString(bytes.count)
    output.append(contentsOf: bytes)
  }

  @inline(never)
  private func emitValue(of expression: JinjaExpression) throws(TemplateError) {
    let value = try evaluate(expression)
    if case .string(let string) = value {
      try emit(string.utf8[...])
    } else {
      try emit(try string(of: value).utf8[...])
    }
  }

  /// Renders with an empty output and returns what came, or nil when a `break` or `continue` left early.
  func capture(
    _ body: [JinjaStatement], end: inout BlockEnd
  ) throws(TemplateError) -> JinjaString? {
    let outer = output
    output = []
    defer { output = outer }
    end = try execute(body)
    return end == .normal ? JinjaString(utf8: output) : nil
  }

  // MARK: Tags

  @inline(never)
  private func assign(_ target: AssignmentTarget, _ expression: JinjaExpression) throws(TemplateError) {
    try checkNamespaces(target)
    try assign(target, try evaluate(expression))
  }

  @inline(never)
  private func assignBlock(
    _ target: AssignmentTarget, filters: [PostfixStep], body: [JinjaStatement]
  ) throws(TemplateError) -> BlockEnd {
    var end = BlockEnd.normal
    let inner = JinjaScope(parent: scope)
    let text = try withScope(inner) { () throws(TemplateError) -> JinjaValue? in
      guard let text = try capture(body, end: &end) else { return nil }
      return try apply(filters, to: .string(text))
    }
    if let text { try assign(target, text) }
    return end
  }

  @inline(never)
  private func executeFilterBlock(
    _ filters: [PostfixStep], body: [JinjaStatement]
  ) throws(TemplateError) -> BlockEnd {
    var end = BlockEnd.normal
    let inner = JinjaScope(parent: scope)
    let text = try withScope(inner) { () throws(TemplateError) -> JinjaValue? in
      guard let text = try capture(body, end: &end) else { return nil }
      return try apply(filters, to: .string(text))
    }
    if let text { try emit(try string(text, "filter").utf8[...]) }
    return end
  }

  @inline(never)
  private func executeWith(
    _ bindings: [(target: AssignmentTarget, value: JinjaExpression)], body: [JinjaStatement]
  ) throws(TemplateError) -> BlockEnd {
    let inner = JinjaScope(parent: scope)
    for binding in bindings {
      let value = try evaluate(binding.value)
      try withScope(inner) { () throws(TemplateError) in try assign(binding.target, value) }
    }
    return try withScope(inner) { () throws(TemplateError) in try execute(body) }
  }

  @inline(never)
  private func executeCall(
    _ definition: MacroDefinition, callee: JinjaExpression, arguments: ArgumentList
  ) throws(TemplateError) {
    try captureScope()
    let caller = JinjaValue.macro(JinjaMacro(definition, scope: scope))
    let callee = try evaluate(callee)
    var list = try evaluate(arguments)
    guard !list.keywords.contains(where: { $0.name == JinjaParser.callerName }) else {
      throw bad("the argument 'caller' is given by the 'call' tag")
    }
    list.keywords.append((JinjaParser.callerName, caller))
    let result = try call(callee, list)
    try emit(try string(result, "call").utf8[...])
  }

  // MARK: Loops

  @inline(never)
  private func run(
    _ loop: LoopStatement, over iterable: JinjaValue, recursionDepth: Int
  ) throws(TemplateError) -> BlockEnd {
    var source = try iterator(over: iterable)
    if let condition = loop.condition { source = try filtered(source, loop.target, condition) }
    let recursion = loop.isRecursive ? (loop, scope) : nil
    let state = LoopState(source, recursionDepth: recursionDepth, recursion: recursion)
    _ = try checkedDepth(state.depth)
    let outer = scope
    defer { scope = outer }
    var inner = JinjaScope(parent: outer)
    // Jinja's generated code notes an iteration at the end of the body, which `break` and `continue` skip.
    var hasFinishedBody = false
    while let item = try state.advance() {
      if inner.isCaptured { inner = JinjaScope(parent: outer) } else { inner.removeAll() }
      scope = inner
      bindLoop(state)
      try assign(loop.target, item)
      let end = try execute(loop.body)
      scope = outer
      if end == .breakLoop { break }
      if end == .normal { hasFinishedBody = true }
    }
    guard !hasFinishedBody, !loop.otherwise.isEmpty else { return .normal }
    scope = JinjaScope(parent: outer)
    return try execute(loop.otherwise)
  }

  /// The items of `source` for which the loop's own `if` holds, found one by one while the loop runs.
  private func filtered(
    _ source: JinjaIterator, _ target: AssignmentTarget, _ condition: JinjaExpression
  ) throws(TemplateError) -> JinjaIterator {
    let outer = scope
    return JinjaIterator(depth: try checkedDepth(source.depth + 1)) {
      [self] () throws(TemplateError) -> JinjaValue? in
      let inner = JinjaScope(parent: outer)
      return try withScope(inner) { () throws(TemplateError) -> JinjaValue? in
        while let item = try source.next() {
          try charge()
          inner.removeAll()
          try assign(target, item)
          if try isTrue(evaluate(condition)) { return item }
        }
        return nil
      }
    }
  }

  /// The text of a recursive loop, or of one that its own body calls, seen from `scope`.
  func renderLoop(
    _ loop: LoopStatement, over iterable: JinjaValue, recursionDepth: Int, in definitionScope: JinjaScope?
  ) throws(TemplateError) -> [UInt8] {
    let outerOutput = output
    let outerScope = scope
    output = []
    scope = definitionScope
    defer {
      output = outerOutput
      scope = outerScope
    }
    _ = try run(loop, over: iterable, recursionDepth: recursionDepth)
    return output
  }
}
