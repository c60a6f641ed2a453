/// Filters on sequences that keep the order.
extension JinjaInterpreter {
  /// Applies one of these filters.
  func sequenceFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let name = filter.rawValue
    switch filter {
    case .d, .default:
      let values = try bind(name, arguments, ["default_value", "boolean"])
      let fallback = values[0] ?? .string("")
      if value.isUndefined { return fallback }
      guard try flag(values[1]) else { return value }
      return try isTrue(value) ? value : fallback
    case .attr:
      guard case .string(let attribute) = try bind(name, arguments, ["name"], required: 1)[0] else {
        throw bad("'attr' needs the name of an attribute")
      }
      return try ownAttribute(AttributeName(attribute), of: value)
        ?? .undefined(UndefinedReason(text: .attribute(attribute, ofType: value.typeName)))
    case .join:
      let values = try bind(name, arguments, ["d", "attribute"])
      let path = try path(values[1])
      let separator = try string(of: values[0] ?? .string(""))
      var parts: [JinjaString] = []
      for item in try items(of: value) { parts.append(try string(of: try follow(path, from: item))) }
      return .string(try joined(parts, by: separator))
    case .batch: return try batched(value, arguments)
    case .slice: return try sliced(value, arguments)
    default: _ = try bind(name, arguments, [])
    }
    switch filter {
    case .first: return try iterator(over: value).next() ?? .undefined("there is no first item")
    case .last: return try reversed(value, orNil: false)?.next() ?? .undefined("there is no last item")
    case .items:
      if value.isUndefined { return .iterator(JinjaIterator(items: [], depth: 1)) }
      guard case .dictionary(let dictionary) = value else { throw bad("'items' needs a dict, not a \(value.typeName)") }
      return .iterator(JinjaIterator(JinjaView(.items, of: dictionary)))
    case .list: return try makeList(try items(of: value))
    case .reverse:
      if case .string(let string) = value {
        try chargeString(string.utf8.count)
        return .string(JinjaString(scalars: string.scalars.reversed()))
      }
      if let iterator = try reversed(value, orNil: true) { return .iterator(iterator) }
      return try makeList(try items(of: value).reversed())
    default: return .int(try length(of: value))
    }
  }

  /// Python's `len`.
  private func length(of value: JinjaValue) throws(TemplateError) -> Int {
    switch value {
    case .undefined: return 0
    case .string(let string):
      try chargeScan(string.utf8.count)
      return string.count
    case .list(let list), .tuple(let list): return list.items.count
    case .dictionary(let dictionary): return dictionary.count
    case .view(let view): return view.dictionary.count
    case .range(let range): return range.count
    case .loop(let loop): return try loop.length()
    default: throw bad("a \(value.typeName) has no length")
    }
  }

  /// Python's `reversed`; for what it refuses, nil or an error.
  private func reversed(_ value: JinjaValue, orNil: Bool) throws(TemplateError) -> JinjaIterator? {
    switch value {
    case .undefined, .list, .tuple, .dictionary, .view, .range, .string:
      let items = try items(of: value)
      return JinjaIterator(items: items.reversed(), depth: try nestedDepth(items))
    default:
      if orNil { return nil }
      throw bad("a \(value.typeName) cannot be walked backwards")
    }
  }

  private func batched(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("batch", arguments, ["linecount", "fill_with"], required: 1)
    let size = try integer(values[0], 1, "batch")
    var rows: [JinjaValue] = []
    var row: [JinjaValue] = []
    for item in try items(of: value) {
      if row.count == size {
        rows.append(try makeList(row))
        row = []
      }
      row.append(item)
    }
    if !row.isEmpty {
      if let fill = values[1], !fill.isNone, row.count < size {
        try chargeItems(size)
        row += [JinjaValue](repeating: fill, count: size - row.count)
      }
      rows.append(try makeList(row))
    }
    return .iterator(JinjaIterator(items: rows, depth: try nestedDepth(rows)))
  }

  private func sliced(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("slice", arguments, ["slices", "fill_with"], required: 1)
    let count = try integer(values[0], 1, "slice")
    guard count != 0 else { throw bad("division by zero") }
    let items = try items(of: value)
    var columns: [JinjaValue] = []
    if count > 0 {
      try chargeItems(count)
      let (size, longer) = items.count.quotientAndRemainder(dividingBy: count)
      var start = 0
      for index in 0..<count {
        let end = start + size + (index < longer ? 1 : 0)
        var column = Array(items[start..<end])
        if let fill = values[1], !fill.isNone, index >= longer { column.append(fill) }
        columns.append(try makeList(column))
        start = end
      }
    }
    return .iterator(JinjaIterator(items: columns, depth: try nestedDepth(columns)))
  }
}
