/// The methods of strings.
extension JinjaInterpreter {
  /// Calls a method of a string.
  func call(
    _ name: StringMethod, on string: JinjaString, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    try chargeScan(string.utf8.count)
    if string.isMarkup {
      switch name {
      case .join, .format, .replace, .partition, .rpartition, .split, .rsplit, .splitlines, .center, .ljust, .rjust,
        .strip, .lstrip, .rstrip, .zfill, .removeprefix, .removesuffix:
        throw unsupported("the method '\(name.rawValue)' on the result of 'safe' or 'escape' is not supported")
      default: break
      }
    }
    switch name {
    case .format: return .string(try braceFormatted(string, arguments))
    case .split, .rsplit: return try split(string, name, arguments)
    case .splitlines:
      let keeps = try flag(try bind("splitlines", arguments, ["keepends"])[0])
      return try strings(lines(of: string, keepingEnds: keeps))
    case .encode, .translate, .maketrans, .expandtabs, .formatMap:
      throw unsupported("the method '\(name.rawValue)' of strings is not supported")
    default: break
    }
    guard arguments.keywords.isEmpty || name == .replace else {
      throw bad("'\(name.rawValue)' takes no keyword arguments")
    }
    switch name {
    case .strip, .lstrip, .rstrip:
      let characters = try bind(name.rawValue, arguments, ["chars"])[0]
      return .string(try stripped(string, characters, left: name != .rstrip, right: name != .lstrip))
    case .startswith, .endswith: return .bool(try hasAffix(string, name, arguments))
    case .find, .rfind, .index, .rindex: return try find(string, name, arguments)
    case .count: return .int(try count(string, arguments))
    case .replace:
      let values = try bind("replace", arguments, ["old", "new", "count"], required: 2)
      let old = try self.string(values[0], "replace")
      let new = try self.string(values[1], "replace")
      return .string(try replaced(string, old, new, count: try integer(values[2], -1, "replace")))
    case .join:
      let items = try items(of: try bind("join", arguments, ["items"], required: 1)[0] ?? .none)
      var parts: [JinjaString] = []
      for item in items { parts.append(try self.string(item, "join")) }
      return .string(try joined(parts, by: string))
    case .partition, .rpartition: return try partition(string, name, arguments)
    case .removeprefix, .removesuffix:
      let affix = try self.string(try bind(name.rawValue, arguments, ["affix"], required: 1)[0], name.rawValue)
      try chargeString(string.utf8.count)
      if name == .removeprefix {
        return .string(string.hasPrefix(affix) ? JinjaString(utf8: string.utf8[affix.utf8.count...]) : string)
      }
      guard string.hasSuffix(affix), !affix.isEmpty else { return .string(string) }
      return .string(JinjaString(utf8: string.utf8[..<(string.utf8.count - affix.utf8.count)]))
    case .center, .ljust, .rjust:
      let values = try bind(name.rawValue, arguments, ["width", "fill"], required: 1)
      let fill = try values[1].map { value throws(TemplateError) in try self.string(value, name.rawValue) } ?? " "
      guard fill.count == 1 else { throw bad("'\(name.rawValue)' needs a fill of one character") }
      let alignment: Alignment = name == .center ? .center : name == .ljust ? .left : .right
      let width = try integer(values[0], 0, name.rawValue)
      return .string(try padded(string, to: width, with: fill, alignment))
    case .zfill:
      let width = try integer(try bind("zfill", arguments, ["width"], required: 1)[0], 0, "zfill")
      let hasSign = string.utf8.first == UInt8(ascii: "+") || string.utf8.first == UInt8(ascii: "-")
      let sign = Array(string.utf8.prefix(hasSign ? 1 : 0))
      let rest = JinjaString(utf8: string.utf8.dropFirst(sign.count))
      return .string(JinjaString(utf8: sign + (try padded(rest, to: width - sign.count, with: "0", .right)).utf8))
    default:
      _ = try bind(name.rawValue, arguments, [])
      return try simple(name, string)
    }
  }

