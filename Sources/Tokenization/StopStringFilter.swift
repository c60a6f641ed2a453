/// Finds stop strings in a text that comes in pieces, and holds back what may be the beginning of one.
///
/// Of several that are found the one wins that is complete first, and of those the longest: so what is found does not
/// depend on where the pieces end. Each string is searched for with the automaton of Knuth, Morris and Pratt (1977), in one
/// pass over the text.
package struct StopStringFilter: Sendable {
  private struct Pattern: Sendable {
    let text: String
    let bytes: [UInt8]
    /// For each length of a beginning the length of the longest shorter beginning that it ends with.
    let fallback: [Int32]
    /// Length of the longest beginning that the text ends with.
    var matched = 0

    init(_ text: String) {
      self.text = text
      bytes = Array(text.utf8)
      var fallback: [Int32] = [0, 0]
      var length = 0
      for index in bytes.indices.dropFirst() {
        while length > 0, bytes[index] != bytes[length] { length = Int(fallback[length]) }
        if bytes[index] == bytes[length] { length += 1 }
        fallback.append(Int32(length))
      }
      self.fallback = fallback
    }

    /// Reads a byte; returns whether the text now ends with the whole pattern.
    mutating func read(_ byte: UInt8) -> Bool {
      if matched == bytes.count { matched = Int(fallback[matched]) }
      while matched > 0, byte != bytes[matched] { matched = Int(fallback[matched]) }
      if byte == bytes[matched] { matched += 1 }
      return matched == bytes.count
    }
  }

  private var patterns: [Pattern]
  private let includesStop: Bool
  private var held: [UInt8] = []

  /// Creates a filter at the beginning of a text.
  ///
  /// - Parameters:
  ///   - stops: what to look for; none empty.
  ///   - includesStop: whether the text keeps what was found.
  package init(_ stops: [String], includesStop: Bool) {
    patterns = stops.map(Pattern.init)
    self.includesStop = includesStop
  }

  /// Reads the next piece of the text, whole characters only.
  ///
  /// - Parameters:
  ///   - piece: the piece.
  ///   - isSearching: whether a stop string that is complete within this piece counts.
  /// - Returns: the text that can be shown, and the stop string that was found, after which nothing follows.
  package mutating func append(_ piece: String, isSearching: Bool = true) -> (text: String, stop: String?) {
    if patterns.isEmpty { return (piece, nil) }
    for byte in piece.utf8 {
      held.append(byte)
      var longest: Int?
      for index in patterns.indices where patterns[index].read(byte) {
        if patterns[index].bytes.count > longest.map({ patterns[$0].bytes.count }) ?? 0 { longest = index }
      }
      if isSearching, let longest {
        if !includesStop { held.removeLast(patterns[longest].bytes.count) }
        defer { held = [] }
        return (String(decoding: held, as: UTF8.self), patterns[longest].text)
      }
    }
    // What is whole does not count here, but it may end with the beginning of another.
    let heldCount = patterns.reduce(0) { longest, pattern in
      max(longest, pattern.matched == pattern.bytes.count ? Int(pattern.fallback[pattern.matched]) : pattern.matched)
    }
    let text = String(decoding: held.dropLast(heldCount), as: UTF8.self)
    held.removeFirst(held.count - heldCount)
    return (text, nil)
  }

  /// Characters that are held back, since a stop string may begin with them.
  package var heldCharacterCount: Int { held.count { $0 & 0xC0 != 0x80 } }

  /// The text that was held back, once nothing more comes.
  package mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}
