package import Guided
package import Requests

/// Follows a grammar for a sample of a request.
package struct GrammarConstraint: TokenConstraint {
  /// Where the sample's text is in the grammar.
  private var matcher: GrammarMatcher

  /// Creates a constraint of what may follow from where `matcher` is.
  package init(matcher: GrammarMatcher) { self.matcher = matcher }

  /// Writes one bit per token, 1 if it is allowed.
  ///
  /// - Throws: ``DecodingError`` if the grammar is too ambiguous.
  package mutating func fillMask(_ words: inout [UInt64]) throws(DecodingError) {
    do {
      try matcher.fillMask(into: &words)
    } catch {
      throw .unsupported(error.description)
    }
  }

  /// Writes one bit per token, 1 if it is allowed and the text can end with at most `count` more.
  ///
  /// - Throws: ``DecodingError`` if the grammar is too ambiguous.
  package mutating func fillMask(_ words: inout [UInt64], endingWithin count: Int) throws(DecodingError) {
    do {
      try matcher.fillMask(into: &words, endingWithin: count)
    } catch {
      throw .unsupported(error.description)
    }
  }

  /// Whether the text can end with at most `count` more tokens.
  package mutating func canEnd(within count: Int) -> Bool { matcher.canEnd(within: count) }

  /// Goes on behind `token`.
  ///
  /// - Throws: ``DecodingError``.
  package mutating func accept(_ token: TokenID) throws(DecodingError) {
    do {
      try matcher.accept(token)
    } catch .tooAmbiguous {
      throw .unsupported(GuidedError.tooAmbiguous.description)
    } catch {
      throw .tokenNotAllowed(token)
    }
  }

  /// Whether the text is complete and nothing can follow.
  package var isFinished: Bool { matcher.isComplete }

  /// The only token of the mask, if there is only one.
  package mutating func forcedToken() -> TokenID? { matcher.onlyToken() }
}
