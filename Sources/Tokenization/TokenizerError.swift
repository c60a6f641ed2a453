package import Checkpoints
package import JSON

/// Why a tokenizer was refused, or why a text or a token could not be converted.
package enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The tokenizer uses something that is not supported; `feature` names it, `place` says where it stands.
  case unsupported(place: String, feature: String)
  /// A value is missing, has the wrong type, or contradicts another; `place` says which.
  case malformed(place: String, problem: String)
  /// The text is not UTF-8, from byte `offset` on.
  case invalidUTF8(offset: Int)
  /// A token identifier that the vocabulary does not have.
  case unknownToken(id: Int32, vocabularySize: Int)
  /// The tokenizer's file is not JSON.
  case invalidJSON(JSONError)
  /// The checkpoint's metadata could not be read, or there is no tokenizer in it.
  case checkpoint(CheckpointError)

  package var description: String {
    switch self {
    case .unsupported(let place, let feature):
      "tokenizer: \(place): \(feature) is not supported"
    case .malformed(let place, let problem):
      "tokenizer: \(place): \(problem); the file is damaged or not a tokenizer"
    case .invalidUTF8(let offset):
      "the text is not valid UTF-8 at byte \(offset); convert it to UTF-8 first"
    case .unknownToken(let id, let vocabularySize):
      "token \(id) is not in the vocabulary of \(vocabularySize) tokens"
    case .invalidJSON(let error):
      "tokenizer: \(error)"
    case .checkpoint(let error):
      "tokenizer: \(error)"
    }
  }
}
