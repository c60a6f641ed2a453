/// Why a grammar cannot be used, or why a token does not fit it.
public enum GuidedError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A keyword of a JSON schema, or a value of one, that is not supported; with the JSON pointer of where it stands.
  case unsupportedKeyword(keyword: String, pointer: String, reason: String)
  /// A JSON schema that is not one; with the JSON pointer of what is wrong.
  case invalidSchema(pointer: String, problem: String)
  /// A regular expression that cannot be read or is not supported; `offset` counts its characters.
  case invalidRegex(offset: Int, problem: String)
  /// A text grammar that cannot be read; lines and columns count from 1.
  case invalidGrammar(line: Int, column: Int, problem: String)
  /// A list of choices or of structural tags that makes no sense.
  case invalidRequest(problem: String)
  /// The grammar needs more than a limit of ``GrammarLimits`` allows.
  case tooLarge(what: String, limit: Int)
  /// No text matches the grammar.
  case unsatisfiable(String)
  /// A token that the grammar does not allow at this place.
  case tokenRefused(token: Int32)
  /// The text may follow the grammar in so many ways at once that following it costs too much.
  case tooAmbiguous

  /// One line that says what is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .unsupportedKeyword(let keyword, let pointer, let reason):
      "the JSON schema's keyword \"\(keyword)\" at \(Self.place(pointer)) is not supported: \(reason)"
    case .invalidSchema(let pointer, let problem): "invalid JSON schema at \(Self.place(pointer)): \(problem)"
    case .invalidRegex(let offset, let problem): "invalid regular expression at character \(offset): \(problem)"
    case .invalidGrammar(let line, let column, let problem):
      "invalid grammar at line \(line), column \(column): \(problem)"
    case .invalidRequest(let problem): "invalid guided decoding request: \(problem)"
    case .tooLarge(let what, let limit): "the grammar is too large: \(what), at most \(limit); simplify it"
    case .unsatisfiable(let what): "no text matches the grammar: \(what)"
    case .tokenRefused(let token): "token \(token) does not fit the grammar at this place"
    case .tooAmbiguous: "the text matches the grammar in too many ways at once; make the grammar less ambiguous"
    }
  }

  private static func place(_ pointer: String) -> String { pointer.isEmpty ? "the root" : pointer }
}
