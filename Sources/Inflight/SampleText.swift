package import Requests
package import Tokenization

/// The text of one sample while its tokens come: detokenized, searched for stop strings, and cut where one begins.
package struct SampleText: Sendable {
  private var detokenizer: StreamingDetokenizer
  private var filter: StopStringFilter
  /// What the text begins with, until it has been shown.
  private var beginning: String
  private let endTokens: Set<TokenID>
  private let minimumTokenCount: Int
  /// Number of tokens that belong to the sample: what comes after a stop string does not.
  package private(set) var tokenCount = 0
  /// The stop string that was found.
  package private(set) var stop: String?

  /// Characters that have come and are not shown yet: a stop string may begin with them.
  package var heldCharacterCount: Int { filter.heldCharacterCount }

  /// Creates the text of a sample of `request`, whose prompt's text is `prompt`.
  package init(_ request: GenerationRequest, prompt: String, tokenizer: Tokenizer) {
    let params = request.params
    detokenizer = tokenizer.makeDetokenizer(skipSpecialTokens: params.skipSpecialTokens)
    filter = StopStringFilter(params.stop, includesStop: params.includesStop)
    beginning = params.echo ? prompt : ""
    endTokens = Set(params.stopTokenIDs + (params.ignoreEndOfSequence ? [] : request.endOfSequenceTokenIDs))
    minimumTokenCount = params.minTokens
  }

  /// The text that `token` completes. A token that ends the sample has none.
  ///
  /// - Throws: `TokenizerError` for a token that does not exist.
  package mutating func append(_ token: TokenID) throws(TokenizerError) -> String {
    tokenCount += 1
    if endTokens.contains(token) { return "" }
    let piece = try detokenizer.append(token)
    let (text, stop) = filter.append(piece, isSearching: tokenCount >= minimumTokenCount)
    self.stop = stop
    return takeBeginning() + text
  }

  /// The text that is left once no token follows.
  package mutating func finish() -> String {
    guard stop == nil else { return takeBeginning() }
    // Half a character that was not completed cannot complete a stop string.
    let rest = detokenizer.finish()
    return takeBeginning() + filter.finish() + rest
  }

  private mutating func takeBeginning() -> String {
    defer { beginning = "" }
    return beginning
  }
}
