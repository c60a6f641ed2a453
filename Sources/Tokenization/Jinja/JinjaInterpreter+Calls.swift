/// Calling macros, global functions and methods.
extension JinjaInterpreter {
  /// Calls whatever can be called.
  @inline(never)
  func call(_ callee: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    switch callee {
    case .macro(let macro): return .string(JinjaString(utf8: try call(macro, arguments)))
    case .method(let method): return try call(method, arguments)
    case .function(let function): return try call(function, arguments)
    case .undefined(let reason): throw undefined(reason)
    case .joiner(let joiner):
      _ = try bind("joiner", arguments, [])
      defer { joiner.isUsed = true }
      return joiner.isUsed ? joiner.separator : .string("")
    case .loop(let loop):
      guard let recursion = loop.recursion else { throw bad("only a loop marked 'recursive' can be called") }
      let values = try bind("loop", arguments, ["iterable"], required: 1)
      let text = try renderLoop(
        recursion.statement, over: values[0] ?? .none, recursionDepth: loop.recursionDepth + 1, in: recursion.scope)
      return .string(JinjaString(utf8: text))
    default: throw bad("a \(callee.typeName) cannot be called")
    }
  }

  // MARK: Arguments

  /// Puts arguments in the order of `parameters`; the first `required` of them must be there.
  func bind(
    _ callee: String, _ arguments: Arguments, _ parameters: [String], required: Int = 0
  ) throws(TemplateError) -> [JinjaValue?] {
    guard arguments.positional.count <= parameters.count else {
      throw bad("'\(callee)' takes at most \(parameters.count) arguments, not \(arguments.positional.count)")
    }
    var values: [JinjaValue?] = arguments.positional
    while values.count < parameters.count { values.append(nil) }
    for keyword in arguments.keywords {
      guard let index = parameters.firstIndex(where: { $0.utf8.elementsEqual(keyword.name.utf8) }) else {
        throw bad("'\(callee)' has no argument '\(keyword.name.text)'")
      }
      guard index >= arguments.positional.count else {
        throw bad("'\(callee)' gets the argument '\(keyword.name.text)' twice")
      }
      values[index] = keyword.value
    }
    for index in 0..<required where values[index] == nil {
      throw bad("'\(callee)' needs the argument '\(parameters[index])'")
    }
    return values
  }

  /// An argument that must be an integer; `fallback` when it is not given.
  func integer(_ value: JinjaValue?, _ fallback: Int, _ callee: String) throws(TemplateError) -> Int {
    guard let value else { return fallback }
    if case .undefined(let reason) = value { throw undefined(reason) }
    guard let integer = integer(value) else { throw bad("'\(callee)' needs an int, not a \(value.typeName)") }
    return integer
  }

  /// An argument that must be a string.
  func string(_ value: JinjaValue?, _ callee: String) throws(TemplateError) -> JinjaString {
    if case .string(let string)? = value { return string }
    if case .undefined(let reason)? = value { throw undefined(reason) }
    throw bad("'\(callee)' needs a str, not a \(value?.typeName ?? "missing argument")")
  }

  /// The truth of an optional argument.
  func flag(_ value: JinjaValue?, _ fallback: Bool = false) throws(TemplateError) -> Bool {
    guard let value else { return fallback }
    return try isTrue(value)
  }

  // MARK: Macros

  @inline(never)
  private func call(_ macro: JinjaMacro, _ arguments: Arguments) throws(TemplateError) -> [UInt8] {
    let definition = macro.definition
    let name = definition.name?.text ?? "caller"
    var keywords = arguments.keywords
    let inner = JinjaScope(parent: macro.scope)
    var missing: [MacroDefinition.Parameter] = []
    for (index, parameter) in definition.parameters.enumerated() {
      if index < arguments.positional.count {
        inner.set(parameter.symbol, to: arguments.positional[index])
      } else if let position = keywords.firstIndex(where: { $0.name == parameter.name }) {
        inner.set(parameter.symbol, to: keywords.remove(at: position).value)
      } else {
        missing.append(parameter)
        inner.set(parameter.symbol, to: .undefined(UndefinedReason(text: .name(parameter.name))))
      }
    }
    try bindSpecials(of: definition, name: name, arguments.positional, &keywords, in: inner)
    let outerOutput = output
    let outerScope = scope
    output = []
    scope = inner
    defer {
      output = outerOutput
      scope = outerScope
    }
    for parameter in missing {
      guard let fallback = parameter.fallback else {
        let reason = "the macro '\(name)' got no value for its parameter '\(parameter.name.text)'"
        inner.set(parameter.symbol, to: .undefined(reason))
        continue
      }
      inner.set(parameter.symbol, to: try evaluate(fallback))
    }
    _ = try execute(definition.body)
    return output
  }

