/// Equality, order and membership.
extension JinjaInterpreter {
  /// One link of a comparison.
  @inline(never)
  func compare(
    _ left: JinjaValue, _ operation: ComparisonOperator, _ right: JinjaValue
  ) throws(TemplateError) -> Bool {
    switch operation {
    case .equal: try isEqual(left, right)
    case .notEqual: try !isEqual(left, right)
    case .less: try isOrdered(left, right, "<") { $0 < $1 }
    case .lessOrEqual: try isOrdered(left, right, "<=") { $0 <= $1 }
    case .greater: try isOrdered(left, right, ">") { $0 > $1 }
    case .greaterOrEqual: try isOrdered(left, right, ">=") { $0 >= $1 }
    case .in: try contains(right, left)
    case .notIn: try !contains(right, left)
    }
  }

  /// Python's `==`. Values nest at most `TemplateLimits.valueDepth` deep, which bounds the recursion.
  func isEqual(_ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> Bool {
    try charge()
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)):
      try chargeScan(min(left.utf8.count, right.utf8.count))
      return left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      guard left.items.count == right.items.count else { return false }
      for (first, second) in zip(left.items, right.items) where try !isEqual(first, second) { return false }
      return true
    case (.dictionary(let left), .dictionary(let right)): return try isEqual(left, right)
    case (.view(let left), .view(let right)):
      if left.part == .values || right.part == .values { return left === right }
      guard left.dictionary.count == right.dictionary.count, left.part == right.part else { return false }
      if left.part == .items { return try isEqual(left.dictionary, right.dictionary) }
      for key in left.dictionary.keys where try !contains(.dictionary(right.dictionary), key) { return false }
      return true
    case (.range(let left), .range(let right)):
      guard left.count == right.count else { return false }
      return left.count == 0 || (left.start == right.start && (left.count == 1 || left.step == right.step))
    default: break
    }
    if let left = integer(left), let right = integer(right) { return left == right }
    if let left = double(left), let right = double(right) { return left == right }
    return isSame(left, right)
  }

  private func isEqual(_ left: JinjaDictionary, _ right: JinjaDictionary) throws(TemplateError) -> Bool {
    guard left.count == right.count else { return false }
    for (key, value) in zip(left.keys, left.values) {
      guard let key = try self.key(key), let other = right.value(of: key) else { return false }
      guard try isEqual(value, other) else { return false }
    }
    return true
  }

  /// Python's `is`, as far as it is defined: by identity for objects, by value for what Python may share.
  func isSame(_ left: JinjaValue, _ right: JinjaValue) -> Bool {
    switch (left, right) {
    case (.none, .none): true
    case (.bool(let left), .bool(let right)): left == right
    case (.int(let left), .int(let right)): left == right
    case (.float(let left), .float(let right)): left == right
    case (.string(let left), .string(let right)): left == right
    case (.undefined(let left), .undefined(let right)): left === right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): left === right
    case (.dictionary(let left), .dictionary(let right)): left === right
    case (.namespace(let left), .namespace(let right)): left === right
    case (.iterator(let left), .iterator(let right)): left === right
    case (.loop(let left), .loop(let right)): left === right
    case (.macro(let left), .macro(let right)): left === right
    case (.cycler(let left), .cycler(let right)): left === right
    case (.joiner(let left), .joiner(let right)): left === right
    case (.function(let left), .function(let right)): left == right
    case (.method(let left), .method(let right)):
      left.method == right.method && isSame(left.receiver, right.receiver)
    default: false
    }
  }

  /// Python's `<` and its like: numbers, strings, and lists or tuples item by item.
  private func isOrdered(
    _ left: JinjaValue, _ right: JinjaValue, _ symbol: String, _ holds: (Double, Double) -> Bool
  ) throws(TemplateError) -> Bool {
    try charge()
    if case .undefined(let reason) = left { throw undefined(reason) }
    if case .undefined(let reason) = right { throw undefined(reason) }
    if let left = integer(left), let right = integer(right) {
      return holds(left < right ? -1 : left == right ? 0 : 1, 0)
    }
    if let left = double(left), let right = double(right) { return holds(left, right) }
    switch (left, right) {
    case (.string(let left), .string(let right)):
      try chargeScan(min(left.utf8.count, right.utf8.count))
      return holds(left == right ? 0 : left.precedes(right) ? -1 : 1, 0)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (first, second) in zip(left.items, right.items) where try !isEqual(first, second) {
        return try isOrdered(first, second, symbol, holds)
      }
      return holds(Double(left.items.count), Double(right.items.count))
    default: throw bad("'\(symbol)' does not work on a \(left.typeName) and a \(right.typeName)")
    }
  }

  /// Python's `<`.
  func isLess(_ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> Bool {
    try isOrdered(left, right, "<") { $0 < $1 }
  }

  /// Python's `item in container`.
  func contains(_ container: JinjaValue, _ item: JinjaValue) throws(TemplateError) -> Bool {
    switch container {
    case .string(let string):
      if case .undefined(let reason) = item { throw undefined(reason) }
      guard case .string(let part) = item else { throw bad("'in' a str needs a str, not a \(item.typeName)") }
      try chargeSearch(string.utf8.count)
      return string.contains(part)
    case .dictionary(let dictionary):
      guard let key = try self.key(item) else { throw bad("a \(item.typeName) cannot be a dictionary key") }
      return dictionary.position(of: key) != nil
    case .list(let list), .tuple(let list):
      for element in list.items where try isEqual(element, item) { return true }
      return false
    case .view(let view) where view.part == .keys: return try contains(.dictionary(view.dictionary), item)
    default:
      let iterator = try iterator(over: container)
      while let element = try iterator.next() {
        if try isEqual(element, item) { return true }
      }
      return false
    }
  }
}
