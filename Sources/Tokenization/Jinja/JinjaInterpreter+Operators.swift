#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Python's operators: truth, arithmetic, equality, order and membership.
extension JinjaInterpreter {
  /// Python's `bool`.
  func isTrue(_ value: JinjaValue) throws(TemplateError) -> Bool {
    switch value {
    case .undefined, .none: false
    case .bool(let flag): flag
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .string(let string): !string.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dictionary(let dictionary): dictionary.count > 0
    case .view(let view): view.dictionary.count > 0
    case .range(let range): range.count > 0
    case .loop(let loop): try loop.length() > 0
    case .iterator, .namespace, .macro, .method, .function, .cycler, .joiner: true
    }
  }

  // MARK: Arithmetic

  private enum Pair { case integers(Int, Int), floats(Double, Double) }

  private func numbers(_ left: JinjaValue, _ right: JinjaValue) -> Pair? {
    if let left = integer(left), let right = integer(right) { return .integers(left, right) }
    guard let left = double(left), let right = double(right) else { return nil }
    return .floats(left, right)
  }

  /// The floating-point number that a numeric value is, or nil.
  func double(_ value: JinjaValue) -> Double? {
    if case .float(let value) = value { return value }
    return integer(value).map { Double($0) }
  }

  /// The error for integers that Python could hold and this engine cannot.
  var integerOverflow: TemplateError {
    failure(.unsupported, "the integer does not fit into 64 bits; larger ones are not supported")
  }

  /// The result of `+ - * / // % **`.
  @inline(never)
  func arithmetic(
    _ operation: JinjaPunctuation, _ left: JinjaValue, _ right: JinjaValue
  ) throws(TemplateError) -> JinjaValue {
    if operation == .modulo, case .string(let format) = left {
      return .string(try percentFormatted(format, right))
    }
    if case .undefined(let reason) = left { throw undefined(reason) }
    if case .undefined(let reason) = right { throw undefined(reason) }
    switch numbers(left, right) {
    case .integers(let left, let right): return try integerArithmetic(operation, left, right)
    case .floats(let left, let right): return try floatArithmetic(operation, left, right)
    case nil: return try sequenceArithmetic(operation, left, right)
    }
  }

  private func integerArithmetic(
    _ operation: JinjaPunctuation, _ left: Int, _ right: Int
  ) throws(TemplateError) -> JinjaValue {
    var result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = left.addingReportingOverflow(right)
    case .subtract: result = left.subtractingReportingOverflow(right)
    case .multiply: result = left.multipliedReportingOverflow(by: right)
    case .power:
      if right < 0 { return try floatArithmetic(.power, Double(left), Double(right)) }
      result = Self.power(left, right)
    case .divide:
      guard right != 0 else { throw bad("division by zero") }
      return .float(Double(left) / Double(right))
    default:
      guard right != 0 else { throw bad("division by zero") }
      if operation == .modulo {
        // The remainder of the smallest integer by -1 overflows in hardware; it is 0.
        let remainder = right == -1 ? 0 : left % right
        return .int(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
      }
      result = left.dividedReportingOverflow(by: right)
      if !result.overflow, left % right != 0, (left < 0) != (right < 0) { result.partialValue -= 1 }
    }
    guard !result.overflow else { throw integerOverflow }
    return .int(result.partialValue)
  }

