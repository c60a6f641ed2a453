/// A token that is found in the text before anything else happens to it.
package struct AddedToken: Sendable, Equatable {
  /// Its identifier.
  package var id: Int32
  /// The text that it stands for, as UTF-8.
  package var content: [UInt8]
  /// Whether it is left out of decoded text on request, and is found in a text only if special tokens are asked for.
  package var isSpecial: Bool
  /// Whether it is found only where no part of a word touches it.
  package var isSingleWord: Bool
  /// Whether it takes the white space before it.
  package var stripsLeft: Bool
  /// Whether it takes the white space after it.
  package var stripsRight: Bool
  /// Whether it is looked for in normalized text, in its own normalized form.
  package var isNormalized: Bool

  /// Creates a token; without options, one that is found exactly as it is written.
  package init(
    id: Int32, content: [UInt8], isSpecial: Bool, isSingleWord: Bool = false, stripsLeft: Bool = false,
    stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }
}
