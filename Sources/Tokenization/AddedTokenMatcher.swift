/// Finds added tokens in a text: the leftmost match, and of those that begin there the longest.
struct AddedTokenMatcher: Sendable {
  /// A part of a text: an added token, or text between two of them.
  struct Part: Equatable {
    /// Which bytes; for a token, with the white space that it takes.
    var range: Range<Int>
    /// The token, or nil for text.
    var token: Int32?
  }

  private let tokens: [AddedToken]
  /// A trie: the node after the first byte of a pattern, or -1; then edges by (node, byte).
  private var roots = [Int32](repeating: -1, count: 256)
  private var edges: [UInt64: Int32] = [:]
  /// Which of ``tokens`` ends at each node, or -1.
  private var ends: [Int32] = []
  private let classes: ScalarClasses

  /// Creates a matcher. Of two tokens with the same pattern the first is found.
  ///
  /// - Parameter tokens: each with the bytes to look for, which are not empty.
  init(_ tokens: [(token: AddedToken, pattern: [UInt8])], classes: ScalarClasses) {
    self.tokens = tokens.map(\.token)
    self.classes = classes
    for (index, (_, pattern)) in tokens.enumerated() {
      var node: Int32 = -1
      for (depth, byte) in pattern.enumerated() {
        node = depth == 0 ? root(byte) : child(node, byte)
      }
      if node >= 0, ends[Int(node)] < 0 { ends[Int(node)] = Int32(index) }
    }
  }

  /// Whether there is nothing to find.
  var isEmpty: Bool { tokens.isEmpty }

  private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }

  private mutating func newNode() -> Int32 {
    ends.append(-1)
    return Int32(ends.count - 1)
  }

  private mutating func root(_ byte: UInt8) -> Int32 {
    if roots[Int(byte)] < 0 { roots[Int(byte)] = newNode() }
    return roots[Int(byte)]
  }

  private mutating func child(_ node: Int32, _ byte: UInt8) -> Int32 {
    let key = Self.key(node, byte)
    if let child = edges[key] { return child }
    let child = newNode()
    edges[key] = child
    return child
  }

  /// Splits `range` of `bytes`, which are valid UTF-8, into tokens and the text between them.
  ///
  /// - Parameter skipsSpecial: special tokens stay text; where one stands, no other token is looked for.
  func split(_ bytes: [UInt8], _ range: Range<Int>, skipsSpecial: Bool) -> [Part] {
    guard !isEmpty else { return range.isEmpty ? [] : [Part(range: range, token: nil)] }
    var parts: [Part] = []
    var textStart = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard roots[Int(bytes[index])] >= 0, let (token, end) = longest(bytes, index, range.upperBound) else {
        index += 1
        continue
      }
      let match = index..<end
      index = end
      if skipsSpecial && token.isSpecial { continue }
      if token.isSingleWord && touchesWord(bytes, match, in: range) { continue }
      var start = match.lowerBound
      var stop = match.upperBound
      if token.stripsLeft { start = max(whitespaceStart(bytes, start, range.lowerBound), textStart) }
      if token.stripsRight { stop = whitespaceEnd(bytes, stop, range.upperBound) }
      if textStart < start { parts.append(Part(range: textStart..<start, token: nil)) }
      // A token before this one may have taken its first bytes, if they are white space.
      parts.append(Part(range: min(start, stop)..<stop, token: token.id))
      textStart = stop
    }
    if textStart < range.upperBound { parts.append(Part(range: textStart..<range.upperBound, token: nil)) }
    return parts
  }

  private func longest(_ bytes: [UInt8], _ start: Int, _ limit: Int) -> (AddedToken, Int)? {
    var node = roots[Int(bytes[start])]
    var found: (Int32, Int)?
    var index = start + 1
    while node >= 0 {
      if ends[Int(node)] >= 0 { found = (ends[Int(node)], index) }
      guard index < limit else { break }
      node = edges[Self.key(node, bytes[index])] ?? -1
      index += 1
    }
    return found.map { (tokens[Int($0.0)], $0.1) }
  }

  private func touchesWord(_ bytes: [UInt8], _ match: Range<Int>, in range: Range<Int>) -> Bool {
    if match.lowerBound > range.lowerBound {
      let before = UTF8Text.scalar(bytes, before: match.lowerBound).value
      if classes[before].contains(.word) { return true }
    }
    guard match.upperBound < range.upperBound else { return false }
    return classes[UTF8Text.scalar(bytes, at: match.upperBound).value].contains(.word)
  }

  private func whitespaceStart(_ bytes: [UInt8], _ index: Int, _ limit: Int) -> Int {
    var start = index
    while start > limit {
      let before = UTF8Text.scalar(bytes, before: start)
      guard classes[before.value].contains(.whitespace) else { break }
      start = before.start
    }
    return start
  }

  private func whitespaceEnd(_ bytes: [UInt8], _ index: Int, _ limit: Int) -> Int {
    var end = index
    while end < limit {
      let (scalar, next) = UTF8Text.scalar(bytes, at: end)
      guard classes[scalar].contains(.whitespace) else { break }
      end = next
    }
    return end
  }
}
