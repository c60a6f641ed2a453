/// Filters on strings.
extension JinjaInterpreter {
  /// Applies one of these filters.
  func textFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let name = filter.rawValue
    switch filter {
    case .format:
      guard arguments.keywords.isEmpty || arguments.positional.isEmpty else {
        throw bad("'format' takes positional or keyword arguments, not both")
      }
      let values: JinjaValue
      if arguments.keywords.isEmpty {
        values = try makeTuple(arguments.positional)
      } else {
        let dictionary = JinjaDictionary()
        for keyword in arguments.keywords { try set(dictionary, .string(keyword.name), to: keyword.value) }
        values = .dictionary(dictionary)
      }
      return .string(try percentFormatted(try string(of: value), values))
    case .indent: return .string(try indented(value, arguments))
    case .replace:
      let values = try bind(name, arguments, ["old", "new", "count"], required: 2)
      let count = values[2].map(\.isNone) ?? true ? -1 : try integer(values[2], -1, name)
      let old = try string(of: values[0] ?? .none)
      let new = try string(of: values[1] ?? .none)
      return .string(try replaced(try string(of: value), old, new, count: count))
    case .center:
      let width = try integer(try bind(name, arguments, ["width"])[0], 80, name)
      let text = try string(of: value)
      let result = try padded(text, to: width, with: " ", .center)
      return .string(JinjaString(utf8: result.utf8, isMarkup: text.isMarkup))
    case .trim:
      let text = try string(of: value)
      let result = try stripped(text, try bind(name, arguments, ["chars"])[0], left: true, right: true)
      return .string(JinjaString(utf8: result.utf8, isMarkup: text.isMarkup))
    case .truncate: return .string(try truncated(value, arguments))
    default: _ = try bind(name, arguments, [])
    }
    let text = try string(of: value)
    try chargeString(text.utf8.count)
    switch filter {
    case .e, .escape: return .string(try escaped(text))
    case .forceescape: return .string(try escaped(JinjaString(utf8: text.utf8)))
    case .safe: return .string(JinjaString(utf8: text.utf8, isMarkup: true))
    case .upper: return .string(JinjaString(utf8: text.uppercased().utf8, isMarkup: text.isMarkup))
    case .lower: return .string(JinjaString(utf8: text.lowercased().utf8, isMarkup: text.isMarkup))
    case .capitalize: return .string(JinjaString(utf8: text.capitalized().utf8, isMarkup: text.isMarkup))
    case .title: return .string(titled(text))
    case .wordcount: return .int(wordCount(text))
    case .urlencode: return .string(try urlEncoded(value))
    default: return .string(text)
    }
  }

  /// Title case as Jinja's filter has it, where words begin after white space and some brackets and after `-`.
  private func titled(_ string: JinjaString) -> JinjaString {
    var result: [UInt8] = []
    var word: [Unicode.Scalar] = []
    func finishWord() {
      guard let first = word.first else { return }
      result.append(text: first.properties.uppercaseMapping)
      result += JinjaString(scalars: word.dropFirst()).lowercased().utf8
      word = []
    }
    for scalar in string.text.unicodeScalars {
      switch scalar {
      case "-", "(", "{", "[", "<":
        finishWord()
        result.append(scalar: scalar)
      default:
        if scalar.isPythonSpace {
          finishWord()
          result.append(scalar: scalar)
        } else {
          word.append(scalar)
        }
      }
    }
    finishWord()
    return JinjaString(utf8: result)
  }

  private func wordCount(_ string: JinjaString) -> Int {
    var count = 0
    var isInWord = false
    for scalar in string.text.unicodeScalars {
      let isWord = scalar == "_" || scalar.isPythonAlnum
      if isWord, !isInWord { count += 1 }
      isInWord = isWord
    }
    return count
  }

  private func indented(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaString {
    let values = try bind("indent", arguments, ["width", "first", "blank"])
    let text = try string(value, "indent")
    let indent: JinjaString
    if case .string(let string)? = values[0] {
      indent = string
    } else {
      indent = JinjaString(utf8: try repeated([32], try integer(values[0], 4, "indent")))
    }
    let indentsFirst = try flag(values[1])
    let indentsBlank = try flag(values[2])
    // Jinja adds a line break so that a last empty line is not lost, and so an empty text has one line.
    let lines = try lines(of: JinjaString(utf8: text.utf8 + [10]))
    let (growth, overflow) = lines.count.multipliedReportingOverflow(by: indent.utf8.count + 1)
    try chargeString(overflow ? .max : growth + text.utf8.count)
    var result: [UInt8] = indentsFirst ? indent.utf8 : []
    for (index, line) in lines.enumerated() {
      if index > 0 {
        result.append(10)
        if indentsBlank || !line.isEmpty { result += indent.utf8 }
      }
      result += line.utf8
    }
    return JinjaString(utf8: result, isMarkup: text.isMarkup)
  }

  private func truncated(_ value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaString {
    let values = try bind("truncate", arguments, ["length", "killwords", "end", "leeway"])
    let length = try integer(values[0], 255, "truncate")
    let end = try values[2].map { value throws(TemplateError) in try string(value, "truncate") } ?? "..."
    let leeway = values[3].map(\.isNone) ?? true ? 5 : try integer(values[3], 5, "truncate")
    guard length >= end.count, leeway >= 0 else { throw bad("'truncate' got a length or a leeway that is too small") }
    let text = try string(value, "truncate")
    let (longest, overflow) = length.addingReportingOverflow(leeway)
    if overflow || text.count <= longest { return text }
    let kept = text.utf8[..<text.byteOffset(ofScalar: length - end.count)]
    if try flag(values[1]) { return JinjaString(utf8: kept + end.utf8) }
    let word = kept.lastIndex(of: 32).map { kept[..<$0] } ?? kept
    return JinjaString(utf8: word + end.utf8)
  }

  // MARK: URLs

  private func urlEncoded(_ value: JinjaValue) throws(TemplateError) -> JinjaString {
    var pairs: JinjaValue = value
    switch value {
    case .string, .none, .bool, .int, .float, .namespace:
      return try quoted(try string(of: value), isQuery: false)
    case .dictionary(let dictionary): pairs = .view(JinjaView(.items, of: dictionary))
    default: break
    }
    var parts: [JinjaString] = []
    for pair in try items(of: pairs) {
      let parts2 = try items(of: pair, atMost: 2)
      guard parts2.count == 2 else { throw bad("'urlencode' needs pairs of a name and a value") }
      let name = try quoted(try string(of: parts2[0]), isQuery: true)
      let text = try quoted(try string(of: parts2[1]), isQuery: true)
      parts.append(JinjaString(utf8: name.utf8 + [UInt8(ascii: "=")] + text.utf8))
    }
    return try joined(parts, by: "&")
  }

  private func quoted(_ string: JinjaString, isQuery: Bool) throws(TemplateError) -> JinjaString {
    try chargeString(string.utf8.count * 3)
    var result: [UInt8] = []
    for byte in string.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "~"):
        result.append(byte)
      case UInt8(ascii: "/") where !isQuery: result.append(byte)
      case 32 where isQuery: result.append(UInt8(ascii: "+"))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result.append(text: byte < 16 ? "%0" + digits : "%" + digits)
      }
    }
    return JinjaString(utf8: result)
  }
}
