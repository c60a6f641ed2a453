/// A vocabulary and its merges, wherever they come from, before anything is looked up in them.
package struct TokenizerVocabulary: Sendable {
  /// What an identifier of the vocabulary is.
  package struct Kind: OptionSet, Sendable {
    /// The bits.
    package let rawValue: UInt8

    /// Creates a set from its bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The model can produce it by merging.
    package static let merged = Kind(rawValue: 1)
    /// It is an added token.
    package static let added = Kind(rawValue: 2)
    /// It is an added token that is special.
    package static let special = Kind(rawValue: 4)
    /// It is there, and never comes out of a text.
    package static let unused = Kind(rawValue: 8)
  }

  /// The most identifiers that are accepted, many times those of any real model.
  package static let maximumCount = 1 << 22
  /// The longest spelling that is accepted, in bytes, many times that of any real token.
  package static let maximumSpellingLength = 1 << 16

  /// The spelling of every token in the byte-level alphabet, by identifier; an added token is spelled as it is written.
  package var spellings = ByteStrings()
  /// What each identifier is; one that is empty is a hole.
  package var kinds: [Kind] = []
  /// The merges, in order of rank.
  package var merges = MergeList()
  /// The added tokens, in order.
  package var addedTokens: [AddedToken] = []

  /// Creates an empty vocabulary.
  package init() {}
}

/// `bytes` as text for an error message: one line, and no longer than is useful.
func quoted(_ bytes: some Collection<UInt8>) -> String {
  let text = String(decoding: bytes.prefix(64), as: UTF8.self)
  var quoted = "\""
  for scalar in text.unicodeScalars {
    if scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x22 || scalar.value == 0x5C {
      quoted += scalar.escaped(asASCII: true)
    } else {
      quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + (bytes.count > 64 ? "...\"" : "\"")
}
