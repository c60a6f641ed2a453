package import Guided
internal import JSON
internal import Requests
internal import Synchronization

/// The grammars that were compiled for a model, so that a schema which comes with every request is compiled once, and the
/// model's vocabulary as grammars read it, which is made when the first one comes.
package final class GrammarCache: Sendable {
  /// A grammar by what it says.
  private struct Key: Hashable {
    var kind: String
    var bytes: [UInt8]
  }

  /// What comes of compiling one grammar. Who asks for it meanwhile waits instead of doing the same.
  private final class Compilation: Sendable {
    let result = Mutex<Result<CompiledGrammar, GuidedError>?>(nil)
  }

  private struct Contents {
    var grammars: [Key: (grammar: CompiledGrammar, lastUse: UInt64)] = [:]
    var compilations: [Key: Compilation] = [:]
    var clock: UInt64 = 0
  }

  /// The most grammars that are kept.
  private static let capacity = 16
  private let contents = Mutex(Contents())
  private let vocabulary = Mutex<TokenVocabulary?>(nil)

  /// Creates a cache of nothing.
  package init() {}

  /// The number of grammars that are kept.
  package var count: Int { contents.withLock { $0.grammars.count } }

  /// The compiled form of `grammar`, for the vocabulary that `makeVocabulary` makes at the first call. Compiled once for all
  /// who ask for it at the same time.
  ///
  /// - Throws: `GuidedError`.
  package func compiled(
    _ grammar: Grammar, makeVocabulary: () -> TokenVocabulary
  ) throws(GuidedError) -> CompiledGrammar {
    guard let key = Self.key(grammar) else { return try compile(grammar, makeVocabulary) }
    if let known = find(key) { return known }
    let compilation = contents.withLock { contents in
      let compilation = contents.compilations[key] ?? Compilation()
      contents.compilations[key] = compilation
      return compilation
    }
    let result = compilation.result.withLock { result in
      let made = result ?? Result { () throws(GuidedError) in try compile(grammar, makeVocabulary) }
      result = made
      return made
    }
    end(compilation, of: key, result)
    return try result.get()
  }

  private func compile(
    _ grammar: Grammar, _ makeVocabulary: () -> TokenVocabulary
  ) throws(GuidedError) -> CompiledGrammar {
    let vocabulary = vocabulary.withLock { vocabulary in
      let made = vocabulary ?? makeVocabulary()
      vocabulary = made
      return made
    }
    var limits = GrammarLimits()
    // What many grammars remember together has to stay within bounds.
    limits.rememberedMaskBytes = 16 << 20
    return try CompiledGrammar(grammar, vocabulary: vocabulary, limits: limits)
  }

  /// The compiled form of `grammar` if it is remembered.
  func known(_ grammar: Grammar) -> CompiledGrammar? { Self.key(grammar).flatMap { find($0) } }

  private func find(_ key: Key) -> CompiledGrammar? {
    contents.withLock { contents in
      contents.clock += 1
      contents.grammars[key]?.lastUse = contents.clock
      return contents.grammars[key]?.grammar
    }
  }

  /// Keeps what was compiled; the first one who is told so does.
  private func end(_ compilation: Compilation, of key: Key, _ result: Result<CompiledGrammar, GuidedError>) {
    contents.withLock { contents in
      guard contents.compilations[key] === compilation else { return }
      contents.compilations[key] = nil
      guard case .success(let grammar) = result else { return }
      contents.clock += 1
      contents.grammars[key] = (grammar, contents.clock)
      guard contents.grammars.count > Self.capacity else { return }
      if let oldest = contents.grammars.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
        contents.grammars[oldest] = nil
      }
    }
  }

  /// Nil for forms that are made anew for every request.
  private static func key(_ grammar: Grammar) -> Key? {
    switch grammar.form {
    case .jsonSchema(let schema, let format): Key(kind: "schema \(format)", bytes: Array(schema.serialized().utf8))
    case .jsonObject(let format): Key(kind: "object \(format)", bytes: [])
    case .regex(let pattern): Key(kind: "regex", bytes: Array(pattern.utf8))
    case .text(let text): Key(kind: "text", bytes: Array(text.utf8))
    case .choice(let texts):
      Key(kind: "choice", bytes: Array(JSONValue.array(texts.map { .string($0) }).serialized().utf8))
    case .structuralTags: nil
    }
  }
}
