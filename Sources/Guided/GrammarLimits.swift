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
