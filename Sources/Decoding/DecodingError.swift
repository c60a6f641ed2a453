public import Requests

/// No token could be chosen from a row of logits; the request that it belongs to fails alone.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A logit is not a number.
  case notANumber
  /// A logit is positive infinity.
  case infinite
  /// Every logit is negative infinity, so that every token is masked.
  case everyTokenMasked
  /// The request's constraint allows no token at all.
  case nothingAllowed
  /// The request's constraint was given a token that it does not allow.
  case tokenNotAllowed(TokenID)
  /// One of the request's logits processors threw, with its words.
  case processor(String)
  /// The decoder does not implement what the request asks for.
  case unsupported(String)

  /// One line that says what is wrong with the row.
  public var description: String {
    switch self {
    case .notANumber: "the model's logits contain a value that is not a number"
    case .infinite: "the model's logits contain positive infinity"
    case .everyTokenMasked: "every token is masked: all logits are negative infinity"
    case .nothingAllowed: "the request's constraint allows no token here, or may be followed in too many ways at once"
    case .tokenNotAllowed(let token): "token \(token) is not allowed by the request's constraint"
    case .processor(let reason): "a logits processor failed: \(reason)"
    case .unsupported(let what): what
    }
  }
}