  private static func power(_ base: Int, _ exponent: Int) -> (partialValue: Int, overflow: Bool) {
    var result = 1
    var square = base
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 {
        let (product, overflow) = result.multipliedReportingOverflow(by: square)
        if overflow { return (0, true) }
        result = product
      }
      rest >>= 1
      if rest > 0 {
        let (product, overflow) = square.multipliedReportingOverflow(by: square)
        if overflow { return (0, true) }
        square = product
      }
    }
    return (result, false)
  }

  private func floatArithmetic(
    _ operation: JinjaPunctuation, _ left: Double, _ right: Double
  ) throws(TemplateError) -> JinjaValue {
    switch operation {
    case .add: return .float(left + right)
    case .subtract: return .float(left - right)
    case .multiply: return .float(left * right)
    case .power:
      guard left != 0 || right >= 0 else { throw bad("zero cannot be raised to a negative power") }
      guard left >= 0 || right == right.rounded() || !right.isFinite else {
        throw unsupported("a fractional power of a negative number is complex, which is not supported")
      }
      let result = pow(left, right)
      guard result.isFinite || !left.isFinite || !right.isFinite else { throw bad("the power is too large") }
      return .float(result)
    default: break
    }
    guard right != 0 else { throw bad("division by zero") }
    if operation == .divide { return .float(left / right) }
    // As CPython's float_divmod: the remainder first, then the quotient from it.
    var remainder = fmod(left, right)
    var quotient = (left - remainder) / right
    if remainder != 0 {
      if (right < 0) != (remainder < 0) {
        remainder += right
        quotient -= 1
      }
    } else {
      remainder = Double(signOf: right, magnitudeOf: 0)
    }
    if operation == .modulo { return .float(remainder) }
    if quotient == 0 { return .float(Double(signOf: left / right, magnitudeOf: 0)) }
    let floor = quotient.rounded(.down)
    return .float(quotient - floor > 0.5 ? floor + 1 : floor)
  }

  private func sequenceArithmetic(
    _ operation: JinjaPunctuation, _ left: JinjaValue, _ right: JinjaValue
  ) throws(TemplateError) -> JinjaValue {
    switch (operation, left, right) {
    case (.add, .string(let left), .string(let right)):
      try chargeString(left.utf8.count + right.utf8.count)
      guard left.isMarkup || right.isMarkup else { return .string(JinjaString(utf8: left.utf8 + right.utf8)) }
      return .string(JinjaString(utf8: try escaped(left).utf8 + escaped(right).utf8, isMarkup: true))
    case (.add, .list(let left), .list(let right)): return try makeList(left.items + right.items)
    case (.add, .tuple(let left), .tuple(let right)): return try makeTuple(left.items + right.items)
    case (.multiply, _, _):
      if let count = integer(right), let result = try repeated(left, count) { return result }
      if let count = integer(left), let result = try repeated(right, count) { return result }
    default: break
    }
    throw bad("'\(operation.rawValue)' does not work on a \(left.typeName) and a \(right.typeName)")
  }

  private func repeated(_ value: JinjaValue, _ count: Int) throws(TemplateError) -> JinjaValue? {
    let count = max(0, count)
    switch value {
    case .string(let string):
      return .string(JinjaString(utf8: try repeated(string.utf8, count), isMarkup: string.isMarkup))
    case .list(let list): return try makeList(try repeated(list.items, count))
    case .tuple(let list): return try makeTuple(try repeated(list.items, count))
    default: return nil
    }
  }

  private func repeated(_ items: [JinjaValue], _ count: Int) throws(TemplateError) -> [JinjaValue] {
    let (total, overflow) = items.count.multipliedReportingOverflow(by: count)
    try chargeItems(overflow ? .max : total)
    var result: [JinjaValue] = []
    if total > 0 { for _ in 0..<count { result += items } }
    return result
  }

  /// `bytes` `count` times over.
  func repeated(_ bytes: [UInt8], _ count: Int) throws(TemplateError) -> [UInt8] {
    let (total, overflow) = bytes.count.multipliedReportingOverflow(by: max(0, count))
    try chargeString(overflow ? .max : total)
    var result: [UInt8] = []
    result.reserveCapacity(total)
    if total > 0 { for _ in 0..<count { result += bytes } }
    return result
  }

  /// `-value`.
  func negated(_ value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if case .undefined(let reason) = value { throw undefined(reason) }
    if case .float(let value) = value { return .float(-value) }
    guard let value = integer(value) else { throw bad("'-' does not work on a \(value.typeName)") }
    guard value != .min else { throw integerOverflow }
    return .int(-value)
  }

  /// `+value`.
  func positive(_ value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if case .undefined(let reason) = value { throw undefined(reason) }
    if case .float = value { return value }
    guard let value = integer(value) else { throw bad("'+' does not work on a \(value.typeName)") }
    return .int(value)
  }
}

extension Double {
  /// A zero with the sign of another number.
  fileprivate init(signOf other: Double, magnitudeOf magnitude: Double) {
    self = Double(sign: other.sign, exponentBitPattern: magnitude.exponentBitPattern, significandBitPattern: 0)
  }
}
