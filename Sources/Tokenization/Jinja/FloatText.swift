/// Floating-point numbers as Python writes them.
enum FloatText {
  /// `repr`: the shortest digits that read back as the same number, with an exponent below 1e-4 and from 1e16 on.
  static func representation(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let sign = value.sign == .minus ? "-" : ""
    if value == 0 { return sign + "0.0" }
    var (digits, point) = shortestDigits(value.magnitude)
    if point > -4, point <= 16 { return sign + fixed(digits, point: point, minimumFraction: 1) }
    let first = String(Unicode.Scalar(digits.removeFirst()))
    let rest = digits.isEmpty ? "" : "." + String(decoding: digits, as: UTF8.self)
    return sign + first + rest + exponent(point - 1)
  }

  /// The exponent as Python writes it: a sign and at least two digits.
  static func exponent(_ value: Int, letter: String = "e") -> String {
    letter + (value < 0 ? "-" : "+") + (value.magnitude < 10 ? "0" : "") + String(value.magnitude)
  }

  /// Decimal digits as a number without an exponent; the decimal point stands before digit `point`.
  static func fixed(_ digits: [UInt8], point: Int, minimumFraction: Int) -> String {
    var whole = point > 0 ? Array(digits.prefix(point)) : [48]
    if point > digits.count { whole += [UInt8](repeating: 48, count: point - digits.count) }
    var fraction = point < 0 ? [UInt8](repeating: 48, count: -point) : []
    fraction += digits.dropFirst(max(0, point))
    while fraction.count < minimumFraction { fraction.append(48) }
    let text = String(decoding: whole, as: UTF8.self)
    return fraction.isEmpty ? text : text + "." + String(decoding: fraction, as: UTF8.self)
  }

  /// The shortest digits of a positive finite number without zeros at the end, and the place of the decimal point.
  private static func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
    var digits: [UInt8] = []
    var point: Int?
    var exponent = 0
    var bytes = Array(value.description.utf8)
    if let letter = bytes.firstIndex(of: UInt8(ascii: "e")) {
      exponent = Int(String(decoding: bytes[(letter + 1)...], as: UTF8.self)) ?? 0
      bytes.removeSubrange(letter...)
    }
    for byte in bytes {
      if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
    }
    var place = (point ?? digits.count) + exponent
    let leading = digits.prefix { $0 == 48 }.count
    digits.removeFirst(leading)
    place -= leading
    while digits.last == 48 { digits.removeLast() }
    return (digits, place)
  }

  /// Every decimal digit of a finite number that is not negative, and the place of the decimal point: a binary
  /// fraction m / 2^k is m * 5^k / 10^k.
  static func exactDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
    guard value != 0 else { return ([], 0) }
    let significand = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
    let power = Int(max(value.exponentBitPattern, 1)) - 1075
    // Little-endian, in base 10^9.
    var limbs: [UInt64] = []
    var rest = significand
    while rest > 0 {
      limbs.append(rest % 1_000_000_000)
      rest /= 1_000_000_000
    }
    for _ in 0..<power.magnitude {
      var carry: UInt64 = 0
      for index in limbs.indices {
        let product = limbs[index] * (power < 0 ? 5 : 2) + carry
        limbs[index] = product % 1_000_000_000
        carry = product / 1_000_000_000
      }
      if carry > 0 { limbs.append(carry) }
    }
    var digits: [UInt8] = []
    for (index, limb) in limbs.reversed().enumerated() {
      let text = String(limb)
      if index > 0 { digits += [UInt8](repeating: 48, count: 9 - text.utf8.count) }
      digits += text.utf8
    }
    return (digits, digits.count - (power < 0 ? -power : 0))
  }

  /// Rounds decimal digits half to even to `count` of them; the result has `count` digits, or one more when the
  /// rounding carried over, in which case `point` has moved.
  static func rounded(
    _ digits: [UInt8], point: Int, to count: Int
  ) -> (digits: [UInt8], point: Int) {
    if count < 0 { return ([], point) }
    if count >= digits.count { return (digits, point) }
    var kept = Array(digits[..<count])
    let next = digits[count]
    let isExactHalf = next == 53 && digits[(count + 1)...].allSatisfy { $0 == 48 }
    let isOdd = (kept.last ?? 48) & 1 == 1
    guard next > 53 || (next == 53 && (!isExactHalf || isOdd)) else { return (kept, point) }
    var index = kept.count - 1
    while index >= 0, kept[index] == 57 {
      kept[index] = 48
      index -= 1
    }
    if index >= 0 {
      kept[index] += 1
      return (kept, point)
    }
    return ([49] + kept, point + 1)
  }

  /// The number without its sign, with exactly `places` digits behind the decimal point.
  static func fixed(_ value: Double, places: Int) -> String {
    let (digits, point) = exactDigits(value.magnitude)
    let (kept, newPoint) = rounded(digits, point: point, to: point + places)
    let text = fixed(kept.isEmpty ? [48] : kept, point: kept.isEmpty ? 1 : newPoint, minimumFraction: places)
    return text
  }

  /// The number without its sign as `d.ddde+xx`, with `places` digits behind the decimal point.
  static func scientific(_ value: Double, places: Int, letter: String = "e") -> String {
    let (digits, power) = significant(value, count: places + 1)
    let fraction = digits.dropFirst()
    let head = String(Unicode.Scalar(digits[0]))
    let tail = fraction.isEmpty ? "" : "." + String(decoding: fraction, as: UTF8.self)
    return head + tail + exponent(power, letter: letter)
  }

  /// Exactly `count` (at least 1) significant digits, and the decimal exponent of the first.
  static func significant(_ value: Double, count: Int) -> (digits: [UInt8], exponent: Int) {
    let (digits, point) = exactDigits(value.magnitude)
    guard !digits.isEmpty else { return ([UInt8](repeating: 48, count: count), 0) }
    var (kept, newPoint) = rounded(digits, point: point, to: count)
    while kept.count < count { kept.append(48) }
    return (Array(kept.prefix(count)), newPoint - 1)
  }

  /// The number without its sign in the form `%g`: `count` significant digits, without zeros at the end unless
  /// `keepsZeros`.
  static func general(_ value: Double, count: Int, keepsZeros: Bool, letter: String = "e") -> String {
    let count = max(1, count)
    var (digits, power) = significant(value, count: count)
    if !keepsZeros { while digits.count > 1, digits.last == 48 { digits.removeLast() } }
    if power >= -4, power < count { return fixed(digits, point: power + 1, minimumFraction: 0) }
    let head = String(Unicode.Scalar(digits.removeFirst()))
    let tail = digits.isEmpty ? "" : "." + String(decoding: digits, as: UTF8.self)
    return head + tail + exponent(power, letter: letter)
  }
}