  /// The methods without arguments.
  private func simple(_ name: StringMethod, _ string: JinjaString) throws(TemplateError) -> JinjaValue {
    try chargeString(string.utf8.count)
    switch name {
    case .upper: return .string(string.uppercased())
    case .lower: return .string(string.lowercased())
    case .title: return .string(string.titled())
    case .capitalize: return .string(string.capitalized())
    case .swapcase: return .string(string.swappedCase())
    case .casefold:
      guard string.isASCII else { throw unsupported("'casefold' is only supported for ASCII text") }
      return .string(string.lowercased())
    case .isdigit: return .bool(string.isEveryScalar(\.isPythonDigit))
    case .isalpha: return .bool(string.isEveryScalar(\.isPythonAlpha))
    case .isalnum: return .bool(string.isEveryScalar(\.isPythonAlnum))
    case .isspace: return .bool(string.isEveryScalar(\.isPythonSpace))
    case .isdecimal: return .bool(string.isEveryScalar(\.isPythonDecimal))
    case .isnumeric: return .bool(string.isEveryScalar(\.isPythonNumeric))
    case .isprintable: return .bool(string.isEmpty || string.isEveryScalar(\.isPythonPrintable))
    case .isascii: return .bool(string.isASCII)
    case .isupper: return .bool(string.isUniformCase(upper: true))
    case .islower: return .bool(string.isUniformCase(upper: false))
    case .isidentifier:
      let scalars = string.scalars
      guard let first = scalars.first, first == "_" || first.properties.isXIDStart else { return .bool(false) }
      return .bool(scalars.allSatisfy(\.properties.isXIDContinue))
    default: throw unsupported("the method '\(name.rawValue)' of strings is not supported")
    }
  }

  // MARK: Searching

  /// The bytes of the string that optional scalar bounds select, or nil when the start is behind the end.
  private func byteRange(
    _ string: JinjaString, _ start: JinjaValue?, _ stop: JinjaValue?, _ callee: String
  ) throws(TemplateError) -> Range<Int>? {
    let isOpen = (start?.isNone ?? true) && (stop?.isNone ?? true)
    if isOpen { return string.utf8.indices }
    let count = string.count
    func clamped(_ position: Int) -> Int { position < 0 ? max(0, position + count) : position }
    let first = clamped(start.map(\.isNone) ?? true ? 0 : try integer(start, 0, callee))
    let last = min(count, clamped(stop.map(\.isNone) ?? true ? count : try integer(stop, count, callee)))
    guard first <= last else { return nil }
    return string.byteOffset(ofScalar: first)..<string.byteOffset(ofScalar: last)
  }

  private func find(
    _ string: JinjaString, _ name: StringMethod, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let values = try bind(name.rawValue, arguments, ["sub", "start", "end"], required: 1)
    let needle = try self.string(values[0], name.rawValue)
    try chargeSearch(string.utf8.count)
    var offset: Int?
    if let range = try byteRange(string, values[1], values[2], name.rawValue) {
      let isReverse = name == .rfind || name == .rindex
      offset =
        isReverse
        ? string.lastOffset(of: needle.utf8, in: range) : string.firstOffset(of: needle.utf8, in: range)
    }
    if let offset { return .int(string.scalarIndex(ofByte: offset)) }
    guard name == .find || name == .rfind else { throw bad("'\(name.rawValue)' did not find the text") }
    return .int(-1)
  }

  private func count(_ string: JinjaString, _ arguments: Arguments) throws(TemplateError) -> Int {
    let values = try bind("count", arguments, ["sub", "start", "end"], required: 1)
    let needle = try self.string(values[0], "count")
    guard let range = try byteRange(string, values[1], values[2], "count") else { return 0 }
    if needle.isEmpty { return JinjaString(utf8: string.utf8[range]).count + 1 }
    try chargeSearch(range.count)
    try chargeItems(range.count / needle.utf8.count)
    return string.offsets(of: needle.utf8, in: range).count
  }

  private func hasAffix(
    _ string: JinjaString, _ name: StringMethod, _ arguments: Arguments
  ) throws(TemplateError) -> Bool {
    let values = try bind(name.rawValue, arguments, ["affix", "start", "end"], required: 1)
    var affixes: [JinjaString] = []
    if case .tuple(let tuple)? = values[0] {
      try charge(tuple.items.count)
      for item in tuple.items { affixes.append(try self.string(item, name.rawValue)) }
    } else {
      affixes = [try self.string(values[0], name.rawValue)]
    }
    guard let range = try byteRange(string, values[1], values[2], name.rawValue) else { return false }
    let isWhole = range.count == string.utf8.count
    let part = isWhole ? string : JinjaString(utf8: string.utf8[range])
    for affix in affixes { try chargeScan(affix.utf8.count) }
    return affixes.contains { name == .startswith ? part.hasPrefix($0) : part.hasSuffix($0) }
  }

  // MARK: Splitting and joining

