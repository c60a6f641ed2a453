/// Splits the text of a template into tokens, with the whitespace rules of an environment that has `trim_blocks` and
/// `lstrip_blocks` on and `keep_trailing_newline` off: the rules under which chat templates are written.
struct JinjaLexer {
  /// The text, with "\n" as its only line break.
  let source: [UInt8]
  /// The byte at which the lexer is.
  var position = 0
  /// The line of that byte, counted from 1.
  var line = 1
  /// The tokens found so far.
  var tokens: [JinjaToken] = []
  /// The closing brackets that the open ones in the present tag wait for.
  var expectedClosers: [JinjaPunctuation] = []
  /// Whether the last tag took a line break with it, or nothing came before.
  private var isAtLineStart = true

  /// The tokens of `text`, with `.end` as the last one.
  static func tokens(of text: String) throws(TemplateError) -> [JinjaToken] {
    var lexer = JinjaLexer(source: normalized(text))
    while lexer.position < lexer.source.count { try lexer.scanText() }
    lexer.emit(.end)
    return lexer.tokens
  }

  private init(source: [UInt8]) { self.source = source }

  /// A syntax error at the present line.
  func failure(_ message: String) -> TemplateError { TemplateError(kind: .syntax, message: message, line: line) }

  /// Adds a token that begins at the present line.
  mutating func emit(_ kind: JinjaToken.Kind) { tokens.append(JinjaToken(kind: kind, line: line)) }

  /// The byte at `offset` from the present position, or nil behind the end.
  func byte(_ offset: Int = 0) -> UInt8? {
    position + offset < source.count ? source[position + offset] : nil
  }

  /// Whether `text` stands at `offset` from the present position.
  func isAt(_ text: StaticString, offset: Int = 0) -> Bool {
    let start = position + offset
    var index = start
    for byte in text.description.utf8 {
      guard index < source.count, source[index] == byte else { return false }
      index += 1
    }
    return true
  }

  /// Moves on by `count` bytes and counts the line breaks among them.
  mutating func advance(_ count: Int) {
    for byte in source[position..<(position + count)] where byte == 10 { line += 1 }
    position += count
  }

  /// The number of bytes of white space at `offset` from the present position.
  func spaceCount(offset: Int = 0) -> Int {
    var index = position + offset
    while index < source.count, let (scalar, length) = scalar(at: index), scalar.isPythonSpace { index += length }
    return index - position - offset
  }

  /// The scalar at byte `index`, with its length in bytes.
  func scalar(at index: Int) -> (Unicode.Scalar, Int)? {
    let byte = source[index]
    if byte < 0x80 { return (Unicode.Scalar(byte), 1) }
    let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
    guard index + length <= source.count else { return nil }
    let scalars = String(decoding: source[index..<(index + length)], as: UTF8.self).unicodeScalars
    return scalars.first.map { ($0, length) }
  }

