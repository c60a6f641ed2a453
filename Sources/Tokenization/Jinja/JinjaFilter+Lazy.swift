/// `map`, `select` and their relatives, which yield items one by one as they are asked for.
extension JinjaInterpreter {
  /// The iterator that one of these filters makes.
  func lazyFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    var depth = value.depth
    for argument in arguments.positional { depth = Swift.max(depth, argument.depth) }
    for keyword in arguments.keywords { depth = Swift.max(depth, keyword.value.depth) }
    depth = try checkedDepth(depth + 2)
    try chargeItems(8)
    let line = line
    var source: JinjaIterator?
    var step: ((JinjaValue) throws(TemplateError) -> JinjaValue?)?
    // As in Python's generators, nothing is looked at before the first item is asked for.
    return .iterator(
      JinjaIterator(depth: depth) { [self] () throws(TemplateError) -> JinjaValue? in
        self.line = line
        try enter()
        defer { leave() }
        if source == nil {
          guard try isTrue(value) else { return nil }
          step = try filter == .map ? mapping(arguments) : selection(filter, arguments)
          source = try iterator(over: value)
        }
        while let item = try source?.next() {
          try charge()
          if let result = try step?(item) { return result }
        }
        return nil
      })
  }

  private func mapping(
    _ arguments: Arguments
  ) throws(TemplateError) -> (JinjaValue) throws(TemplateError) -> JinjaValue? {
    if arguments.positional.isEmpty, let attribute = arguments.keyword("attribute") {
      for keyword in arguments.keywords where keyword.name != "attribute" && keyword.name != "default" {
        throw bad("'map' has no argument '\(keyword.name.text)'")
      }
      let path = try path(attribute)
      let fallback = arguments.keyword("default")
      return { [self] (item) throws(TemplateError) in try follow(path, from: item, fallback: fallback) }
    }
    guard case .string(let name)? = arguments.positional.first else { throw bad("'map' needs the name of a filter") }
    guard let filter = JinjaFilter.byName[name] else { throw unsupported("there is no filter named '\(name.text)'") }
    let rest = Arguments(positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
    return { [self] (item) throws(TemplateError) in try apply(filter, to: item, rest) }
  }

  private func selection(
    _ filter: JinjaFilter, _ arguments: Arguments
  ) throws(TemplateError) -> (JinjaValue) throws(TemplateError) -> JinjaValue? {
    let isByAttribute = filter == .selectattr || filter == .rejectattr
    let wanted = filter == .select || filter == .selectattr
    var positional = arguments.positional[...]
    var path: [PathPart] = []
    if isByAttribute {
      guard let attribute = positional.popFirst() else { throw bad("'\(filter.rawValue)' needs an attribute") }
      path = try self.path(attribute)
    }
    guard let first = positional.popFirst() else {
      return { [self] (item) throws(TemplateError) in
        try isTrue(try follow(path, from: item)) == wanted ? item : nil
      }
    }
    guard case .string(let name) = first else { throw bad("'\(filter.rawValue)' needs the name of a test") }
    guard let test = JinjaTest.byName[name] else { throw unsupported("there is no test named '\(name.text)'") }
    let rest = Arguments(positional: Array(positional), keywords: arguments.keywords)
    return { [self] (item) throws(TemplateError) in
      try holds(test, try follow(path, from: item), rest) == wanted ? item : nil
    }
  }
}
