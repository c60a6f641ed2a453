/// A string as templates see it: valid UTF-8, compared and hashed by its bytes, counted in Unicode scalars.
///
/// Swift's `String` is not used for values because its equality is canonical equivalence and its unit the grapheme;
/// Python's are both the code point.
struct JinjaString: Hashable, Sendable, ExpressibleByStringLiteral {
  /// The text; always valid UTF-8.
  var utf8: [UInt8]
  /// Whether the string went through `safe` or `escape`, which changes what `+` does with it.
  var isMarkup = false

  /// A string of bytes that are valid UTF-8.
  init(utf8: [UInt8], isMarkup: Bool = false) {
    self.utf8 = utf8
    self.isMarkup = isMarkup
  }

  /// A string of bytes that are valid UTF-8.
  init(utf8: ArraySlice<UInt8>) { self.utf8 = Array(utf8) }

  /// The same text as a Swift string.
  init(_ text: String) { utf8 = Array(text.utf8) }

  init(stringLiteral value: String) { utf8 = Array(value.utf8) }

  /// A string of Unicode scalars.
  init(scalars: some Sequence<Unicode.Scalar>) {
    utf8 = []
    for scalar in scalars { utf8.append(scalar: scalar) }
  }

  static func == (left: JinjaString, right: JinjaString) -> Bool { left.utf8 == right.utf8 }

  func hash(into hasher: inout Hasher) { hasher.combine(utf8) }

  /// The text as a Swift string.
  var text: String { String(decoding: utf8, as: UTF8.self) }

  /// Whether there is no scalar.
  var isEmpty: Bool { utf8.isEmpty }

  /// Whether every scalar is ASCII.
  var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }

  /// The number of Unicode scalars.
  var count: Int {
    var count = 0
    for byte in utf8 where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }

  /// The Unicode scalars, decoded.
  var scalars: [Unicode.Scalar] { Array(text.unicodeScalars) }

  /// The bytes of the scalar at index `position`, or nil when there are not so many.
  func scalar(at position: Int) -> ArraySlice<UInt8>? {
    var seen = -1
    var start = 0
    for index in utf8.indices where utf8[index] & 0xC0 != 0x80 {
      seen += 1
      if seen == position { start = index }
      if seen == position + 1 { return utf8[start..<index] }
    }
    return seen == position && position >= 0 ? utf8[start...] : nil
  }

  /// The byte offset of the scalar at index `position`; the end when there are not so many.
  func byteOffset(ofScalar position: Int) -> Int {
    var seen = 0
    for index in utf8.indices where utf8[index] & 0xC0 != 0x80 {
      if seen == position { return index }
      seen += 1
    }
    return utf8.count
  }

  /// Whether the bytes of the string order before those of `other`, which for UTF-8 is the order of code points.
  func precedes(_ other: JinjaString) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

  /// The index of the first scalar of the scalar that begins at or before byte `offset`.
  func scalarIndex(ofByte offset: Int) -> Int {
    var count = 0
    for byte in utf8[..<offset] where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }
}

extension Array where Element == UInt8 {
  /// Appends the UTF-8 form of `scalar`.
  mutating func append(scalar: Unicode.Scalar) {
    if scalar.value < 0x80 {
      append(UInt8(truncatingIfNeeded: scalar.value))
    } else {
      append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
  }

  /// Appends the UTF-8 form of `text`.
  mutating func append(text: String) { append(contentsOf: text.utf8) }
}
