package import JSON

/// A compiled Jinja template, as `transformers` runs chat templates: `jinja2`'s immutable sandbox with `trim_blocks`,
/// `lstrip_blocks`, `break` and `continue`, the `generation` tag, a `tojson` that does not escape for HTML, and the
/// functions `raise_exception` and `strftime_now`.
///
/// What such a template could use and this engine does not have is an error that names it, never a different text.
package struct JinjaTemplate: Sendable {
  private let body: [JinjaStatement]
  private let symbols: [JinjaString]
  private let symbolIndices: [JinjaString: Int]

  /// Compiles the text of a template.
  package init(source: String) throws(TemplateError) {
    let result = try JinjaParser.parse(source)
    body = result.body
    symbols = result.symbols
    symbolIndices = Dictionary(uniqueKeysWithValues: symbols.enumerated().map { ($1, $0) })
  }

  /// Renders the template with the variables of `context`; of two with one name the later one counts.
  ///
  /// Nothing of one rendering is seen by another, so a template may be rendered on several threads at once.
  package func render(
    context: [(name: String, value: JSONValue)], limits: TemplateLimits = TemplateLimits(),
    clock: TemplateClock = .system
  ) throws(TemplateError) -> String {
    var values = [JinjaValue?](repeating: nil, count: symbols.count)
    for (name, index) in symbolIndices {
      if let function = JinjaFunction.byName[name] { values[index] = .function(function) }
    }
    for variable in context {
      guard let index = symbolIndices[JinjaString(variable.name)] else { continue }
      values[index] = try JinjaValue(variable.value, depth: 0)
    }
    let interpreter = JinjaInterpreter(
      symbols: symbols, loopSymbol: symbolIndices[JinjaParser.loopName], rootValues: values, limits: limits,
      clock: clock)
    return try interpreter.run(body)
  }
}

extension JinjaValue {
  /// The value that Python's `json` would read.
  init(_ json: JSONValue, depth: Int) throws(TemplateError) {
    guard depth < TemplateLimits.valueDepth else {
      throw TemplateError(
        kind: .limit, message: "the messages nest deeper than \(TemplateLimits.valueDepth) levels", line: 1)
    }
    switch json {
    case .null: self = .none
    case .bool(let flag): self = .bool(flag)
    case .integer(let value): self = .int(Int(value))
    case .number(let value): self = .float(value)
    case .string(let text): self = .string(JinjaString(text))
    case .array(let elements):
      var items: [JinjaValue] = []
      items.reserveCapacity(elements.count)
      var deepest = 0
      for element in elements {
        let item = try JinjaValue(element, depth: depth + 1)
        deepest = max(deepest, item.depth)
        items.append(item)
      }
      self = .list(JinjaList(items, depth: deepest + 1))
    case .object(let object):
      let dictionary = JinjaDictionary()
      for member in object.members {
        dictionary.set(JinjaString(member.key), to: try JinjaValue(member.value, depth: depth + 1))
      }
      self = .dictionary(dictionary)
    }
  }
}
