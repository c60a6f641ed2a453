/// Filters that compare the items of a sequence.
extension JinjaInterpreter {
  /// Applies one of these filters.
  func orderFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    switch filter {
    case .dictsort: return try dictionarySorted(value, arguments)
    case .groupby: return try grouped(value, arguments)
    case .sort: return try sorted(value, arguments)
    case .sum: return try sum(value, arguments)
    default: break
    }
    let values = try bind(filter.rawValue, arguments, ["case_sensitive", "attribute"])
    let path = try path(values[1])
    let caseSensitive = try flag(values[0])
    if filter == .unique { return try unique(value, path, caseSensitive: caseSensitive) }
    var best: (item: JinjaValue, key: JinjaValue)?
    for item in try items(of: value) {
      let key = try comparable(try follow(path, from: item), caseSensitive: caseSensitive)
      guard let present = best else {
        best = (item, key)
        continue
      }
      let isBetter = try filter == .min ? isLess(key, present.key) : isLess(present.key, key)
      if isBetter { best = (item, key) }
    }
    return best?.item ?? .undefined("the sequence is empty")
  }

  private func sorted(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("sort", arguments, ["reverse", "case_sensitive", "attribute"])
    let caseSensitive = try flag(values[1])
    var paths: [[PathPart]] = []
    if case .string(let names)? = values[2] {
      for name in try split(names, by: ",", limit: -1, fromRight: false) { paths.append(try path(.string(name))) }
    } else {
      paths = [try path(values[2])]
    }
    var entries: [(item: JinjaValue, keys: [JinjaValue])] = []
    for item in try items(of: value) {
      var keys: [JinjaValue] = []
      for path in paths { keys.append(try comparable(try follow(path, from: item), caseSensitive: caseSensitive)) }
      entries.append((item, keys))
    }
    let result = try sorted(entries, reverse: try flag(values[0])) { (left, right) throws(TemplateError) in
      for (first, second) in zip(left.keys, right.keys) where try !self.isEqual(first, second) {
        return try self.isLess(first, second)
      }
      return false
    }
    return try makeList(result.map(\.item))
  }

  private func dictionarySorted(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("dictsort", arguments, ["case_sensitive", "by", "reverse"])
    let caseSensitive = try flag(values[0])
    let by = try values[1].map { value throws(TemplateError) in try string(value, "dictsort") } ?? "key"
    guard by == "key" || by == "value" else { throw bad("'dictsort' sorts by 'key' or 'value'") }
    if case .undefined(let reason) = value { throw undefined(reason) }
    guard case .dictionary(let dictionary) = value else {
      throw bad("'dictsort' needs a dict, not a \(value.typeName)")
    }
    var keys: [JinjaValue] = []
    for key in by == "key" ? dictionary.keys : dictionary.values {
      keys.append(try comparable(key, caseSensitive: caseSensitive))
    }
    let order = try sorted(Array(0..<keys.count), reverse: try flag(values[2])) { (left, right) throws(TemplateError) in
      try self.isLess(keys[left], keys[right])
    }
    var pairs: [JinjaValue] = []
    for index in order { pairs.append(try makeTuple([dictionary.keys[index], dictionary.values[index]])) }
    return try makeList(pairs)
  }

  private func grouped(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("groupby", arguments, ["attribute", "default", "case_sensitive"], required: 1)
    let path = try path(values[0])
    let caseSensitive = try flag(values[2])
    var entries: [(item: JinjaValue, real: JinjaValue, key: JinjaValue)] = []
    for item in try items(of: value) {
      let real = try follow(path, from: item, fallback: values[1])
      entries.append((item, real, try comparable(real, caseSensitive: caseSensitive)))
    }
    entries = try sorted(entries) { (left, right) throws(TemplateError) in try self.isLess(left.key, right.key) }
    var groups: [JinjaValue] = []
    var start = 0
    while start < entries.count {
      var end = start + 1
      while end < entries.count, try isEqual(entries[end].key, entries[start].key) { end += 1 }
      let members = try makeList(entries[start..<end].map(\.item))
      let group = [entries[start].real, members]
      groups.append(.tuple(JinjaList(group, depth: try nestedDepth(group), isGroup: true)))
      start = end
    }
    return try makeList(groups)
  }

  private func sum(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("sum", arguments, ["attribute", "start"])
    let path = try path(values[0])
    var total = values[1] ?? .int(0)
    if case .string = total { throw bad("'sum' does not add strings; use 'join'") }
    for item in try items(of: value) { total = try arithmetic(.add, total, try follow(path, from: item)) }
    return total
  }

  private func unique(
    _ value: JinjaValue, _ path: [PathPart], caseSensitive: Bool
  ) throws(TemplateError) -> JinjaValue {
    var seen: Set<JinjaDictionary.Key> = []
    var result: [JinjaValue] = []
    for item in try items(of: value) {
      let key = try comparable(try follow(path, from: item), caseSensitive: caseSensitive)
      guard let hashed = try self.key(key) else { throw bad("'unique' cannot compare a \(key.typeName)") }
      if seen.insert(hashed).inserted { result.append(item) }
    }
    return .iterator(JinjaIterator(items: result, depth: try nestedDepth(result)))
  }
}
