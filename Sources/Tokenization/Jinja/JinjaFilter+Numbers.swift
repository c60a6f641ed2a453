/// Filters that make or change numbers.
extension JinjaInterpreter {
  /// Applies `abs`, `int`, `float` or `round`.
  func numberFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    switch filter {
    case .abs:
      _ = try bind("abs", arguments, [])
      if case .undefined(let reason) = value { throw undefined(reason) }
      if case .float(let number) = value { return .float(number.magnitude) }
      guard let number = integer(value) else { throw bad("'abs' needs a number, not a \(value.typeName)") }
      guard number != .min else { throw integerOverflow }
      return .int(Swift.abs(number))
    case .int: return try integerFilter(value, arguments)
    case .float:
      let fallback = try bind("float", arguments, ["default"])[0] ?? .float(0)
      if case .undefined(let reason) = value { throw undefined(reason) }
      if case .string(let string) = value { return floatValue(of: string).map { .float($0) } ?? fallback }
      return double(value).map { .float($0) } ?? fallback
    default: return try rounded(value, arguments)
    }
  }

  private func integerFilter(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("int", arguments, ["default", "base"])
    let fallback = values[0] ?? .int(0)
    let base = try integer(values[1], 10, "int")
    switch value {
    case .undefined(let reason): throw undefined(reason)
    case .int, .bool: return .int(integer(value) ?? 0)
    case .float(let number):
      guard !number.isInfinite else { throw bad("'int' cannot convert an infinity") }
      return number.isNaN ? fallback : .int(try truncated(number))
    case .string(let string):
      try chargeScan(string.utf8.count)
      guard base == 0 || (2...36).contains(base) else { return try viaFloat(string, fallback) }
      if let number = try integerValue(of: string, base: base) { return .int(number) }
      return try viaFloat(string, fallback)
    default: return fallback
    }
  }

  private func viaFloat(_ string: JinjaString, _ fallback: JinjaValue) throws(TemplateError) -> JinjaValue {
    guard let number = floatValue(of: string), number.isFinite else { return fallback }
    return .int(try truncated(number))
  }

  private func truncated(_ number: Double) throws(TemplateError) -> Int {
    guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw integerOverflow }
    return integer
  }

  /// The characters of a number without white space around and with ASCII digits.
  private func trimmed(_ string: JinjaString) -> [UInt8]? {
    var scalars = string.scalars[...]
    while scalars.first?.isPythonSpace ?? false { scalars.removeFirst() }
    while scalars.last?.isPythonSpace ?? false { scalars.removeLast() }
    var bytes: [UInt8] = []
    for scalar in scalars {
      if scalar.isASCII {
        bytes.append(UInt8(ascii: scalar))
      } else if scalar.isPythonDecimal, let value = scalar.properties.numericValue {
        bytes.append(48 + UInt8(value))
      } else {
        return nil
      }
    }
    return bytes
  }

  /// The text without the single underscores that may stand between digits; nil when they stand elsewhere.
  private func withoutUnderscores(_ bytes: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    for (index, byte) in bytes.enumerated() {
      guard byte == UInt8(ascii: "_") else {
        result.append(byte)
        continue
      }
      guard index > 0, index + 1 < bytes.count, Self.isAlphanumeric(bytes[index - 1]),
        Self.isAlphanumeric(bytes[index + 1])
      else { return nil }
    }
    return result
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (97...122).contains(byte | 0x20)
  }

  /// Python's `int(string, base)`, or nil when the string is not such a number.
  private func integerValue(of string: JinjaString, base: Int) throws(TemplateError) -> Int? {
    guard var bytes = trimmed(string) else { return nil }
    var isNegative = false
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      bytes.removeFirst()
    }
    var radix = base
    if bytes.count > 1, bytes[0] == 48 {
      let letters: [UInt8: Int] = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2]
      if let found = letters[bytes[1] | 0x20], base == found || base == 0 {
        radix = found
        bytes.removeFirst(2)
        if bytes.first == UInt8(ascii: "_") { bytes.removeFirst() }
      }
    }
    if radix == 0 {
      radix = 10
      // Base 0 reads numbers as source code does, where zeros in front are not allowed.
      if bytes.first == 48, bytes.contains(where: { (49...57).contains($0) }) { return nil }
    }
    guard let digits = withoutUnderscores(bytes), !digits.isEmpty else { return nil }
    var total = 0
    for digit in digits {
      let value = (48...57).contains(digit) ? Int(digit) - 48 : Int(digit | 0x20) - 87
      guard Self.isAlphanumeric(digit), value < radix else { return nil }
      let (product, overflow) = total.multipliedReportingOverflow(by: radix)
      let (sum, carries) = product.addingReportingOverflow(value)
      guard !overflow, !carries else { throw integerOverflow }
      total = sum
    }
    return isNegative ? -total : total
  }

  /// Python's `float(string)`, or nil when the string is not such a number.
  private func floatValue(of string: JinjaString) -> Double? {
    guard let bytes = trimmed(string), let digits = withoutUnderscores(bytes) else { return nil }
    let text = String(decoding: digits, as: UTF8.self)
    switch text.lowercased() {
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    case "nan", "+nan", "-nan": return .nan
    default: break
    }
    let isDecimal = digits.allSatisfy {
      (48...57).contains($0) || $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e")
        || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
    }
    guard isDecimal, digits.contains(where: { (48...57).contains($0) }) else { return nil }
    // Swift's parser wants a digit before the point, Python's does not.
    return Double(text) ?? Double(text.replacingLeadingPoint())
  }

  private func rounded(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let values = try bind("round", arguments, ["precision", "method"])
    let precision = try integer(values[0], 0, "round")
    let method = try values[1].map { value throws(TemplateError) in try string(value, "round") } ?? "common"
    guard method == "common" || method == "ceil" || method == "floor" else {
      throw bad("the method of 'round' must be common, ceil or floor")
    }
    guard precision.magnitude <= 300 else { throw bad("the precision of 'round' is too large") }
    if case .undefined(let reason) = value { throw undefined(reason) }
    guard let number = double(value) else { throw bad("'round' needs a number, not a \(value.typeName)") }
    if method == "common" {
      if let integer = integer(value) { return .int(try rounded(integer, precision)) }
      return .float(rounded(number, precision))
    }
    let isCeil = method == "ceil"
    let factor = try arithmetic(.power, .int(10), .int(precision))
    let scaled = try arithmetic(.multiply, value, factor)
    var whole = scaled
    if case .float(let number) = scaled {
      guard number.isFinite else { throw bad("'round' needs a finite number") }
      whole = .int(try truncated(number.rounded(isCeil ? .up : .down)))
    }
    return try arithmetic(.divide, whole, factor)
  }

  /// Python's `round` of an integer: half to even, only for places before the decimal point.
  private func rounded(_ value: Int, _ precision: Int) throws(TemplateError) -> Int {
    if precision >= 0 { return value }
    if precision < -19 { return 0 }
    guard case .int(let unit)? = try? arithmetic(.power, .int(10), .int(-precision)) else { return 0 }
    var (quotient, remainder) = value.quotientAndRemainder(dividingBy: unit)
    if remainder.magnitude * 2 > unit.magnitude || (remainder.magnitude * 2 == unit.magnitude && quotient & 1 == 1) {
      quotient += value < 0 ? -1 : 1
    }
    let (result, overflow) = quotient.multipliedReportingOverflow(by: unit)
    guard !overflow else { throw integerOverflow }
    return result
  }

  /// Python's `round` of a float: the exact decimal value, half to even.
  private func rounded(_ number: Double, _ precision: Int) -> Double {
    guard number.isFinite else { return number }
    let sign = number.sign == .minus ? "-" : ""
    if precision >= 0 { return Double(sign + FloatText.fixed(number, places: precision)) ?? number }
    let (digits, point) = FloatText.exactDigits(number.magnitude)
    let (kept, newPoint) = FloatText.rounded(digits, point: point, to: point + precision)
    let text = kept.isEmpty ? "0" : String(decoding: kept, as: UTF8.self) + "e\(newPoint - kept.count)"
    return Double(sign + text) ?? number
  }
}

extension String {
  /// `.5` as `0.5`, also behind a sign and before an exponent; `5.` as `5.0`.
  fileprivate func replacingLeadingPoint() -> String {
    var bytes = Array(utf8)
    if let point = bytes.firstIndex(of: UInt8(ascii: ".")) {
      if point + 1 == bytes.count || !(48...57).contains(bytes[point + 1]) { bytes.insert(48, at: point + 1) }
      if point == 0 || !(48...57).contains(bytes[point - 1]) { bytes.insert(48, at: point) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