  /// A list of strings.
  func strings(_ parts: [JinjaString]) throws(TemplateError) -> JinjaValue {
    try makeList(parts.map { .string($0) })
  }

  private func split(
    _ string: JinjaString, _ name: StringMethod, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let values = try bind(name.rawValue, arguments, ["sep", "maxsplit"])
    let limit = try integer(values[1], -1, name.rawValue)
    try chargeString(string.utf8.count)
    guard let separator = values[0], !separator.isNone else {
      return try strings(try words(of: string, limit: limit, fromRight: name == .rsplit))
    }
    let needle = try self.string(separator, name.rawValue)
    guard !needle.isEmpty else { throw bad("'\(name.rawValue)' needs a separator that is not empty") }
    return try strings(try split(string, by: needle, limit: limit, fromRight: name == .rsplit))
  }

  /// The parts of a string between the occurrences of a separator.
  func split(
    _ string: JinjaString, by needle: JinjaString, limit: Int, fromRight: Bool
  ) throws(TemplateError) -> [JinjaString] {
    try chargeSearch(string.utf8.count)
    try chargeItems(string.utf8.count / needle.utf8.count)
    let limit = limit < 0 ? Int.max : limit
    var offsets: [Int]
    if fromRight {
      let mirrored = JinjaString(utf8: Array(string.utf8.reversed()))
      let found = mirrored.offsets(of: needle.utf8.reversed(), in: mirrored.utf8.indices, limit: limit)
      offsets = found.reversed().map { string.utf8.count - $0 - needle.utf8.count }
    } else {
      offsets = string.offsets(of: needle.utf8, in: string.utf8.indices, limit: limit)
    }
    var parts: [JinjaString] = []
    var start = 0
    for offset in offsets {
      parts.append(JinjaString(utf8: string.utf8[start..<offset]))
      start = offset + needle.utf8.count
    }
    parts.append(JinjaString(utf8: string.utf8[start...]))
    return parts
  }

  /// The runs of a string that are not white space; what is left after `limit` splits stays one part.
  private func words(
    of string: JinjaString, limit: Int, fromRight: Bool
  ) throws(TemplateError) -> [JinjaString] {
    var scalars = string.scalars
    if fromRight { scalars.reverse() }
    let limit = limit < 0 ? Int.max : limit
    var parts: [[Unicode.Scalar]] = []
    var index = 0
    while true {
      while index < scalars.count, scalars[index].isPythonSpace { index += 1 }
      if index == scalars.count { break }
      try chargeItems(1)
      if parts.count == limit {
        parts.append(Array(scalars[index...]))
        break
      }
      let start = index
      while index < scalars.count, !scalars[index].isPythonSpace { index += 1 }
      parts.append(Array(scalars[start..<index]))
    }
    if fromRight { return parts.reversed().map { JinjaString(scalars: $0.reversed()) } }
    return parts.map { JinjaString(scalars: $0) }
  }

  /// The lines of a string, split where `str.splitlines` splits.
  func lines(of string: JinjaString, keepingEnds: Bool = false) throws(TemplateError) -> [JinjaString] {
    try chargeString(string.utf8.count)
    var lines: [JinjaString] = []
    var present: [UInt8] = []
    var previous: Unicode.Scalar?
    for scalar in string.text.unicodeScalars {
      defer { previous = scalar }
      if scalar == "\n", previous == "\r" {
        if keepingEnds, let last = lines.indices.last { lines[last].utf8.append(10) }
        continue
      }
      guard scalar.isPythonLineBreak else {
        present.append(scalar: scalar)
        continue
      }
      if keepingEnds { present.append(scalar: scalar) }
      try chargeItems(1)
      lines.append(JinjaString(utf8: present))
      present = []
    }
    if !present.isEmpty { lines.append(JinjaString(utf8: present)) }
    return lines
  }

  /// The parts with a separator between them.
  func joined(_ parts: [JinjaString], by separator: JinjaString) throws(TemplateError) -> JinjaString {
    var total = 0
    for part in parts { total += part.utf8.count + separator.utf8.count }
    try chargeString(total)
    var result: [UInt8] = []
    result.reserveCapacity(total)
    for (index, part) in parts.enumerated() {
      if index > 0 { result += separator.utf8 }
      result += part.utf8
    }
    return JinjaString(utf8: result)
  }

