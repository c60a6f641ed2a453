/// Everything that a tokenizer is made of, in the terms of this room: what the readers of files produce.
package struct TokenizerDefinition: Sendable {
  /// What happens to a text before it is cut.
  package enum Normalizer: Sendable, Equatable {
    case none
    /// Unicode normalization form C.
    case canonicalComposition
  }

  /// The tokens and merges.
  package var vocabulary = TokenizerVocabulary()
  /// What happens to a text first.
  package var normalizer = Normalizer.none
  /// How the text is cut into pieces.
  package var preTokenizer = PreTokenizer(splits: [])
  /// Whether a piece that is a token as a whole is that token, whatever the merges say.
  package var ignoresMerges = false
  /// What stands for a byte that the vocabulary does not have; without it such a byte is dropped, as in the reference.
  package var unknownToken: Int32?
  /// Whether neighbouring unknown bytes become one token.
  package var fusesUnknown = false
  /// What ``Tokenizer/encode(_:addSpecialTokens:parseSpecialTokens:)-(String,_,_)`` puts before a text.
  package var prefixTokens: [Int32] = []
  /// What it puts after a text.
  package var suffixTokens: [Int32] = []
  /// The token that begins a sequence.
  package var beginningOfSequence: Int32?
  /// The token that ends a sequence.
  package var endOfSequence: Int32?

  /// Creates an empty definition.
  package init() {}
}
