extension RegexParser {
  /// What a class is made of, and what an escape stands for.
  enum Member {
    case scalar(UInt32)
    case named(DialectSet.Name)
  }

  /// A class; the next character is the one after '['. Its parts are collected first: to put each into a set that is in order
  /// would take the square of their number.
  mutating func characterClass() throws(GuidedError) -> DialectSet {
    let start = offset - 1
    let isInverted = take("^")
    guard next != Self.code("]") else {
      throw error("a ']' that begins a class; write '\\]' for the character, '[\\s\\S]' for any", at: start)
    }
    var ranges: [ClosedRange<UInt32>] = []
    var names: Set<DialectSet.Name> = []
    while !take("]") {
      try budget.spend(2)
      guard next != nil else { throw error("a '[' without a ']'", at: start) }
      switch try classMember() {
      case .named(let name): names.insert(name)
      case .scalar(let first):
        guard next == Self.code("-"), offset + 1 < scalars.count, scalars[offset + 1] != Self.code("]") else {
          ranges.append(first...first)
          continue
        }
        let place = offset
        offset += 1
        switch try classMember() {
        case .named(let name):
          ranges += [first...first, 0x2D...0x2D]
          names.insert(name)
        case .scalar(let last):
          guard first <= last else { throw error("a range whose ends are out of order", at: place) }
          ranges.append(first...last)
        }
      }
    }
    let set = DialectSet(ranges, names)
    try budget.spend(8 * set.rangeCount)
    return isInverted ? set.inverted : set
  }

  private mutating func classMember() throws(GuidedError) -> Member {
    guard let scalar = next else { throw error("a '[' without a ']'") }
    offset += 1
    return scalar == Self.code("\\") ? try escape(inClass: true) : .scalar(scalar)
  }

  /// An escape; the next character is the one after '\'.
  mutating func escape(inClass: Bool) throws(GuidedError) -> Member {
    let start = offset - 1
    guard let value = next, let scalar = Unicode.Scalar(value) else { throw error("a '\\' at the end", at: start) }
    offset += 1
    switch scalar {
    case "d": return .named(.digit)
    case "D": return .named(.notDigit)
    case "w": return .named(.word)
    case "W": return .named(.notWord)
    case "s": return .named(.space)
    case "S": return .named(.notSpace)
    case "t": return .scalar(0x09)
    case "n": return .scalar(0x0A)
    case "v": return .scalar(0x0B)
    case "f": return .scalar(0x0C)
    case "r": return .scalar(0x0D)
    case "b" where inClass: return .scalar(0x08)
    case "b", "B": throw error("word boundaries are not supported", at: start)
    case "p", "P": throw error("Unicode properties are not supported; write the ranges", at: start)
    case "k": throw error("backreferences are not supported", at: start)
    case "0":
      if let next, next >= 0x30, next <= 0x39 { throw error("octal escapes are not supported", at: start) }
      return .scalar(0)
    case "1"..."9": throw error("backreferences are not supported", at: start)
    case "x": return .scalar(try hexadecimal(count: 2, start))
    case "u": return .scalar(try unicodeEscape(start))
    case "c":
      guard let letter = next, Self.isAlphanumeric(letter), letter >= 0x41 else {
        throw error("expected a letter after '\\c'", at: start)
      }
      offset += 1
      return .scalar(letter % 32)
    default:
      guard !Self.isAlphanumeric(value) else { throw error("an unknown escape '\\\(scalar)'", at: start) }
      return .scalar(value)
    }
  }

  private mutating func hexadecimal(count: Int, _ start: Int) throws(GuidedError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = next, let digit = Unicode.Scalar(scalar).flatMap({ Character($0).hexDigitValue }), scalar < 128
      else { throw error("expected \(count) hexadecimal digits", at: start) }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }

  private mutating func unicodeEscape(_ start: Int) throws(GuidedError) -> UInt32 {
    var value: UInt32 = 0
    if take("{") {
      guard next != Self.code("}") else { throw error("a '\\u{' without digits", at: start) }
      while !take("}") {
        value = value << 4 | (try hexadecimal(count: 1, start))
        guard value <= 0x10FFFF else { throw error("an escape that stands for no character", at: start) }
      }
    } else {
      value = try hexadecimal(count: 4, start)
      if (0xD800...0xDBFF).contains(value), take("\\u") {
        let low = try hexadecimal(count: 4, start)
        guard (0xDC00...0xDFFF).contains(low) else { throw error("half of a surrogate pair", at: start) }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
    }
    guard Unicode.Scalar(value) != nil else { throw error("an escape that stands for no character", at: start) }
    return value
  }
}
