/// Why a request ended.
public enum FinishReason: Sendable, Equatable {
  /// The model generated one of its end-of-sequence tokens, which is the last token of the output.
  case endOfSequence(TokenID)
  /// The model generated one of the request's stop tokens, which is the last token of the output.
  case stopToken(TokenID)
  /// The text contains one of the request's stop strings, given as it was asked for.
  case stopString(String)
  /// The request's constraint allows nothing more.
  case constraintEnded
  /// The request has as many tokens as it asked for, or its sequence is as long as the engine can hold; or its constraint kept
  /// the text from going on as the model wanted to, so that it came to its end before that.
  case length
  /// The caller cancelled the request, stopped reading its stream, or shut the executor down.
  case cancelled
  /// The request failed; others go on.
  case failed(RequestFailure)

  /// Whether two reasons are the same, texts byte by byte.
  public static func == (left: FinishReason, right: FinishReason) -> Bool {
    switch (left, right) {
    case (.endOfSequence(let left), .endOfSequence(let right)): left == right
    case (.stopToken(let left), .stopToken(let right)): left == right
    case (.stopString(let left), .stopString(let right)): left.utf8.elementsEqual(right.utf8)
    case (.failed(let left), .failed(let right)): left == right
    case (.constraintEnded, .constraintEnded), (.length, .length), (.cancelled, .cancelled): true
    case (.endOfSequence, _), (.stopToken, _), (.stopString, _), (.constraintEnded, _), (.length, _), (.cancelled, _),
      (.failed, _):
      false
    }
  }

  /// The reason as it is on the wire: `stop`, `length`, `cancelled` or `error`.
  public var name: String {
    switch self {
    case .endOfSequence, .stopToken, .stopString, .constraintEnded: "stop"
    case .length: "length"
    case .cancelled: "cancelled"
    case .failed: "error"
    }
  }
}

/// Which part of the step failed a request, with that part's own words.
public enum RequestFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The scheduler planned something impossible for the request.
  case scheduling(String)
  /// A resource manager could not give the request what it needs.
  case resources(String)
  /// The forward pass of the batch that the request was in failed.
  case engine(String)
  /// No token could be chosen from the request's logits.
  case decoding(String)
  /// The request's constraint cannot be followed any further: it allows nothing more, or is too ambiguous. Another one might.
  case constraint(String)

  /// One line that says what failed and why.
  public var description: String {
    switch self {
    case .scheduling(let reason): "scheduling failed: \(reason)"
    case .resources(let reason): "preparing resources failed: \(reason)"
    case .engine(let reason): "the forward pass failed: \(reason)"
    case .decoding(let reason): "decoding failed: \(reason)"
    case .constraint(let reason): "the form of the answer cannot be followed: \(reason)"
    }
  }
}
