/// Character classes and case mappings as Python's `str` has them.
extension Unicode.Scalar {
  /// `str.isspace`: bidirectional class WS, B or S, or category Zs.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  /// One of the boundaries of `str.splitlines`.
  var isPythonLineBreak: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// `str.isalpha` of one scalar.
  var isPythonAlpha: Bool {
    if value < 0x80 { return (65...90).contains(value & ~0x20) }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
    default: return false
    }
  }

  /// `str.isdigit`, which takes superscripts and the like too.
  var isPythonDigit: Bool {
    if value < 0x80 { return (48...57).contains(value) }
    return properties.numericType == .decimal || properties.numericType == .digit
  }

  /// `str.isdecimal` of one scalar.
  var isPythonDecimal: Bool {
    value < 0x80 ? (48...57).contains(value) : properties.numericType == .decimal
  }

  /// `str.isnumeric` of one scalar.
  var isPythonNumeric: Bool { value < 0x80 ? (48...57).contains(value) : properties.numericType != nil }

  /// `str.isalnum` of one scalar.
  var isPythonAlnum: Bool { isPythonAlpha || isPythonNumeric }

  /// Whether `repr` shows the scalar as it is.
  var isPythonPrintable: Bool {
    if value < 0x7F { return value >= 0x20 }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator:
      return false
    default: return true
    }
  }

  /// Whether the scalar counts as upper case.
  var isPythonUpper: Bool { value < 0x80 ? (65...90).contains(value) : properties.isUppercase }
  /// Whether the scalar counts as lower case.
  var isPythonLower: Bool { value < 0x80 ? (97...122).contains(value) : properties.isLowercase }
  /// Whether the scalar is in title case.
  var isPythonTitle: Bool { properties.generalCategory == .titlecaseLetter }
}

extension JinjaString {
  /// `str.upper`.
  func uppercased() -> JinjaString {
    if isASCII { return JinjaString(utf8: utf8.map { (97...122).contains($0) ? $0 & ~0x20 : $0 }) }
    var result: [UInt8] = []
    for scalar in text.unicodeScalars { result.append(text: scalar.properties.uppercaseMapping) }
    return JinjaString(utf8: result)
  }

  /// `str.lower`.
  func lowercased() -> JinjaString {
    if isASCII { return JinjaString(utf8: utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }) }
    let scalars = scalars
    var result: [UInt8] = []
    for index in scalars.indices { result.append(text: Self.lowercase(scalars, at: index)) }
    return JinjaString(utf8: result)
  }

  /// First scalar in title case, the others in lower case.
  func capitalized() -> JinjaString {
    let scalars = scalars
    var result: [UInt8] = []
    for index in scalars.indices {
      result.append(
        text: index == 0 ? scalars[0].properties.titlecaseMapping : Self.lowercase(scalars, at: index))
    }
    return JinjaString(utf8: result)
  }

  /// `str.title`: every cased scalar after an uncased one in title case, the others in lower case.
  func titled() -> JinjaString {
    let scalars = scalars
    var result: [UInt8] = []
    var previousIsCased = false
    for (index, scalar) in scalars.enumerated() {
      result.append(
        text: previousIsCased ? Self.lowercase(scalars, at: index) : scalar.properties.titlecaseMapping)
      previousIsCased = scalar.properties.isCased
    }
    return JinjaString(utf8: result)
  }

  /// `str.swapcase`.
  func swappedCase() -> JinjaString {
    let scalars = scalars
    var result: [UInt8] = []
    for (index, scalar) in scalars.enumerated() {
      if scalar.isPythonUpper {
        result.append(text: Self.lowercase(scalars, at: index))
      } else if scalar.isPythonLower {
        result.append(text: scalar.properties.uppercaseMapping)
      } else {
        result.append(scalar: scalar)
      }
    }
    return JinjaString(utf8: result)
  }

  /// Whether there is a cased scalar and none in the other case.
  func isUniformCase(upper: Bool) -> Bool {
    var cased = false
    for scalar in text.unicodeScalars {
      if scalar.isPythonTitle || (upper ? scalar.isPythonLower : scalar.isPythonUpper) { return false }
      if upper ? scalar.isPythonUpper : scalar.isPythonLower { cased = true }
    }
    return cased
  }

  /// Whether the string has scalars and all of them satisfy `predicate`.
  func isEveryScalar(_ predicate: (Unicode.Scalar) -> Bool) -> Bool {
    !isEmpty && text.unicodeScalars.allSatisfy(predicate)
  }

  /// The lower case of one scalar; a capital sigma at the end of a word becomes the final form
  /// (Unicode Standard, section 3.13, Final_Sigma).
  private static func lowercase(_ scalars: [Unicode.Scalar], at index: Int) -> String {
    let scalar = scalars[index]
    guard scalar.value == 0x3A3 else { return scalar.properties.lowercaseMapping }
    let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
    let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    let isFinal = (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false)
    return isFinal ? "\u{3C2}" : "\u{3C3}"
  }
}
