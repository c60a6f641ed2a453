public import Requests

/// Decides, token by token, what a request may generate: a schema, a grammar, a list of choices.
///
/// One per sample of a request: a value that is copied when samples begin. It is used by one thread at a time.
public protocol TokenConstraint: Sendable {
  /// Writes one bit per token, bit `i % 64` of word `i / 64`: 1 is allowed. End-of-sequence tokens are allowed exactly
  /// where the text may end.
  ///
  /// - Parameter words: enough words for the vocabulary of the logits; their contents are unspecified on entry, and every
  ///   one must be written.
  /// - Throws: ``DecodingError`` if it cannot say what is allowed, which fails the request.
  mutating func fillMask(_ words: inout [UInt64]) throws(DecodingError)

  /// The token was chosen.
  ///
  /// - Throws: ``DecodingError`` if it is not allowed.
  mutating func accept(_ token: TokenID) throws(DecodingError)

  /// Whether nothing but the end may follow. The request then ends without generating an end-of-sequence token.
  var isFinished: Bool { get }

  /// The token that must come next: the only one whose bit ``fillMask(_:)`` would set. Nil if there is a choice, or nobody
  /// knows; that is always right, and what is there without an implementation.
  ///
  /// What is forced is appended without a pass of the model. Only one token that spells the text counts: where others spell
  /// the beginning of the same text, the model has a choice.
  mutating func forcedToken() -> TokenID?

  /// Whether at most `count` more tokens can bring the text to its end. True if nobody knows, which is what is there without
  /// an implementation: the text is then cut when its tokens are used up.
  ///
  /// A constraint that knows is followed to an end in time: where a token is chosen behind which the text could not end within
  /// the request's tokens any more, although it could before, another is chosen among those that
  /// ``fillMask(_:endingWithin:)`` allows.
  mutating func canEnd(within count: Int) -> Bool

  /// Writes one bit per token as ``fillMask(_:)`` does: 1 for those that it allows and behind which ``canEnd(within:)`` is
  /// true of `count`.
  ///
  /// - Throws: ``DecodingError`` if it cannot say what is allowed, which fails the request.
  mutating func fillMask(_ words: inout [UInt64], endingWithin count: Int) throws(DecodingError)
}

extension TokenConstraint {
  /// Nil: nobody knows.
  public mutating func forcedToken() -> TokenID? { nil }

  /// True: nobody knows.
  public mutating func canEnd(within count: Int) -> Bool { true }

  /// What ``fillMask(_:)`` allows.
  public mutating func fillMask(_ words: inout [UInt64], endingWithin count: Int) throws(DecodingError) {
    try fillMask(&words)
  }
}
