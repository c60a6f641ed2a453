package import Checkpoints
public import Decoding
public import Guided
internal import JSON
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
  /// Compiles the grammar on the caller's side; the last ones are remembered. A text comes to its end before it has
  /// ``SamplingParams/maxTokens``, unless these are fewer than a match needs; what a stop string ends may be the beginning of a
  /// match only.
  ///
  /// - Throws: ``InflightError`` for a grammar that is wrong, not supported, too large, or that no text matches.
  public func controls(for grammar: Grammar) throws(InflightError) -> TokenControls {
    try grammars.controls(for: grammar, text, vocabularySize: executor.engineLimits.vocabularySize)
  }
}

extension LLM {
  /// What makes a text match `grammar`, if it was compiled before and is remembered.
  package func knownControls(for grammar: Grammar) -> TokenControls? {
    grammars.known(grammar).map { grammars.controls($0, grammar) }
  }
}

extension GrammarCache {
  /// What makes a text of a model with `text` and so many logits match `grammar`.
  ///
  /// - Throws: ``InflightError``.
  fileprivate func controls(
    for grammar: Grammar, _ text: LoadedText, vocabularySize: Int
  ) throws(InflightError) -> TokenControls {
    let tokenizer = text.tokenizer
    do {
      let compiled = try compiled(grammar) {
        // As many tokens as the model has logits, of which the tokenizer may not know the last.
        let tokens = (0..<TokenID(clamping: vocabularySize))
        return TokenVocabulary(
          bytesOfTokens: tokens.map { tokenizer.bytes(of: $0) ?? [] }, endOfSequence: Set(text.endOfSequence),
          special: Set(tokens.filter { tokenizer.isSpecial($0) }))
      }
      return controls(compiled, grammar)
    } catch {
      throw InflightError(error)
    }
  }

  /// What makes a text match `grammar`, whose compiled form is `compiled`.
  fileprivate func controls(_ compiled: CompiledGrammar, _ grammar: Grammar) -> TokenControls {
    TokenControls(constraint: GrammarConstraint(matcher: compiled.makeMatcher())) { grammar.json.serialized() }
  }
}

/// Makes the constraints of a recording's grammars again, for the model that it was made with.
package struct RecordedGrammars: Sendable {
  private let text: LoadedText
  private let vocabularySize: Int
  private let grammars = GrammarCache()

  /// Reads the tokenizer of `checkpoint`.
  ///
  /// - Throws: ``InflightError``.
  package init(_ checkpoint: Checkpoint) throws(InflightError) {
    text = try LoadedText(checkpoint)
    vocabularySize = checkpoint.configuration.vocabularySize
  }

  /// The controls of a request with the grammar that was written down as `recorded`.
  ///
  /// - Throws: ``InflightError`` for anything else, and for a grammar that cannot be compiled.
  package func controls(_ recorded: String) throws(InflightError) -> TokenControls {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: recorded, limits: JSONLimits(depth: 256, byteCount: 1 << 25))
    } catch {
      throw InflightError(.request, "it is not JSON: \(error)")
    }
    guard let grammar = Grammar(json: json) else { throw InflightError(.request, "it is not one that is recorded") }
    return try grammars.controls(for: grammar, text, vocabularySize: vocabularySize)
  }
}
