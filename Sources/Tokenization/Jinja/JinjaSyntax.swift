/// The syntax tree of a template: immutable, and shared by every rendering. Names are indices into the template's
/// table of names. Chains of operators and of postfix operations are flat arrays, so that the depth of the tree is
/// bounded by the nesting of brackets and tags that the parser allows.
indirect enum JinjaExpression: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(JinjaString)
  case name(Int)
  case list([JinjaExpression])
  case tuple([JinjaExpression])
  case dictionary([(key: JinjaExpression, value: JinjaExpression)])
  /// Attribute and item access, calls, filters and tests, one after the other.
  case postfix(JinjaExpression, [PostfixStep])
  case negative(JinjaExpression)
  case positive(JinjaExpression)
  /// A chain of operators of one rank, from the left.
  case arithmetic(JinjaExpression, [(operation: JinjaPunctuation, operand: JinjaExpression)])
  /// `a ~ b ~ c`.
  case concatenation([JinjaExpression])
  /// `a < b <= c`, which holds when every link does.
  case comparison(JinjaExpression, [(operation: ComparisonOperator, operand: JinjaExpression)])
  case and([JinjaExpression])
  case or([JinjaExpression])
  case not(JinjaExpression)
  case conditional(test: JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
}

/// The operators of comparisons.
enum ComparisonOperator: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, `in`, notIn }

/// One operation behind an expression.
struct PostfixStep: Sendable {
  /// What the operation is.
  enum Operation: Sendable {
    case attribute(AttributeName)
    case item(JinjaExpression)
    case slice(JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(ArgumentList)
    case filter(FilterReference, ArgumentList)
    case test(TestReference, ArgumentList, isNegated: Bool)
  }

  /// What the operation is.
  let operation: Operation
  /// The line where it begins.
  let line: Int
}

/// The arguments of a call, a filter or a test.
struct ArgumentList: Sendable {
  /// Those without a name, in order.
  var positional: [JinjaExpression] = []
  /// Those with a name; no name appears twice.
  var keywords: [(name: JinjaString, value: JinjaExpression)] = []
  /// `*expression`.
  var spread: JinjaExpression?
  /// `**expression`.
  var keywordSpread: JinjaExpression?
}

/// A filter by name; `filter` is nil for one that does not exist, which only matters when it is reached.
struct FilterReference: Sendable {
  let name: JinjaString
  let filter: JinjaFilter?
}

/// A test by name; `test` is nil for one that does not exist, which only matters when it is reached.
struct TestReference: Sendable {
  let name: JinjaString
  let test: JinjaTest?
}

/// What an assignment writes to.
indirect enum AssignmentTarget: Sendable {
  case name(Int)
  case namespaceAttribute(Int, JinjaString)
  case tuple([AssignmentTarget])
}

/// A tag or a piece of text.
struct JinjaStatement: Sendable {
  /// What the statement does.
  indirect enum Kind: Sendable {
    case text([UInt8])
    case output(JinjaExpression)
    case conditional([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case loop(LoopStatement)
    case assign(AssignmentTarget, JinjaExpression)
    /// `{% set x %}`; the filters apply to what the body renders.
    case assignBlock(AssignmentTarget, filters: [PostfixStep], body: [JinjaStatement])
    case macro(name: Int, MacroDefinition)
    /// `{% call %}`; `callee` is the called expression without the call itself.
    case call(MacroDefinition, callee: JinjaExpression, ArgumentList)
    case filterBlock(filters: [PostfixStep], body: [JinjaStatement])
    case with([(target: AssignmentTarget, value: JinjaExpression)], body: [JinjaStatement])
    case breakLoop
    case continueLoop
  }

  /// What the statement does.
  let kind: Kind
  /// The line where it begins.
  let line: Int
}

/// `{% for target in iterable if condition %}`.
struct LoopStatement: Sendable {
  /// What every item is assigned to.
  let target: AssignmentTarget
  /// What is walked.
  let iterable: JinjaExpression
  /// Which items count, or nil for all.
  let condition: JinjaExpression?
  /// Whether the body may call `loop(...)`.
  let isRecursive: Bool
  let body: [JinjaStatement]
  /// What `{% else %}` holds.
  let otherwise: [JinjaStatement]
}

/// A macro, or the body of a `{% call %}`, which is one without a name.
final class MacroDefinition: Sendable {
  /// A parameter; `fallback` is its default value.
  struct Parameter: Sendable {
    let symbol: Int
    let name: JinjaString
    let fallback: JinjaExpression?
  }

  /// Nil for the body of a `{% call %}`.
  let name: JinjaString?
  /// The parameters in order.
  let parameters: [Parameter]
  let body: [JinjaStatement]
  /// Whether the body names `caller`, `kwargs` or `varargs`: only then are they taken.
  let usesCaller: Bool
  let usesKeywordArguments: Bool
  let usesExtraArguments: Bool

  /// A definition of these parts.
  init(
    name: JinjaString?, parameters: [Parameter], body: [JinjaStatement], usesCaller: Bool,
    usesKeywordArguments: Bool, usesExtraArguments: Bool
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
    self.usesCaller = usesCaller
    self.usesKeywordArguments = usesKeywordArguments
    self.usesExtraArguments = usesExtraArguments
  }
}
