public import Decoding
public import Guided
internal import Requests
internal import Tokenization

extension LLM {
  /// What makes a text match `grammar`: pass it to ``generate(_:_:controls:)`` and its relatives.
  ///
  /// ```swift
  /// let controls = try llm.controls(for: .choice(["yes", "no"]))
  /// let answer = try await llm.chat([.user("Is water wet?")], controls: controls)
  /// ```
  ///
  /// Compiles the grammar on the caller's side; the last ones are remembered. Text that ends because of
  /// ``SamplingParams/maxTokens`` or a stop string may be the beginning of a match only.
  ///
  /// - Throws: ``InflightError`` for a grammar that is wrong, not supported, too large, or that no text matches.
  public func controls(for grammar: Grammar) throws(InflightError) -> TokenControls {
    do {
      let compiled = try grammars.compiled(grammar) {
        // As many tokens as the model has logits, of which the tokenizer may not know the last.
        let tokens = (0..<TokenID(clamping: executor.engineLimits.vocabularySize))
        return TokenVocabulary(
          bytesOfTokens: tokens.map { tokenizer.bytes(of: $0) ?? [] }, endOfSequence: Set(text.endOfSequence),
          special: Set(tokens.filter { tokenizer.isSpecial($0) }))
      }
      return TokenControls(constraint: GrammarConstraint(matcher: compiled.makeMatcher()))
    } catch {
      throw InflightError(error)
    }
  }
}
