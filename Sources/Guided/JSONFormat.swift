/// How JSON is laid out between its tokens, and what schemas that leave it open mean.
public struct JSONFormat: Sendable, Equatable {
  /// What stands between tokens of a document.
  public enum Whitespace: Sendable, Equatable {
    /// Nothing, but for these separators between members or elements, and between a key and its value.
    case fixed(itemSeparator: String, keySeparator: String)
    /// At most so many spaces, tabs and line breaks wherever JSON allows them inside of the document.
    case flexible(maximumCount: Int)

    /// No white space at all.
    public static let compact = Whitespace.fixed(itemSeparator: ",", keySeparator: ":")
  }

  /// What stands between tokens; compact by default, which leaves the least to be generated.
  public var whitespace: Whitespace
  /// Whether an object schema without `additionalProperties` allows others than those it declares, as JSON schema has
  /// it.
  public var allowsUndeclaredProperties: Bool

  /// Creates a format.
  public init(whitespace: Whitespace = .compact, allowsUndeclaredProperties: Bool = true) {
    self.whitespace = whitespace
    self.allowsUndeclaredProperties = allowsUndeclaredProperties
  }
}

extension JSONFormat {
  /// The same layout, for objects of any members.
  var allowingUndeclared: JSONFormat { JSONFormat(whitespace: whitespace, allowsUndeclaredProperties: true) }

  /// Refuses separators with which the text would not be JSON.
  ///
  /// - Throws: ``GuidedError/invalidRequest(problem:)``.
  func check() throws(GuidedError) {
    guard case .fixed(let item, let key) = whitespace else { return }
    for (text, wanted) in [(item, UInt8(ascii: ",")), (key, UInt8(ascii: ":"))] {
      let rest = text.utf8.filter { ![0x09, 0x0A, 0x0D, 0x20].contains($0) }
      guard rest == [wanted] else {
        throw .invalidRequest(
          problem: "a separator of JSON is \"\(Unicode.Scalar(wanted))\" with white space around it, not \"\(text)\"")
      }
    }
  }
}