  /// Every line break becomes "\n", and one at the very end goes.
  private static func normalized(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if byte == 13 {
        result.append(10)
      } else if byte != 10 || previous != 13 {
        result.append(byte)
      }
      previous = byte
    }
    if result.last == 10 { result.removeLast() }
    return result
  }

  // MARK: Text and comments

  private enum Tag { case variable, block, comment, raw(Int) }

  /// Scans text up to the next tag, and that tag.
  private mutating func scanText() throws(TemplateError) {
    guard let (start, tag) = nextTag() else {
      emit(.data(JinjaString(utf8: source[position...])))
      advance(source.count - position)
      return
    }
    let signOffset = start + 2
    let sign: UInt8? = signOffset < source.count ? source[signOffset] : nil
    let hasSign = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
    var isVariable = false
    if case .variable = tag { isVariable = true }
    emitText(upTo: start, sign: hasSign ? sign : nil, isVariable: isVariable)
    advance(start - position)
    switch tag {
    case .variable:
      emit(.variableBegin)
      advance(hasSign ? 3 : 2)
      try scanTag(isVariable: true)
    case .block:
      emit(.blockBegin)
      advance(hasSign ? 3 : 2)
      try scanTag(isVariable: false)
    case .comment:
      advance(hasSign ? 3 : 2)
      try skipComment()
    case .raw(let length):
      advance(length)
      try scanRaw()
    }
  }

  /// Emits the text from the present position to `end`, less the white space that the tag there takes away.
  private mutating func emitText(upTo end: Int, sign: UInt8?, isVariable: Bool) {
    var stop = end
    if sign == UInt8(ascii: "-") {
      stop = JinjaLexer.trimmedEnd(of: source[position..<end])
    } else if sign == nil, !isVariable {
      let lineStart = (source[position..<end].lastIndex(of: 10) ?? position - 1) + 1
      if lineStart > position || isAtLineStart, JinjaLexer.trimmedEnd(of: source[lineStart..<end]) == lineStart {
        stop = lineStart
      }
    }
    if stop > position { emit(.data(JinjaString(utf8: source[position..<stop]))) }
  }

  /// Where `slice` ends without the white space at its end.
  private static func trimmedEnd(of slice: ArraySlice<UInt8>) -> Int {
    var end = slice.endIndex
    while end > slice.startIndex {
      var start = end - 1
      while start > slice.startIndex, slice[start] & 0xC0 == 0x80 { start -= 1 }
      let scalar = String(decoding: slice[start..<end], as: UTF8.self).unicodeScalars.first
      guard let scalar, scalar.isPythonSpace else { break }
      end = start
    }
    return end
  }

  private func nextTag() -> (Int, Tag)? {
    var index = position
    while index + 1 < source.count {
      if source[index] == UInt8(ascii: "{") {
        switch source[index + 1] {
        case UInt8(ascii: "{"): return (index, .variable)
        case UInt8(ascii: "#"): return (index, .comment)
        case UInt8(ascii: "%"):
          return (index, rawTagLength(at: index).map { .raw($0) } ?? .block)
        default: break
        }
      }
      index += 1
    }
    return nil
  }

  /// The length of the tag at `index` when it is `{% raw %}`, with the white space that `-%}` takes away.
  private func rawTagLength(at index: Int) -> Int? {
    var offset = index - position + 2
    if let sign = byte(offset), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { offset += 1 }
    offset += spaceCount(offset: offset)
    guard isAt("raw", offset: offset) else { return nil }
    offset += 3
    offset += spaceCount(offset: offset)
    if isAt("%}", offset: offset) { return position + offset + 2 - index }
    guard isAt("-%}", offset: offset) else { return nil }
    offset += 3
    return position + offset + spaceCount(offset: offset) - index
  }

  private mutating func skipComment() throws(TemplateError) {
    var index = position
    while index + 1 < source.count, source[index] != UInt8(ascii: "#") || source[index + 1] != UInt8(ascii: "}") {
      index += 1
    }
    guard index + 1 < source.count else { throw failure("the comment has no end '#}'") }
    let isTrimming = index > position && source[index - 1] == UInt8(ascii: "-")
    let isKeeping = index > position && source[index - 1] == UInt8(ascii: "+")
    advance(index + 2 - position)
    finishTag(isTrimming: isTrimming, isKeeping: isKeeping)
  }

  private mutating func scanRaw() throws(TemplateError) {
    isAtLineStart = position > 0 && source[position - 1] == 10
    var index = position
    while index + 1 < source.count {
      if source[index] == UInt8(ascii: "{"), source[index + 1] == UInt8(ascii: "%") {
        var offset = index + 2 - position
        let sign = byte(offset)
        let hasSign = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if hasSign { offset += 1 }
        offset += spaceCount(offset: offset)
        if isAt("endraw", offset: offset) {
          offset += 6
          offset += spaceCount(offset: offset)
          let isTrimming = isAt("-%}", offset: offset)
          let isKeeping = isAt("+%}", offset: offset)
          if isTrimming || isKeeping || isAt("%}", offset: offset) {
            emitText(upTo: index, sign: hasSign ? sign : nil, isVariable: false)
            advance(offset + (isTrimming || isKeeping ? 3 : 2))
            finishTag(isTrimming: isTrimming, isKeeping: isKeeping)
            return
          }
        }
      }
      index += 1
    }
    throw failure("'{% raw %}' has no '{% endraw %}'")
  }

  /// Takes away the white space behind the tag that was just left, as its end asks for.
  mutating func finishTag(isTrimming: Bool, isKeeping: Bool) {
    if isTrimming {
      advance(spaceCount())
    } else if !isKeeping, byte() == 10 {
      advance(1)
    }
    isAtLineStart = position > 0 && source[position - 1] == 10
  }
}