  /// Binds `caller`, `kwargs` and `varargs` in the scope of a macro that uses them, and refuses arguments that no
  /// parameter takes.
  private func bindSpecials(
    of definition: MacroDefinition, name: String, _ positional: [JinjaValue],
    _ keywords: inout [(name: JinjaString, value: JinjaValue)], in scope: JinjaScope
  ) throws(TemplateError) {
    if definition.usesCaller, let symbol = symbols.firstIndex(of: JinjaParser.callerName) {
      let position = keywords.firstIndex { $0.name == JinjaParser.callerName }
      let caller = position.map { keywords.remove(at: $0).value }
      scope.set(symbol, to: caller ?? .undefined("no caller is defined; use a 'call' tag"))
    }
    if definition.usesKeywordArguments, let symbol = symbols.firstIndex(of: JinjaParser.keywordArgumentsName) {
      let dictionary = JinjaDictionary()
      for keyword in keywords { try set(dictionary, .string(keyword.name), to: keyword.value) }
      scope.set(symbol, to: .dictionary(dictionary))
    } else if let keyword = keywords.first {
      throw bad("the macro '\(name)' has no parameter '\(keyword.name.text)'")
    }
    let extra = Array(positional.dropFirst(definition.parameters.count))
    if definition.usesExtraArguments, let symbol = symbols.firstIndex(of: JinjaParser.extraArgumentsName) {
      scope.set(symbol, to: try makeTuple(extra))
    } else if !extra.isEmpty {
      throw bad("the macro '\(name)' takes at most \(definition.parameters.count) arguments")
    }
  }

  // MARK: Methods of what is not a string

  private func call(_ method: JinjaMethod, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    switch (method.method, method.receiver) {
    case (.string(let name), .string(let string)): return try call(name, on: string, arguments)
    case (.list(let name), .list(let list)): return try call(name, on: list, method.receiver, arguments)
    case (.tuple(let name), .tuple(let list)): return try call(name, on: list, method.receiver, arguments)
    case (.dictionary(let name), .dictionary(let dictionary)): return try call(name, on: dictionary, arguments)
    case (.loop(let name), .loop(let loop)): return try call(name, on: loop, arguments)
    case (.cycler(let name), .cycler(let cycler)):
      _ = try bind("cycler", arguments, [])
      let present = cycler.items[cycler.position]
      cycler.position = name == .reset ? 0 : (cycler.position + 1) % cycler.items.count
      return name == .reset ? .none : present
    default: throw bad("a \(method.receiver.typeName) has no such method")
    }
  }

  private func call(
    _ name: ListMethod, on list: JinjaList, _ receiver: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    switch name {
    case .copy:
      _ = try bind("copy", arguments, [])
      return try makeList(list.items)
    case .count:
      let wanted = try bind("count", arguments, ["value"], required: 1)[0] ?? .none
      var count = 0
      for item in list.items where try isEqual(item, wanted) { count += 1 }
      return .int(count)
    case .index:
      let values = try bind("index", arguments, ["value", "start", "stop"], required: 1)
      let count = list.items.count
      func clamped(_ position: Int) -> Int { min(max(position < 0 ? position + count : position, 0), count) }
      let start = clamped(try integer(values[1], 0, "index"))
      let stop = clamped(try integer(values[2], count, "index"))
      if start < stop, let wanted = values[0] {
        for index in start..<stop where try isEqual(list.items[index], wanted) { return .int(index) }
      }
      throw bad("'index' found no such item in the \(receiver.typeName)")
    default: throw failure(.security, "'\(name.rawValue)' would change a list, which templates may not do")
    }
  }

  private func call(
    _ name: DictionaryMethod, on dictionary: JinjaDictionary, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    switch name {
    case .get:
      let values = try bind("get", arguments, ["key", "default"], required: 1)
      guard let value = values[0], let key = try self.key(value) else { throw bad("'get' got no usable key") }
      return dictionary.value(of: key) ?? values[1] ?? .none
    case .items, .keys, .values, .copy:
      _ = try bind(name.rawValue, arguments, [])
      switch name {
      case .items: return .view(JinjaView(.items, of: dictionary))
      case .keys: return .view(JinjaView(.keys, of: dictionary))
      case .values: return .view(JinjaView(.values, of: dictionary))
      default: return .dictionary(try copy(dictionary))
      }
    case .fromkeys: throw unsupported("the method 'fromkeys' of dictionaries is not supported")
    default: throw failure(.security, "'\(name.rawValue)' would change a dict, which templates may not do")
    }
  }

