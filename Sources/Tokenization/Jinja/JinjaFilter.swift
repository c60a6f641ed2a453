/// The filters behind `|`. The last line has those that exist in Jinja and are refused here by name.
enum JinjaFilter: String, CaseIterable, Sendable {
  case abs, attr, batch, capitalize, center, count, d, `default`, dictsort, e, escape, first, float, forceescape
  case format, groupby, indent, int, items, join, last, length, list, lower, map, max, min, reject, rejectattr
  case replace, reverse, round, safe, select, selectattr, slice, sort, string, sum, title, tojson, trim, truncate
  case unique, upper, urlencode, wordcount
  case filesizeformat, pprint, random, striptags, urlize, wordwrap, xmlattr

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })
}

extension JinjaInterpreter {
  /// Applies a filter; each family of filters has its own function.
  @inline(never)
  func apply(
    _ filter: JinjaFilter, to value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    switch filter {
    case .abs, .float, .int, .round: try numberFilter(filter, value, arguments)
    case .capitalize, .center, .e, .escape, .forceescape, .format, .indent, .lower, .replace, .safe, .string, .title,
      .trim, .truncate, .upper, .urlencode, .wordcount:
      try textFilter(filter, value, arguments)
    case .map, .select, .selectattr, .reject, .rejectattr: try lazyFilter(filter, value, arguments)
    case .dictsort, .groupby, .max, .min, .sort, .sum, .unique: try orderFilter(filter, value, arguments)
    case .attr, .batch, .count, .d, .default, .first, .items, .join, .last, .length, .list, .reverse, .slice:
      try sequenceFilter(filter, value, arguments)
    case .tojson: .string(try json(value, arguments))
    case .filesizeformat, .pprint, .random, .striptags, .urlize, .wordwrap, .xmlattr:
      throw unsupported("the filter '\(filter.rawValue)' is not supported")
    }
  }

  /// A stable merge sort; Python's order of equal items, whatever the direction.
  func sorted<Item>(
    _ items: [Item], reverse: Bool = false, by isLess: (Item, Item) throws(TemplateError) -> Bool
  ) throws(TemplateError) -> [Item] {
    try chargeItems(items.count)
    var source = items
    var width = 1
    while width < items.count {
      var merged: [Item] = []
      merged.reserveCapacity(items.count)
      var start = 0
      while start < items.count {
        let middle = Swift.min(start + width, items.count)
        let end = Swift.min(start + 2 * width, items.count)
        var left = start
        var right = middle
        while left < middle, right < end {
          try charge()
          let takesRight = try reverse ? isLess(source[left], source[right]) : isLess(source[right], source[left])
          merged.append(source[takesRight ? right : left])
          if takesRight { right += 1 } else { left += 1 }
        }
        merged += source[left..<middle]
        merged += source[right..<end]
        start = end
      }
      source = merged
      width *= 2
    }
    return source
  }

  // MARK: Attributes by path

  /// A path such as `address.0.city`, taken apart.
  enum PathPart {
    case name(AttributeName)
    case item(JinjaValue)
  }

  /// Takes an attribute argument apart: dots separate its parts, and parts of digits are integers.
  func path(_ value: JinjaValue?) throws(TemplateError) -> [PathPart] {
    guard let value, !value.isNone else { return [] }
    guard case .string(let text) = value else { return [.item(value)] }
    var parts: [PathPart] = []
    for part in try split(text, by: ".", limit: -1, fromRight: false) {
      if part.isEveryScalar(\.isPythonDigit) {
        guard let index = Int(part.text) else { throw bad("the attribute '\(part.text)' is not a usable number") }
        parts.append(.item(.int(index)))
      } else {
        parts.append(.name(AttributeName(part)))
      }
    }
    return parts
  }

  /// Follows a path by items first, then attributes; `fallback` stands in for what is undefined on the way.
  func follow(
    _ path: [PathPart], from value: JinjaValue, fallback: JinjaValue? = nil
  ) throws(TemplateError) -> JinjaValue {
    try charge()
    var value = value
    for part in path {
      switch part {
      case .name(let name): value = try item(.string(name.text), of: value)
      case .item(let key): value = try item(key, of: value)
      }
      if value.isUndefined, let fallback, !fallback.isNone { value = fallback }
    }
    return value
  }

  /// The value by which sorting and grouping compare: strings in lower case unless case counts.
  func comparable(_ value: JinjaValue, caseSensitive: Bool) throws(TemplateError) -> JinjaValue {
    guard !caseSensitive, case .string(let string) = value else { return value }
    try chargeString(string.utf8.count)
    return .string(string.lowercased())
  }
}
