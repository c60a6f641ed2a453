package import JSON

extension Tokenizer {
  /// Reads a `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - huggingFaceJSON: the document.
  ///   - configuration: the `tokenizer_config.json` beside it, if there is one; it says which tokens begin and end a
  ///     sequence. What is put around a text is the post-processor's matter, in the document.
  /// - Throws: ``TokenizerError`` for a part that is not supported, by name, and for one that contradicts another.
  package init(huggingFaceJSON: JSONValue, configuration: JSONValue?) throws(TokenizerError) {
    try self.init(TokenizerDefinition(huggingFaceJSON: huggingFaceJSON, configuration: configuration))
  }

  /// Reads the bytes of a `tokenizer.json`; see ``init(huggingFaceJSON:configuration:)-(JSONValue,_)``.
  package init(huggingFaceJSON: [UInt8], configuration: JSONValue?) throws(TokenizerError) {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: huggingFaceJSON)
    } catch {
      throw .invalidJSON(error)
    }
    try self.init(huggingFaceJSON: document, configuration: configuration)
  }
}

extension TokenizerDefinition {
  /// Reads a `tokenizer.json`; see ``Tokenizer/init(huggingFaceJSON:configuration:)-(JSONValue,_)``.
  package init(huggingFaceJSON document: JSONValue, configuration: JSONValue?) throws(TokenizerError) {
    self.init()
    let root = JSONPlace(document, "tokenizer.json")
    guard case .object = document else { throw root.malformed("is not an object") }
    try readModel(root.required("model"))
    try readAddedTokens(root.optional("added_tokens"))
    normalizer = try Self.normalizer(root.optional("normalizer"))
    preTokenizer = try PreTokenizer(root.optional("pre_tokenizer"))
    try readPostProcessor(root.optional("post_processor"))
    try Self.checkDecoder(root.optional("decoder"))
    if let configuration {
      let place = JSONPlace(configuration, "tokenizer_config.json")
      beginningOfSequence = try namedToken(place.optional("bos_token"))
      endOfSequence = try namedToken(place.optional("eos_token"))
    }
  }

  /// The identifier of a token that is given by its spelling, or by an object with its `content`.
  private func namedToken(_ place: JSONPlace?) throws(TokenizerError) -> Int32? {
    guard let place else { return nil }
    let content = if case .object = place.value { try place.required("content").string() } else { try place.string() }
    guard let id = vocabulary.id(of: Array(content.utf8)) else {
      throw place.malformed("token \(quoted(content.utf8)) is not in the vocabulary")
    }
    return id
  }

  private static func normalizer(_ place: JSONPlace?) throws(TokenizerError) -> Normalizer {
    guard let place else { return .none }
    switch try place.required("type").string() {
    case "NFC":
      return .canonicalComposition
    case "Sequence":
      var result = Normalizer.none
      for part in try place.required("normalizers").elements() {
        let step = try normalizer(part)
        if step != .none { result = step }
      }
      return result
    case let type:
      throw place.unsupported("a normalizer of type \(quoted(type.utf8))")
    }
  }

  private static func checkDecoder(_ place: JSONPlace?) throws(TokenizerError) {
    guard let place else {
      throw .unsupported(place: "tokenizer.json: decoder", feature: "a tokenizer without a decoder")
    }
    var steps: [(JSONPlace, String)] = []
    try flattenDecoder(place, &steps)
    for (index, (step, type)) in steps.enumerated() {
      // Fuse joins what the byte-level decoder has joined already.
      guard type == (index == 0 ? "ByteLevel" : "Fuse") else {
        throw step.unsupported("a decoder of type \(quoted(type.utf8)) as step \(index + 1)")
      }
    }
    guard !steps.isEmpty else { throw place.unsupported("a decoder without steps") }
  }

  private static func flattenDecoder(_ place: JSONPlace, _ steps: inout [(JSONPlace, String)]) throws(TokenizerError) {
    let type = try place.required("type").string()
    guard type == "Sequence" else {
      steps.append((place, type))
      return
    }
    for part in try place.required("decoders").elements() { try flattenDecoder(part, &steps) }
  }
}

extension TokenizerVocabulary {
  /// The token with this spelling; looks at every token, and is for a few of them.
  func id(of spelling: [UInt8]) -> Int32? {
    for id in 0..<spellings.count where !kinds[id].isEmpty && spellings.range(of: id).count == spelling.count {
      if spellings[id].elementsEqual(spelling) { return Int32(id) }
    }
    return nil
  }
}
