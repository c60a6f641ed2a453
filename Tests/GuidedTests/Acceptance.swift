import Guided

/// Grammars over the 256 bytes, one token each, and which texts they allow.
enum Acceptance {
  static let vocabulary = TokenVocabulary(bytesOfTokens: (0...255).map { [UInt8($0)] } + [[]], endOfSequence: [256])

  /// Whether `text` is one that `grammar` allows, from its beginning to its end.
  static func allows(_ text: String, _ grammar: CompiledGrammar) -> Bool {
    var matcher = grammar.makeMatcher()
    for byte in text.utf8 where (try? matcher.accept(Int32(byte))) == nil { return false }
    return matcher.canEnd
  }

  static func allows(_ text: String, _ grammar: Grammar) throws -> Bool {
    allows(text, try CompiledGrammar(grammar, vocabulary: vocabulary))
  }

  /// Why a grammar is refused; nil if it is not.
  static func refusal(of grammar: Grammar, limits: GrammarLimits = GrammarLimits()) -> GuidedError? {
    do {
      _ = try CompiledGrammar(grammar, vocabulary: vocabulary, limits: limits)
      return nil
    } catch {
      return error
    }
  }
}
