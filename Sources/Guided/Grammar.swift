package import JSON

/// What a generated text must look like.
public struct Grammar: Sendable {
  /// The forms in which a grammar can be given.
  package enum Form: Sendable {
    case jsonSchema(JSONValue, JSONFormat)
    case jsonObject(JSONFormat)
    case regex(String)
    case text(String)
    case choice([String])
    case structuralTags(StructuralTags)
  }

  /// The form in which it was given.
  package let form: Form

  package init(_ form: Form) { self.form = form }

  /// A JSON document that a JSON schema (draft 2020-12) describes.
  ///
  /// Members come in the order in which the schema declares them, then required ones that it does not declare, then
  /// others if it allows any; those that are not required may be left out.
  ///
  /// - Throws: ``GuidedError/invalidSchema(pointer:problem:)`` if `text` is not JSON.
  public static func jsonSchema(_ text: String, format: JSONFormat = JSONFormat()) throws(GuidedError) -> Grammar {
    do {
      return jsonSchema(try JSONValue(parsing: text, limits: JSONLimits(byteCount: 1 << 24)), format: format)
    } catch {
      throw .invalidSchema(pointer: "", problem: error.description)
    }
  }

  /// The same for a schema that is parsed already.
  package static func jsonSchema(_ schema: JSONValue, format: JSONFormat = JSONFormat()) -> Grammar {
    Grammar(.jsonSchema(schema, format))
  }

  /// Any JSON object.
  public static func jsonObject(format: JSONFormat = JSONFormat()) -> Grammar { Grammar(.jsonObject(format)) }

  /// A text that a regular expression matches from its beginning to its end.
  ///
  /// The dialect is that of ECMAScript, with Unicode: alternatives, groups, classes, greedy and lazy quantifiers, which
  /// are the same here, and escapes. Backreferences, assertions other than `^` and `$` at the ends, and properties are
  /// refused. `\d`, `\w`, `\s` and their opposites stand for what they stand for in Python's `re` as well (`\W` for no letter
  /// beyond ASCII). `.` is all but a line feed, as there and in other guided decoders; that of a JSON schema's pattern is none
  /// of the other line ends of ECMAScript either.
  public static func regex(_ pattern: String) -> Grammar { Grammar(.regex(pattern)) }

  /// A text of the rule `root` of a grammar in the notation of llama.cpp (GBNF).
  public static func grammar(_ text: String) -> Grammar { Grammar(.text(text)) }

  /// One of these texts.
  public static func choice(_ texts: [String]) -> Grammar { Grammar(.choice(texts)) }

  /// Free text in which some beginnings must go on in a certain way, for tool calls.
  public static func structuralTags(_ tags: StructuralTags) -> Grammar { Grammar(.structuralTags(tags)) }
}

extension GrammarBuilder {
  /// Adds what `grammar` describes.
  mutating func add(_ grammar: Grammar) throws(GuidedError) -> ExpressionID {
    switch grammar.form {
    case .jsonSchema(let schema, let format):
      try format.check()
      var compiler = SchemaCompiler(schema: schema, format: format, builder: self)
      let root = try compiler.root()
      self = compiler.builder
      return root
    case .jsonObject(let format):
      try format.check()
      var compiler = SchemaCompiler(
        schema: .object([("type", .string("object"))]), format: format.allowingUndeclared, builder: self)
      let root = try compiler.root()
      self = compiler.builder
      return root
    case .regex(let pattern):
      try check(pattern)
      return try add(try node(of: pattern, for: .text), as: .text, isSearch: false)
    case .text(let text):
      try check(text)
      var parser = TextGrammarParser(text, builder: self)
      let root = try parser.parse()
      self = parser.builder
      return root
    case .choice(let texts):
      guard !texts.isEmpty else { throw .invalidRequest(problem: "a list of choices is empty") }
      var parts: [ExpressionID] = []
      for text in texts {
        try check(text)
        parts.append(try literal(text))
      }
      return try choice(parts)
    case .structuralTags(let tags): return try add(tags)
    }
  }

  private func check(_ text: String) throws(GuidedError) {
    guard text.utf8.count <= limits.textByteCount else {
      throw .tooLarge(what: "its text has too many bytes", limit: limits.textByteCount)
    }
  }
}
