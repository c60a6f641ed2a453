/// Builds the syntax tree of a template from its tokens; the grammar is Jinja's, with the tags that chat templates
/// have in `transformers` (`break`, `continue` and `generation`).
struct JinjaParser {
  /// What a compiled template consists of.
  struct Result {
    /// The statements of the whole template.
    let body: [JinjaStatement]
    /// Every name that the template mentions; syntax trees hold indices into it.
    let symbols: [JinjaString]
  }

  /// The tokens; the last one is the end.
  let tokens: [JinjaToken]
  /// The place of the present token.
  var index = 0
  private(set) var symbols: [JinjaString] = []
  private var symbolIndices: [JinjaString: Int] = [:]
  private var nesting = 0

  /// Filters and tests that do not exist, in places that are not conditional: Jinja refuses those when it compiles,
  /// and the others only when they are reached.
  var unknownNames: [TemplateError] = []
  /// Whether the present place is directly within an `if`.
  var isConditional = false
  /// How many loops around the present place a `break` can leave.
  var loopDepth = 0
  /// How many loops there are around the present place at all.
  var enclosingLoops = 0
  /// For every macro around the present place, which of its special names its body has mentioned.
  var macroUses: [MacroUses] = []

  /// The special names that a macro may use.
  struct MacroUses {
    var caller = false
    var keywordArguments = false
    var extraArguments = false
  }

  /// Parses a whole template.
  static func parse(_ source: String) throws(TemplateError) -> Result {
    guard source.utf8.count <= TemplateLimits.sourceBytes else {
      throw TemplateError(
        kind: .limit, message: "the template is larger than \(TemplateLimits.sourceBytes) bytes", line: 1)
    }
    var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: source))
    let body = try parser.statements(endingAt: [])
    if let error = parser.unknownNames.first { throw error }
    return Result(body: body, symbols: parser.symbols)
  }

  private init(tokens: [JinjaToken]) { self.tokens = tokens }

  // MARK: Tokens

  /// The present token.
  var token: JinjaToken { tokens[index] }
  /// The line of the present token.
  var line: Int { tokens[index].line }

  /// The token after the present one; the last one again at the end.
  var nextToken: JinjaToken { tokens[min(index + 1, tokens.count - 1)] }

  /// Goes on by one token; the end stays the end.
  mutating func advance() { if index < tokens.count - 1 { index += 1 } }

  /// A syntax error, at the present line unless another is given.
  func failure(_ message: String, line: Int? = nil) -> TemplateError {
    TemplateError(kind: .syntax, message: message, line: line ?? self.line)
  }

  /// Whether the present token is an operator or a bracket.
  func isAt(_ punctuation: JinjaPunctuation) -> Bool {
    if case .punctuation(let found) = token.kind { return found == punctuation }
    return false
  }

  /// Whether the present token is a keyword.
  func isAt(_ keyword: JinjaKeyword) -> Bool { self.keyword == keyword }

  /// The keyword that the present token is, if it is one.
  var keyword: JinjaKeyword? {
    if case .name(_, let keyword) = token.kind { return keyword }
    return nil
  }

  /// Whether the present token is `%}`.
  var isAtBlockEnd: Bool {
    if case .blockEnd = token.kind { return true }
    return false
  }

  /// Passes an operator or bracket if it is the present token, and says whether it was.
  mutating func skip(_ punctuation: JinjaPunctuation) -> Bool {
    guard isAt(punctuation) else { return false }
    advance()
    return true
  }

  /// Passes a keyword if it is the present token, and says whether it was.
  mutating func skip(_ keyword: JinjaKeyword) -> Bool {
    guard isAt(keyword) else { return false }
    advance()
    return true
  }

  /// Passes an operator or bracket that must be there.
  mutating func expect(_ punctuation: JinjaPunctuation) throws(TemplateError) {
    guard skip(punctuation) else {
      throw failure("expected '\(punctuation.rawValue)', found \(token.described)")
    }
  }

  /// Passes a keyword that must be there.
  mutating func expect(_ keyword: JinjaKeyword) throws(TemplateError) {
    guard skip(keyword) else { throw failure("expected '\(keyword.rawValue)', found \(token.described)") }
  }

  /// Passes a `%}` that must be there.
  mutating func expectBlockEnd() throws(TemplateError) {
    guard isAtBlockEnd else { throw failure("expected '%}', found \(token.described)") }
    advance()
  }

  /// Passes a name that must be there.
  mutating func expectName() throws(TemplateError) -> JinjaString {
    guard case .name(let name, _) = token.kind else { throw failure("expected a name, found \(token.described)") }
    advance()
    return name
  }

  // MARK: Names and nesting

  /// The index of `name` in the table of names.
  mutating func symbol(_ name: JinjaString) -> Int {
    if let known = symbolIndices[name] { return known }
    symbolIndices[name] = symbols.count
    symbols.append(name)
    return symbols.count - 1
  }

  /// Whether the template has mentioned `name` before, to read or to write it.
  func isKnown(_ name: JinjaString) -> Bool { symbolIndices[name] != nil }

  /// Enters one more level of brackets or tags; every call is paired with one of `leave`.
  mutating func enter() throws(TemplateError) {
    nesting += 1
    guard nesting <= TemplateLimits.nesting else {
      throw TemplateError(
        kind: .limit, message: "tags and expressions nest deeper than \(TemplateLimits.nesting) levels", line: line)
    }
  }

  /// Leaves the level that `enter` entered.
  mutating func leave() { nesting -= 1 }

  /// Notes that a name is read, for the macros around that take special names only when they are used.
  mutating func noteUse(of name: JinjaString) {
    guard !macroUses.isEmpty else { return }
    let isCaller = name == Self.callerName
    let isKeywords = name == Self.keywordArgumentsName
    let isExtra = name == Self.extraArgumentsName
    guard isCaller || isKeywords || isExtra else { return }
    for index in macroUses.indices {
      macroUses[index].caller = macroUses[index].caller || isCaller
      macroUses[index].keywordArguments = macroUses[index].keywordArguments || isKeywords
      macroUses[index].extraArguments = macroUses[index].extraArguments || isExtra
    }
  }

  /// Names that mean something to macros and loops.
  static let callerName: JinjaString = "caller"
  static let keywordArgumentsName: JinjaString = "kwargs"
  static let extraArgumentsName: JinjaString = "varargs"
  static let loopName: JinjaString = "loop"
  static let selfName: JinjaString = "self"
}
