/// Converts text to tokens and back: byte-level byte-pair encoding, with the exact results of the `tokenizers` library.
///
/// A tokenizer is immutable; any number of threads may use one. What it does is what `tokenizer.json` says;
/// `padding` and `truncation` there are about batches for training and have no part in it.
package struct Tokenizer: Sendable {
  private let model: BytePairModel
  private let definition: Pipeline
  private let exactMatcher: AddedTokenMatcher
  private let normalizedMatcher: AddedTokenMatcher
  private let classes: ScalarClasses

  /// What is left of the definition once the vocabulary is indexed.
  private struct Pipeline: Sendable {
    var normalizer: TokenizerDefinition.Normalizer
    var preTokenizer: PreTokenizer
    var prefixTokens: [Int32]
    var suffixTokens: [Int32]
    var beginningOfSequence: Int32?
    var endOfSequence: Int32?
  }

  /// Makes a tokenizer.
  ///
  /// - Throws: ``TokenizerError`` if the vocabulary or the merges contradict themselves.
  package init(_ definition: TokenizerDefinition) throws(TokenizerError) {
    model = try BytePairModel(definition)
    let classes = ScalarClasses.shared
    self.classes = classes
    self.definition = Pipeline(
      normalizer: definition.normalizer, preTokenizer: definition.preTokenizer,
      prefixTokens: definition.prefixTokens, suffixTokens: definition.suffixTokens,
      beginningOfSequence: definition.beginningOfSequence, endOfSequence: definition.endOfSequence)
    let special = [definition.unknownToken, definition.beginningOfSequence, definition.endOfSequence].compactMap { $0 }
    for id in definition.prefixTokens + definition.suffixTokens + special + definition.vocabulary.addedTokens.map(\.id)
    {
      guard id >= 0, id < model.kinds.count, !model.kinds[Int(id)].isEmpty else {
        throw .unknownToken(id: id, vocabularySize: model.kinds.count)
      }
    }
    // Of tokens that look the same after normalization a special one is found.
    let added = definition.vocabulary.addedTokens.filter { !$0.content.isEmpty }
    let ordered = added.filter(\.isSpecial) + added.filter { !$0.isSpecial }
    exactMatcher = AddedTokenMatcher(
      ordered.filter { !$0.isNormalized }.map { ($0, $0.content) }, classes: classes)
    normalizedMatcher = AddedTokenMatcher(
      ordered.filter(\.isNormalized).map { token in
        let form = Self.normalize(token.content, 0..<token.content.count, definition.normalizer, classes)
        return (token, form ?? token.content)
      }, classes: classes)
  }

  /// One more than the largest identifier.
  package var vocabularySize: Int { model.kinds.count }
  /// The token that begins a sequence, if the model has one.
  package var beginningOfSequence: Int32? { definition.beginningOfSequence }
  /// The token that ends a sequence, if the model has one.
  package var endOfSequence: Int32? { definition.endOfSequence }
  /// The bytes that the vocabulary has no token for: ``encode(_:addSpecialTokens:parseSpecialTokens:)-(String,_,_)``
  /// drops them, as the reference does, unless the model has an unknown token.
  package var missingBytes: [UInt8] { model.missingBytes }

  /// The most bytes of a text that one token can stand for. Looks at every token.
  package var maximumBytesPerToken: Int {
    var longest = 1
    for id in 0..<model.kinds.count where !model.kinds[id].isEmpty {
      let spelling = model.spellings[id]
      guard spelling.count > longest else { continue }
      // The byte-level alphabet has a character for each byte; added tokens are spelled as they are written.
      let count = model.kinds[id].contains(.added) ? spelling.count : spelling.count { $0 & 0xc0 != 0x80 }
      longest = max(longest, count)
    }
    switch definition.normalizer {
    case .none: return longest
    // Composition makes one byte of three at most.
    case .canonicalComposition: return 3 * longest
    }
  }

  // MARK: Text to tokens

  /// The tokens of `text`.
  ///
  /// - Parameters:
  ///   - addSpecialTokens: whether the model's own beginning and end are put around the text.
  ///   - parseSpecialTokens: whether a special token that is written out in the text is that token; otherwise it is
  ///     text. Added tokens that are not special are always found.
  package func encode(_ text: String, addSpecialTokens: Bool = true, parseSpecialTokens: Bool = true) -> [Int32] {
    encodeValid(Array(text.utf8), addSpecialTokens, parseSpecialTokens)
  }

  /// The tokens of a text in UTF-8; see the other `encode`.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(offset:)``.
  package func encode(
    _ utf8: [UInt8], addSpecialTokens: Bool = true, parseSpecialTokens: Bool = true
  ) throws(TokenizerError) -> [Int32] {
    if let offset = UTF8Text.firstInvalidOffset(utf8) { throw .invalidUTF8(offset: offset) }
    return encodeValid(utf8, addSpecialTokens, parseSpecialTokens)
  }

  private func encodeValid(_ bytes: [UInt8], _ addSpecialTokens: Bool, _ parseSpecialTokens: Bool) -> [Int32] {
    var output: [Int32] = addSpecialTokens ? definition.prefixTokens : []
    output.reserveCapacity(bytes.count / 3 + 8)
    var scratch = BytePairModel.Scratch()
    for part in exactMatcher.split(bytes, 0..<bytes.count, skipsSpecial: !parseSpecialTokens) {
      if let token = part.token {
        output.append(token)
      } else if let normalized = Self.normalize(bytes, part.range, definition.normalizer, classes) {
        encodeNormalized(normalized, 0..<normalized.count, parseSpecialTokens, &scratch, &output)
      } else {
        encodeNormalized(bytes, part.range, parseSpecialTokens, &scratch, &output)
      }
    }
    if addSpecialTokens { output.append(contentsOf: definition.suffixTokens) }
    return output
  }

  private static func normalize(
    _ bytes: [UInt8], _ range: Range<Int>, _ normalizer: TokenizerDefinition.Normalizer, _ classes: ScalarClasses
  ) -> [UInt8]? {
    switch normalizer {
    case .none: nil
    case .canonicalComposition: CanonicalComposition.normalize(bytes, range, classes: classes)
    }
  }

  private func encodeNormalized(
    _ bytes: [UInt8], _ range: Range<Int>, _ parseSpecialTokens: Bool, _ scratch: inout BytePairModel.Scratch,
    _ output: inout [Int32]
  ) {
    for part in normalizedMatcher.split(bytes, range, skipsSpecial: !parseSpecialTokens) {
      if let token = part.token {
        output.append(token)
        continue
      }
      let (pieces, moved) = definition.preTokenizer.pieces(of: bytes, part.range, classes: classes)
      let source = moved ?? bytes
      scratch.beginText(byteCount: moved?.count ?? part.range.count)
      for piece in pieces { model.encode(source, piece, &scratch, to: &output) }
    }
  }

  // MARK: Tokens to text

  /// The text of `ids`. Bytes that are not UTF-8 become U+FFFD, one for each maximal subpart of an ill-formed sequence.
  ///
  /// - Throws: ``TokenizerError/unknownToken(id:vocabularySize:)``.
  package func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool) throws(TokenizerError) -> String {
    var detokenizer = makeDetokenizer(skipSpecialTokens: skipSpecialTokens)
    var text: [UInt8] = []
    for id in ids { try detokenizer.append(id, to: &text) }
    detokenizer.finish(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// A detokenizer at the beginning of a text.
  package func makeDetokenizer(skipSpecialTokens: Bool) -> StreamingDetokenizer {
    StreamingDetokenizer(tokenizer: self, skipsSpecialTokens: skipSpecialTokens)
  }

  /// The bytes that token `id` stands for; nil if there is no such token.
  package func bytes(of id: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    return appendBytes(of: id, to: &bytes) ? bytes : nil
  }

  /// Appends the bytes that token `id` stands for to `bytes`; false if there is no such token.
  func appendBytes(of id: Int32, to bytes: inout [UInt8]) -> Bool {
    guard contains(id) else { return false }
    ByteLevelAlphabet.decode(model.spellings[Int(id)], into: &bytes)
    return true
  }

  // MARK: The vocabulary

  /// Whether the vocabulary has a token `id`.
  package func contains(_ id: Int32) -> Bool {
    id >= 0 && id < model.kinds.count && !model.kinds[Int(id)].isEmpty
  }

  /// Whether token `id` is special; false if there is no such token.
  package func isSpecial(_ id: Int32) -> Bool { contains(id) && model.kinds[Int(id)].contains(.special) }

  /// Token `id` as the vocabulary spells it; nil if there is no such token.
  package func text(of id: Int32) -> String? {
    contains(id) ? String(decoding: model.spellings[Int(id)], as: UTF8.self) : nil
  }

  /// The token that the vocabulary spells as `text`, byte for byte; nil if there is none.
  package func id(of text: String) -> Int32? {
    let spelling = Array(text.utf8)
    return model.table.find(spelling, 0..<spelling.count, in: model.spellings).map { Int32($0) }
  }
}
