internal import JSON

extension TokenizerDefinition {
  /// Reads `post_processor`: what is put around a single text.
  mutating func readPostProcessor(_ place: JSONPlace?) throws(TokenizerError) {
    guard let place else { return }
    switch try place.required("type").string() {
    case "ByteLevel":
      // It trims the offsets of tokens, and leaves the tokens alone.
      return
    case "Sequence":
      for part in try place.required("processors").elements() { try readPostProcessor(part) }
    case "TemplateProcessing":
      try readTemplate(place)
    case let type:
      throw place.unsupported("a post-processor of type \(quoted(type.utf8))")
    }
  }

  private mutating func readTemplate(_ place: JSONPlace) throws(TokenizerError) {
    var before: [Int32] = []
    var after: [Int32] = []
    var hasText = false
    for part in try place.required("single").elements() {
      if let sequence = part.optional("Sequence") {
        let id = try sequence.required("id").string()
        guard id == "A", !hasText else { throw sequence.unsupported("a template with more than the one text A") }
        hasText = true
        continue
      }
      let name = try part.required("SpecialToken").required("id").string()
      guard let token = place.optional("special_tokens")?.optional(name) else {
        throw place.malformed("the special token \(quoted(name.utf8)) of the template is not in special_tokens")
      }
      for id in try token.required("ids").elements() {
        let id = try id.tokenID()
        if hasText { after.append(id) } else { before.append(id) }
      }
    }
    guard hasText else { throw place.unsupported("a template without the text") }
    guard prefixTokens.isEmpty && suffixTokens.isEmpty else { throw place.unsupported("a second template") }
    guard before.count + after.count <= 1024 else { throw place.malformed("adds more than 1024 tokens") }
    prefixTokens = before
    suffixTokens = after
  }
}
