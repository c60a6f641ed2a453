/// The tests behind `is`.
enum JinjaTest: String, CaseIterable, Sendable {
  case odd, even, divisibleby, defined, undefined, filter, test, none, boolean, integer, float, lower, upper, string
  case mapping, number, sequence, iterable, callable, sameas, escaped, `in`
  case isTrue = "true"
  case isFalse = "false"
  case eq, equalto, ne, gt, greaterthan, ge, lt, lessthan, le
  case equal = "=="
  case notEqual = "!="
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })

  /// The comparison that the test stands for, if it is one.
  var comparison: ComparisonOperator? {
    switch self {
    case .eq, .equalto, .equal: .equal
    case .ne, .notEqual: .notEqual
    case .gt, .greaterthan, .greater: .greater
    case .ge, .greaterOrEqual: .greaterOrEqual
    case .lt, .lessthan, .less: .less
    case .le, .lessOrEqual: .lessOrEqual
    case .in: .in
    default: nil
    }
  }
}

extension JinjaInterpreter {
  /// Whether a test holds for a value.
  @inline(never)
  func holds(_ test: JinjaTest, _ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> Bool {
    let name = test.rawValue
    if let comparison = test.comparison {
      let other = try bind(name, arguments, test == .in ? ["seq"] : ["other"], required: 1)[0] ?? .none
      return try compare(value, comparison, other)
    }
    switch test {
    case .divisibleby:
      let divisor = try bind(name, arguments, ["num"], required: 1)[0] ?? .none
      return try isEqual(try arithmetic(.modulo, value, divisor), .int(0))
    case .sameas: return isSame(value, try bind(name, arguments, ["other"], required: 1)[0] ?? .none)
    default: _ = try bind(name, arguments, [])
    }
    switch test {
    case .odd, .even: return try isEqual(try arithmetic(.modulo, value, .int(2)), .int(test == .odd ? 1 : 0))
    case .defined: return !value.isUndefined
    case .undefined: return value.isUndefined
    case .filter, .test:
      guard let key = try key(value) else { throw bad("'\(name)' needs a name") }
      guard case .string(let wanted) = key else { return false }
      return test == .filter ? JinjaFilter.byName[wanted] != nil : JinjaTest.byName[wanted] != nil
    case .none: return value.isNone
    case .lower: return try string(of: value).isUniformCase(upper: false)
    case .upper: return try string(of: value).isUniformCase(upper: true)
    default: return isOfType(test, value)
    }
  }

  private func isOfType(_ test: JinjaTest, _ value: JinjaValue) -> Bool {
    switch (test, value) {
    case (.boolean, .bool), (.integer, .int), (.float, .float), (.string, .string), (.mapping, .dictionary),
      (.number, .bool), (.number, .int), (.number, .float):
      true
    case (.isTrue, .bool(let flag)): flag
    case (.isFalse, .bool(let flag)): !flag
    case (.sequence, .undefined), (.sequence, .string), (.sequence, .list), (.sequence, .tuple),
      (.sequence, .dictionary), (.sequence, .range):
      true
    case (.iterable, .undefined), (.iterable, .string), (.iterable, .list), (.iterable, .tuple),
      (.iterable, .dictionary), (.iterable, .range), (.iterable, .view), (.iterable, .iterator), (.iterable, .loop):
      true
    case (.callable, .undefined), (.callable, .macro), (.callable, .method), (.callable, .function),
      (.callable, .joiner), (.callable, .loop):
      true
    case (.escaped, .string(let string)): string.isMarkup
    default: false
    }
  }
}
