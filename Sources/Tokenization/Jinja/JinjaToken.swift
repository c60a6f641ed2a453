/// One token of a template.
struct JinjaToken: Sendable {
  /// What the token is.
  enum Kind: Sendable {
    /// Text outside of all tags.
    case data(JinjaString)
    case blockBegin
    case blockEnd
    case variableBegin
    case variableEnd
    case name(JinjaString, JinjaKeyword?)
    case string(JinjaString)
    case integer(Int)
    case float(Double)
    case punctuation(JinjaPunctuation)
    case end
  }

  /// What the token is.
  let kind: Kind
  /// The line where the token begins, counted from 1.
  let line: Int

  /// What the token is, for an error message.
  var described: String {
    switch kind {
    case .data: "text"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    case .variableBegin: "'{{'"
    case .variableEnd: "'}}'"
    case .name(let name, _): "'\(name.text)'"
    case .string: "a string"
    case .integer, .float: "a number"
    case .punctuation(let punctuation): "'\(punctuation.rawValue)'"
    case .end: "the end of the template"
    }
  }
}

/// The operators and brackets of expressions.
enum JinjaPunctuation: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "**"
  case tilde = "~"
  case leftBracket = "["
  case rightBracket = "]"
  case leftParenthesis = "("
  case rightParenthesis = ")"
  case leftBrace = "{"
  case rightBrace = "}"
  case equal = "=="
  case notEqual = "!="
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="
  case assign = "="
  case dot = "."
  case colon = ":"
  case pipe = "|"
  case comma = ","
  case semicolon = ";"
}

/// The names that mean something to the parser in some place. None of them is reserved everywhere.
enum JinjaKeyword: String, CaseIterable, Sendable {
  case and, or, not, `in`, `is`, `if`, elif, `else`, endif, `for`, endfor, recursive, set, endset, macro, endmacro
  case call, endcall, filter, endfilter, with, endwith, generation, endgeneration, print
  case `break` = "break"
  case `continue` = "continue"
  case block, extends, include, from, `import` = "import", autoescape
  case trueLower = "true"
  case trueUpper = "True"
  case falseLower = "false"
  case falseUpper = "False"
  case noneLower = "none"
  case noneUpper = "None"

  /// The cases by their names in templates.
  static let byName: [JinjaString: JinjaKeyword] = Dictionary(
    uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })
}
