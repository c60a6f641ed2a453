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
  /// beyond ASCII), and `.` for all but a line feed, as it does there.
  public static func regex(_ pattern: String) -> Grammar { Grammar(.regex(pattern)) }

  /// A text of the rule `root` of a grammar in the notation of llama.cpp (GBNF).
  public static func grammar(_ text: String) -> Grammar { Grammar(.text(text)) }

  /// One of these texts.
  public static func choice(_ texts: [String]) -> Grammar { Grammar(.choice(texts)) }

  /// Free text in which some beginnings must go on in a certain way, for tool calls.
  public static func structuralTags(_ tags: StructuralTags) -> Grammar { Grammar(.structuralTags(tags)) }
}

/// How JSON is laid out between its tokens, and what schemas that leave it open mean.
public struct JSONFormat: Sendable, Equatable {
  /// What stands between tokens of a document.
  public enum Whitespace: Sendable, Equatable {
    /// Nothing, but for these separators between members or elements, and between a key and its value.
    case fixed(itemSeparator: String, keySeparator: String)
    /// At most so many spaces, tabs and line breaks wherever JSON allows them inside of the document.
    case flexible(maximumCount: Int)

    /// No white space at all.
    public static let compact = Whitespace.fixed(itemSeparator: ",", keySeparator: ":")
  }

  /// What stands between tokens; compact by default, which leaves the least to be generated.
  public var whitespace: Whitespace
  /// Whether an object schema without `additionalProperties` allows others than those it declares, as JSON schema has
  /// it.
  public var allowsUndeclaredProperties: Bool

  /// Creates a format.
  public init(whitespace: Whitespace = .compact, allowsUndeclaredProperties: Bool = true) {
    self.whitespace = whitespace
    self.allowsUndeclaredProperties = allowsUndeclaredProperties
  }
}

/// Free text with tags: wherever a trigger occurs, one of the tags that begin with it must follow.
public struct StructuralTags: Sendable {
  /// One tag: what it begins with, what is in it, and what it ends with.
  public struct Tag: Sendable {
    /// The text that begins the tag; one of the triggers is its beginning.
    public var begin: String
    /// What is between beginning and end.
    public var content: Grammar
    /// The text that ends the tag.
    public var end: String

    /// Creates a tag.
    public init(begin: String, content: Grammar, end: String) {
      self.begin = begin
      self.content = content
      self.end = end
    }
  }

  /// The tags.
  public var tags: [Tag]
  /// The texts that cannot occur but at the beginning of a tag.
  public var triggers: [String]
  /// Whether there must be a tag.
  public var requiresTag: Bool
  /// Whether the text ends with the first tag.
  public var endsAfterFirstTag: Bool

  /// Creates tags.
  public init(tags: [Tag], triggers: [String], requiresTag: Bool = false, endsAfterFirstTag: Bool = false) {
    self.tags = tags
    self.triggers = triggers
    self.requiresTag = requiresTag
    self.endsAfterFirstTag = endsAfterFirstTag
  }
}

extension GrammarBuilder {
  /// Adds what `grammar` describes.
  mutating func add(_ grammar: Grammar) throws(GuidedError) -> ExpressionID {
    switch grammar.form {
    case .jsonSchema(let schema, let format):
      var compiler = SchemaCompiler(schema: schema, format: format, builder: self)
      let root = try compiler.root()
      self = compiler.builder
      return root
    case .jsonObject(let format):
      var compiler = SchemaCompiler(
        schema: .object([("type", .string("object"))]), format: format.allowingUndeclared, builder: self)
      let root = try compiler.root()
      self = compiler.builder
      return root
    case .regex(let pattern):
      try check(pattern)
      var parser = RegexParser(pattern, nesting: limits.nesting)
      return try add(try parser.parse(), as: .text, isSearch: false)
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

extension JSONFormat {
  /// The same layout, for objects of any members.
  var allowingUndeclared: JSONFormat { JSONFormat(whitespace: whitespace, allowsUndeclaredProperties: true) }
}
