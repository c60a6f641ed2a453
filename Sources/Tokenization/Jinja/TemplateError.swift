/// A template that could not be compiled, or a rendering that failed, with the line of the template that it came from.
package struct TemplateError: Error, Sendable, CustomStringConvertible {
  /// What kind of mistake it is, and whose.
  package enum Kind: Sendable {
    /// The template does not follow the grammar.
    case syntax
    /// The template uses something of Jinja or Python that this engine refuses.
    case unsupported
    /// A name or an attribute that has no value was used in a way that needs one.
    case undefined
    /// An operation got a value that it cannot work on, as Python's TypeError, ValueError and the like.
    case value
    /// The template reached for something that the sandbox denies.
    case security
    /// The template itself gave up with `raise_exception`; `message` is its own text.
    case raised
    /// A bound of `TemplateLimits` was reached.
    case limit
  }

  /// What kind of mistake it is.
  package let kind: Kind
  /// What happened, in one line.
  package let message: String
  /// The line of the template, counted from 1.
  package let line: Int

  package var description: String {
    kind == .raised ? "the chat template refused: \(message)" : "chat template, line \(line): \(message)"
  }

  /// An error; whatever `message` has of control characters becomes spaces.
  package init(kind: Kind, message: String, line: Int) {
    self.kind = kind
    self.line = line
    // Whatever a template puts into its message stays on one line.
    self.message = String(
      String.UnicodeScalarView(message.unicodeScalars.prefix(2_000).map { $0.value < 32 ? " " : $0 }))
  }
}
