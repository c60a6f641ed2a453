/// Turns tokens into text as they come, whole characters only: what is not complete yet is held back.
///
/// All parts together are what ``Tokenizer/decode(_:skipSpecialTokens:)`` makes of all the tokens.
package struct StreamingDetokenizer: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  private var decoder = LossyUTF8Decoder()
  private var bytes: [UInt8] = []

  /// Creates a detokenizer at the beginning of a text.
  init(tokenizer: Tokenizer, skipsSpecialTokens: Bool) {
    self.tokenizer = tokenizer
    self.skipsSpecialTokens = skipsSpecialTokens
  }

  /// The text that token `id` completes, which may be empty.
  ///
  /// - Throws: ``TokenizerError/unknownToken(id:vocabularySize:)``; the state is unchanged then.
  package mutating func append(_ id: Int32) throws(TokenizerError) -> String {
    var text: [UInt8] = []
    try append(id, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// The text that is left at the end: U+FFFD if a character was not completed, otherwise nothing.
  package mutating func finish() -> String {
    var text: [UInt8] = []
    finish(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends what token `id` completes to `text`, as UTF-8.
  mutating func append(_ id: Int32, to text: inout [UInt8]) throws(TokenizerError) {
    bytes.removeAll(keepingCapacity: true)
    guard tokenizer.appendBytes(of: id, to: &bytes) else {
      throw .unknownToken(id: id, vocabularySize: tokenizer.vocabularySize)
    }
    if skipsSpecialTokens, tokenizer.isSpecial(id) { return }
    decoder.append(bytes, to: &text)
  }

  /// Appends what is left at the end to `text`, as UTF-8.
  mutating func finish(to text: inout [UInt8]) { decoder.finish(to: &text) }
}
