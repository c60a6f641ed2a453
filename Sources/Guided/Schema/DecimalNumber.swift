import JSON

/// A bound of numbers, exactly as it is written: digits before and after the point.
struct DecimalNumber: Equatable, Sendable {
  var isNegative: Bool
  /// At least one digit; no zero before others.
  var integer: [UInt8]
  /// No zeros at the end.
  var fraction: [UInt8]

  static let zero = DecimalNumber(isNegative: false, integer: [0], fraction: [])

  private init(isNegative: Bool, integer: [UInt8], fraction: [UInt8]) {
    self.isNegative = isNegative
    self.integer = integer
    self.fraction = fraction
  }

  /// A number of a schema; nil for what is no number, and for numbers that are so large that a double may not be what
  /// was written.
  init?(_ value: JSONValue) {
    switch value {
    case .integer(let integer):
      self.init(
        isNegative: integer < 0, integer: String(integer.magnitude).utf8.map { $0 - 0x30 }, fraction: [])
    case .number(let number):
      guard number.magnitude < 0x1p63 else { return nil }
      self.init(number)
    default: return nil
    }
  }

  private init(_ number: Double) {
    // The shortest text that is read as this number: what a person has written, unless it had too many digits.
    var integer: [UInt8] = []
    var fraction: [UInt8] = []
    var exponent = 0
    var isBehindPoint = false
    let text = Array(number.magnitude.description.utf8)
    for (index, byte) in text.enumerated() {
      if byte == UInt8(ascii: ".") {
        isBehindPoint = true
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
        break
      } else if isBehindPoint {
        fraction.append(byte - 0x30)
      } else {
        integer.append(byte - 0x30)
      }
    }
    while exponent > 0 {
      integer.append(fraction.isEmpty ? 0 : fraction.removeFirst())
      exponent -= 1
    }
    if exponent < 0 {
      let zeros = [UInt8](repeating: 0, count: -exponent)
      let digits = zeros + integer
      fraction = digits.suffix(-exponent) + fraction
      integer = Array(digits.dropLast(-exponent))
    }
    while fraction.last == 0 { fraction.removeLast() }
    while integer.count > 1, integer.first == 0 { integer.removeFirst() }
    if integer.isEmpty { integer = [0] }
    self.init(isNegative: number < 0, integer: integer, fraction: fraction)
  }

  var isZero: Bool { integer == [0] && fraction.isEmpty }

  var negated: DecimalNumber { DecimalNumber(isNegative: !isNegative, integer: integer, fraction: fraction) }

  static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
    if left.isZero && right.isZero { return false }
    if left.isNegative != right.isNegative {
      return left.isZero ? !right.isNegative : right.isZero ? left.isNegative : left.isNegative
    }
    return left.isNegative ? right.magnitudeIsLess(than: left) : left.magnitudeIsLess(than: right)
  }

  private func magnitudeIsLess(than other: DecimalNumber) -> Bool {
    if integer.count != other.integer.count { return integer.count < other.integer.count }
    if integer != other.integer { return integer.lexicographicallyPrecedes(other.integer) }
    return fraction.lexicographicallyPrecedes(other.fraction)
  }
}
