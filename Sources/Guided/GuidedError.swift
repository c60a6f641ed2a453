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

/// Bounds on what compiling and following a grammar may cost, so that a hostile one fails early.
public struct GrammarLimits: Sendable, Equatable {
  /// The most bytes of a pattern or text grammar.
  public var textByteCount = 1 << 18
  /// How deeply groups and schemas may be nested in each other in the grammar's own text.
  public var nesting = 100
  /// The most expressions a grammar may be made of.
  public var expressionCount = 400_000
  /// The most rules.
  public var ruleCount = 20_000
  /// The most states of all automata together.
  public var stateCount = 300_000
  /// How much work compiling may be, in elementary operations; a million takes some milliseconds to some tens of them.
  public var work = 60_000_000
  /// How deeply rules may be nested in each other in the text that is generated.
  public var depth = 256
  /// The most ways in which a text may follow the grammar at once.
  public var alternativeCount = 4_096
  /// How much work it may be to find the mask of one place, or to follow one byte, in pairs of a state and what lies below
  /// it; a million takes some tenths of a second. The mask of a usual grammar takes some ten thousand. While a mask is
  /// found, every unit takes at most some forty bytes.
  public var maskWork = 2_000_000
  /// The most bytes that are remembered of one grammar, places and masks, before all is forgotten.
  public var rememberedByteCount = 64 << 20

  /// The usual limits.
  public init() {}
}

/// What is left of the work that compiling may cost.
struct WorkBudget {
  private var left: Int
  private let limit: Int

  init(limit: Int) {
    left = limit
    self.limit = limit
  }

  /// Takes `amount` from what is left.
  ///
  /// - Throws: ``GuidedError/tooLarge(what:limit:)`` if nothing is left.
  @inline(__always)
  mutating func spend(_ amount: Int = 1) throws(GuidedError) {
    left &-= amount
    if left < 0 { throw .tooLarge(what: "compiling it takes too many steps", limit: limit) }
  }
}