  private func call(
    _ name: LoopAttribute, on loop: LoopState, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    guard arguments.keywords.isEmpty else { throw bad("'loop.\(name.rawValue)' takes no keyword arguments") }
    if name == .cycle {
      guard !arguments.positional.isEmpty else { throw bad("'loop.cycle' needs items") }
      return arguments.positional[max(0, loop.index0) % arguments.positional.count]
    }
    if let last = loop.lastChanged, last.count == arguments.positional.count {
      var isSame = true
      for (old, new) in zip(last, arguments.positional) where try !isEqual(old, new) { isSame = false }
      if isSame { return .bool(false) }
    }
    if loop.lastChanged == nil { try register(loop) }
    _ = try nestedDepth(arguments.positional)
    loop.lastChanged = arguments.positional
    return .bool(true)
  }

  /// A dictionary of its own with the same items.
  func copy(_ dictionary: JinjaDictionary) throws(TemplateError) -> JinjaDictionary {
    let copy = JinjaDictionary()
    for (key, value) in zip(dictionary.keys, dictionary.values) { try set(copy, key, to: value) }
    return copy
  }

  // MARK: Global functions

  private func call(_ function: JinjaFunction, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    switch function {
    case .range: return .range(try range(arguments))
    case .dict: return .dictionary(try dictionary(from: arguments))
    case .namespace:
      let namespace = JinjaNamespace()
      try register(namespace)
      let initial = try dictionary(from: arguments)
      for (key, value) in zip(initial.keys, initial.values) {
        guard case .string(let name) = key else { continue }
        guard name.utf8.first != UInt8(ascii: "_") else {
          throw failure(.security, "a namespace cannot hold the name '\(name.text)', which begins with '_'")
        }
        namespace.attributes.set(name, to: value)
      }
      return .namespace(namespace)
    case .cycler:
      guard arguments.keywords.isEmpty, !arguments.positional.isEmpty else { throw bad("'cycler' needs items") }
      return .cycler(JinjaCycler(arguments.positional, depth: try nestedDepth(arguments.positional)))
    case .joiner:
      let separator = try bind("joiner", arguments, ["sep"])[0] ?? .string(", ")
      _ = try checkedDepth(separator.depth + 1)
      return .joiner(JinjaJoiner(separator: separator))
    case .raiseException:
      let message = try bind("raise_exception", arguments, ["message"], required: 1)[0] ?? .none
      throw failure(.raised, try string(of: message).text)
    case .strftimeNow:
      let format = try string(try bind("strftime_now", arguments, ["format"], required: 1)[0], "strftime_now")
      do {
        return .text(try clock.now().formatted(format.text))
      } catch {
        throw unsupported(error.description)
      }
    case .lipsum: throw unsupported("the function 'lipsum' is not supported")
    }
  }

  private func range(_ arguments: Arguments) throws(TemplateError) -> JinjaRange {
    let values = arguments.positional
    guard arguments.keywords.isEmpty, (1...3).contains(values.count) else {
      throw bad("'range' takes one to three integers")
    }
    let first = try integer(values[0], 0, "range")
    let start = values.count == 1 ? 0 : first
    let stop = values.count == 1 ? first : try integer(values[1], 0, "range")
    let step = values.count == 3 ? try integer(values[2], 1, "range") : 1
    guard step != 0 else { throw bad("the step of a range cannot be 0") }
    guard step > 0 ? start < stop : start > stop else {
      return JinjaRange(start: start, stop: stop, step: step, count: 0)
    }
    let (distance, overflow) =
      step > 0
      ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    let count = overflow ? Int.max : Int((UInt(distance) - 1) / step.magnitude) + 1
    guard count <= TemplateLimits.rangeCount else {
      throw failure(.limit, "a range has more than \(TemplateLimits.rangeCount) items")
    }
    return JinjaRange(start: start, stop: stop, step: step, count: count)
  }

  /// `dict(mapping or pairs, name=value, ...)`.
  private func dictionary(from arguments: Arguments) throws(TemplateError) -> JinjaDictionary {
    guard arguments.positional.count <= 1 else { throw bad("'dict' takes at most one positional argument") }
    var result = JinjaDictionary()
    if let source = arguments.positional.first {
      if case .dictionary(let dictionary) = source {
        result = try copy(dictionary)
      } else {
        for pair in try items(of: source) {
          let parts = try items(of: pair, atMost: 2)
          guard parts.count == 2 else { throw bad("'dict' needs pairs of a key and a value") }
          try set(result, parts[0], to: parts[1])
        }
      }
    }
    for keyword in arguments.keywords { try set(result, .string(keyword.name), to: keyword.value) }
    return result
  }
}