  private func partition(
    _ string: JinjaString, _ name: StringMethod, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let needle = try self.string(try bind(name.rawValue, arguments, ["sep"], required: 1)[0], name.rawValue)
    guard !needle.isEmpty else { throw bad("'\(name.rawValue)' needs a separator that is not empty") }
    try chargeString(string.utf8.count)
    let range = string.utf8.indices
    let isReverse = name == .rpartition
    guard
      let offset = isReverse
        ? string.lastOffset(of: needle.utf8, in: range) : string.firstOffset(of: needle.utf8, in: range)
    else {
      return try makeTuple(
        isReverse ? [.string(""), .string(""), .string(string)] : [.string(string), .string(""), .string("")])
    }
    let before = JinjaString(utf8: string.utf8[..<offset])
    let after = JinjaString(utf8: string.utf8[(offset + needle.utf8.count)...])
    return try makeTuple([.string(before), .string(needle), .string(after)])
  }

  // MARK: Changing

  /// `strip`, `lstrip` and `rstrip`: of white space, or of the given characters.
  func stripped(
    _ string: JinjaString, _ characters: JinjaValue?, left: Bool, right: Bool
  ) throws(TemplateError) -> JinjaString {
    try chargeString(string.utf8.count)
    var set: Set<Unicode.Scalar>?
    if let characters, !characters.isNone { set = Set(try self.string(characters, "strip").scalars) }
    func isStripped(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isPythonSpace }
    let text = string.text.unicodeScalars
    var start = text.startIndex
    var end = text.endIndex
    if left { while start < end, isStripped(text[start]) { start = text.index(after: start) } }
    if right {
      while start < end, isStripped(text[text.index(before: end)]) { end = text.index(before: end) }
    }
    if start == text.startIndex, end == text.endIndex { return string }
    return JinjaString(utf8: Array(String(text[start..<end]).utf8))
  }

  /// Replaces the first `count` occurrences; all of them when `count` is negative.
  func replaced(
    _ string: JinjaString, _ old: JinjaString, _ new: JinjaString, count: Int
  ) throws(TemplateError) -> JinjaString {
    let limit = count < 0 ? Int.max : count
    try chargeScan(string.utf8.count)
    if old.isEmpty { return try interleaved(string, new, limit: limit) }
    try chargeSearch(string.utf8.count)
    try chargeItems(min(limit, string.utf8.count / old.utf8.count))
    let offsets = string.offsets(of: old.utf8, in: string.utf8.indices, limit: limit)
    if offsets.isEmpty { return JinjaString(utf8: string.utf8) }
    let growth = offsets.count.multipliedReportingOverflow(by: new.utf8.count)
    let (total, overflow) = growth.partialValue.addingReportingOverflow(string.utf8.count)
    try chargeString(growth.overflow || overflow ? .max : total)
    var result: [UInt8] = []
    var start = 0
    for offset in offsets {
      result += string.utf8[start..<offset]
      result += new.utf8
      start = offset + old.utf8.count
    }
    result += string.utf8[start...]
    return JinjaString(utf8: result)
  }

  /// What replacing the empty string does: `new` before every character and at the end.
  private func interleaved(
    _ string: JinjaString, _ new: JinjaString, limit: Int
  ) throws(TemplateError) -> JinjaString {
    let places = min(limit, string.count + 1)
    let (growth, overflow) = places.multipliedReportingOverflow(by: new.utf8.count)
    try chargeString(overflow ? .max : growth + string.utf8.count)
    var result: [UInt8] = []
    var done = 0
    for scalar in string.text.unicodeScalars {
      if done < places {
        result += new.utf8
        done += 1
      }
      result.append(scalar: scalar)
    }
    if done < places { result += new.utf8 }
    return JinjaString(utf8: result)
  }

  /// Where a string stands in a wider field.
  enum Alignment { case left, right, center, formatCenter }

  /// The string in a field of `width` scalars. `str.center` puts the odd space to the left when the width is odd,
  /// formatting puts it to the right.
  func padded(
    _ string: JinjaString, to width: Int, with fill: JinjaString, _ alignment: Alignment
  ) throws(TemplateError) -> JinjaString {
    try chargeScan(string.utf8.count)
    let count = string.count
    guard width > count else { return string }
    let missing = width - count
    let left =
      switch alignment {
      case .left: 0
      case .right: missing
      case .center: missing / 2 + (missing & width & 1)
      case .formatCenter: missing / 2
      }
    let (total, overflow) = missing.multipliedReportingOverflow(by: fill.utf8.count)
    try chargeString(overflow ? .max : total + string.utf8.count)
    let before = try repeated(fill.utf8, left)
    return JinjaString(utf8: before + string.utf8 + (try repeated(fill.utf8, missing - left)))
  }
}
