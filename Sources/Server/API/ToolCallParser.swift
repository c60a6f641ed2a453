/// Finds calls of tools in an answer while it is generated. Text that cannot belong to a call is handed on at once; what looked
/// like one and is not comes out as text. A call is handed on from where it is certain: its name, then its arguments
/// as they come. How the text is cut into pieces does not change what comes out.
package struct ToolCallParser: Sendable {
  /// What an answer consists of.
  package enum Piece: Sendable, Equatable {
    /// Text beside the calls.
    case text(String)
    /// A call begins; its arguments are empty as yet.
    case call(ToolCall)
    /// More of the arguments of the call that began last.
    case arguments(String)
  }

  /// Where in the answer the next byte is.
  private enum Place {
    /// In text, where a call may begin.
    case text
    /// In what is a call, or may be.
    case call
    /// Behind a call.
    case behind
    /// In text to the end.
    case rest
  }

  private let syntax: ToolSyntax
  /// Names of the tools that there are.
  private let tools: [String]
  private let makesName: @Sendable () -> String
  /// What may begin a call; its first byte is nowhere else in it, so that a mark that goes wrong has no other within.
  private let mark: [UInt8]
  /// What ends a call that has tags.
  private let closing = Array(ToolSyntax.closing.utf8)
  private var place = Place.text
  /// Bytes of the mark that may come next that are there already.
  private var matchedCount = 0
  /// White space that is left out if a call follows.
  private var blank: [UInt8] = []
  /// Whether ``blank`` is all since the beginning or the last call.
  private var isBlank = true
  private var reader: ToolCallReader
  /// What ``reader`` has read, as long as it is not certain that it is a call.
  private var held: [UInt8] = []
  private var hasCalls = false
  private var output: [(kind: Piece, bytes: [UInt8])] = []

  /// Creates a parser at the beginning of an answer.
  package init(_ syntax: ToolSyntax, tools: [String]) {
    self.init(syntax, tools: tools, makesName: { "call_" + Exchange.randomName() })
  }

  /// Creates a parser whose calls have these names.
  package init(_ syntax: ToolSyntax, tools: [String], makesName: @escaping @Sendable () -> String) {
    self.syntax = syntax
    self.tools = tools
    self.makesName = makesName
    mark = Array((syntax == .tagged ? ToolSyntax.opening : ToolSyntax.pythonTag).utf8)
    reader = ToolCallReader(tools: tools, needsArguments: syntax == .bare)
  }

  /// Adds text of the answer, and returns what is certain now.
  package mutating func append(_ text: String, isLast: Bool) -> [Piece] {
    for byte in text.utf8 { take(byte) }
    if isLast { end() }
    defer { output = [] }
    return output.map { kind, bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      return switch kind {
      case .text: .text(text)
      case .call: kind
      case .arguments: .arguments(text)
      }
    }
  }

  private mutating func take(_ byte: UInt8) {
    switch place {
    case .text: takeText(byte)
    case .call: takeCall(byte)
    case .behind: takeBehind(byte)
    case .rest: write(byte)
    }
  }

  // MARK: - Text

  private mutating func takeText(_ byte: UInt8) {
    if matches(byte, mark) {
      if matchedCount == mark.count { beginCall(held: mark) }
      return
    }
    let wasMark = matchedCount > 0
    writeMark(mark)
    switch syntax {
    case .tagged where wasMark: take(byte)
    case .tagged: write(byte)
    case .bare where wasMark || !byte.isWhiteSpace && byte != UInt8(ascii: "{"):
      place = .rest
      write(byte)
    case .bare where byte.isWhiteSpace: write(byte)
    case .bare:
      beginCall(held: [])
      take(byte)
    }
  }

  /// Whether `mark` goes on with `byte`.
  private mutating func matches(_ byte: UInt8, _ mark: [UInt8]) -> Bool {
    guard byte == mark[matchedCount] else { return false }
    matchedCount += 1
    return true
  }

  /// What was taken for the beginning of `mark` is text.
  private mutating func writeMark(_ mark: [UInt8]) {
    let bytes = mark[..<matchedCount]
    matchedCount = 0
    for byte in bytes { write(byte) }
  }

  /// Adds a byte of text.
  private mutating func write(_ byte: UInt8) {
    if isBlank, byte.isWhiteSpace {
      blank.append(byte)
    } else {
      writeBlank()
      output.append(byte, to: .text(""))
    }
  }

  /// White space is text, and so is what follows.
  private mutating func writeBlank() {
    for byte in blank { output.append(byte, to: .text("")) }
    (blank, isBlank) = ([], false)
  }

  // MARK: - Calls

  private mutating func beginCall(held: [UInt8]) {
    (place, matchedCount, self.held) = (.call, 0, held)
    reader = ToolCallReader(tools: tools, needsArguments: syntax == .bare)
  }

  private mutating func takeCall(_ byte: UInt8) {
    let wasCertain = reader.name != nil
    let progress = reader.take(byte)
    if !wasCertain, let name = reader.name {
      (held, blank, hasCalls) = ([], [], true)
      output.append((.call(ToolCall(id: makesName(), name: name, arguments: "")), []))
    }
    for byte in reader.takeArguments() { output.append(byte, to: .arguments("")) }
    switch progress {
    case .reading:
      if reader.name == nil { held.append(byte) }
    case .ended: endCall()
    case .failed:
      if reader.name != nil { endCall() } else { giveUp() }
      take(byte)
    }
  }

  private mutating func endCall() { (place, matchedCount, blank, isBlank) = (.behind, 0, [], true) }

  /// What may have been a call is text.
  private mutating func giveUp() {
    place = syntax == .tagged ? .text : .rest
    for byte in held { write(byte) }
    held = []
  }

  private mutating func takeBehind(_ byte: UInt8) {
    switch syntax {
    case .tagged:
      if matches(byte, closing) {
        if matchedCount == closing.count { (place, matchedCount, blank) = (.text, 0, []) }
      } else if matchedCount == 0, byte.isWhiteSpace {
        write(byte)
      } else {
        writeMark(closing)
        place = .text
        take(byte)
      }
    case .bare:
      if byte.isWhiteSpace || byte == UInt8(ascii: ";") {
        blank.append(byte)
      } else if byte == UInt8(ascii: "{") {
        beginCall(held: [])
        take(byte)
      } else {
        place = .rest
        write(byte)
      }
    }
  }

  /// There is no more text.
  private mutating func end() {
    switch place {
    case .text: writeMark(mark)
    case .call where reader.name == nil: giveUp()
    default: break
    }
    if !hasCalls { writeBlank() }
  }
}

extension [(kind: ToolCallParser.Piece, bytes: [UInt8])] {
  /// Adds a byte to the last piece, or to a new one if the last is of another kind.
  fileprivate mutating func append(_ byte: UInt8, to kind: ToolCallParser.Piece) {
    if last?.kind != kind { append((kind, [])) }
    self[count - 1].bytes.append(byte)
  }
}
