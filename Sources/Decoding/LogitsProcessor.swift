public import Requests

/// Code of a user that edits the logits of a request before a token is chosen.
///
/// One per sample of a request: a value that is copied when samples begin. It is called on the engine's threads, by one at
/// a time, and must be quick; its answer must be a function of the tokens and of what it was created with, or else the
/// request's answer depends on more than the request.
public protocol LogitsProcessor: Sendable {
  /// Edits the logits of the next token. Negative infinity forbids a token; what the request's constraint forbids stays
  /// forbidden.
  ///
  /// - Parameters:
  ///   - logits: the model's logits as the processors before this one left them, `[vocabulary]`.
  ///   - tokens: the prompt and what was generated so far.
  ///   - promptTokenCount: how many of them are the prompt.
  /// - Throws: anything, which fails the request and no other.
  mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) throws
}

/// What a caller adds to a request's parameters to say which tokens it may generate.
public struct TokenControls: Sendable {
  /// What the request may generate; nil for anything.
  public var constraint: (any TokenConstraint)? { didSet { grammar = nil } }
  /// Code that edits the logits, in order.
  public var processors: [any LogitsProcessor]
  /// Writes down the grammar that ``constraint`` was made of, so that it can be made again; nil for one that cannot.
  package private(set) var grammar: (@Sendable () -> String)?

  /// Creates controls; the default is none.
  public init(constraint: (any TokenConstraint)? = nil, processors: [any LogitsProcessor] = []) {
    self.constraint = constraint
    self.processors = processors
  }

  /// Creates controls that are nothing but a constraint, made of the grammar that `grammar` writes down.
  package init(constraint: any TokenConstraint, grammar: @escaping @Sendable () -> String) {
    self.init(constraint: constraint)
    self.grammar = grammar
  }

  /// Whether there is nothing to apply.
  package var isEmpty: Bool { constraint == nil && processors.isEmpty }
}
