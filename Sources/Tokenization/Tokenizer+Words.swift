extension Tokenizer {
  /// The token sequences that `words` may be generated as: each as it is, and with a space before it where that begins with
  /// another token and has as many. Without duplicates.
  package func sequences(ofWords words: [String]) -> [[Int32]] {
    var sequences: [[Int32]] = []
    for word in words {
      var bytes = Array(word.utf8)
      while bytes.first == 0x20 { bytes.removeFirst() }
      let text = String(decoding: bytes.isEmpty ? Array(word.utf8) : bytes, as: UTF8.self)
      let plain = encode(text, addSpecialTokens: false, parseSpecialTokens: false)
      let spaced = encode(" \(text)", addSpecialTokens: false, parseSpecialTokens: false)
      var forms = [plain]
      if spaced.count == plain.count, spaced.first != plain.first { forms.append(spaced) }
      for form in forms where !form.isEmpty && !sequences.contains(form) { sequences.append(form) }
    }
    return sequences
  }
}
