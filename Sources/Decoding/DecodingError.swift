/// No token could be chosen from a row of logits; the request that it belongs to fails alone.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A logit is not a number.
  case notANumber
  /// A logit is positive infinity.
  case infinite
  /// Every logit is negative infinity, so that every token is masked.
  case everyTokenMasked
  /// The decoder does not implement what the request asks for.
  case unsupported(String)

  /// One line that says what is wrong with the row.
  public var description: String {
    switch self {
    case .notANumber: "the model's logits contain a value that is not a number"
    case .infinite: "the model's logits contain positive infinity"
    case .everyTokenMasked: "every token is masked: all logits are negative infinity"
    case .unsupported(let what): what
    }
  }
}
