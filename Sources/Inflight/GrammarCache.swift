package import Guided
internal import JSON
internal import ModelEngines
internal import Synchronization

/// The grammars that were compiled for a model, so that a schema which comes with every request is compiled once, and the
/// model's vocabulary as grammars read it, which is made when the first one comes.
package final class GrammarCache: Sendable {
  /// What comes of compiling one grammar. Who asks for it meanwhile waits instead of doing the same.
  private final class Compilation: Sendable {
    let result = Mutex<Result<CompiledGrammar, GuidedError>?>(nil)
  }

  private struct Contents {
    /// Grammars by what they say, as JSON.
    var grammars: [[UInt8]: (grammar: CompiledGrammar, lastUse: UInt64)] = [:]
    var compilations: [[UInt8]: Compilation] = [:]
    var clock: UInt64 = 0
  }

  /// The most grammars that are kept.
  private static let capacity = 16
  private let contents = Mutex(Contents())
  private let vocabulary = Mutex<TokenVocabulary?>(nil)
  /// Bytes of all grammars in use. The rest of the ledger's allowance is the vocabulary's.
  private let memory = GrammarMemory(limit: MemoryLedger.grammarAllowance / 4 * 3)

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
    let key = Self.key(grammar)
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
    limits.rememberedByteCount = memory.limit / 4
    return try CompiledGrammar(grammar, vocabulary: vocabulary, limits: limits, memory: memory)
  }

  /// The compiled form of `grammar` if it is remembered.
  func known(_ grammar: Grammar) -> CompiledGrammar? { find(Self.key(grammar)) }

  private static func key(_ grammar: Grammar) -> [UInt8] { Array(grammar.json.serialized().utf8) }

  private func find(_ key: [UInt8]) -> CompiledGrammar? {
    contents.withLock { contents in
      contents.clock += 1
      contents.grammars[key]?.lastUse = contents.clock
      return contents.grammars[key]?.grammar
    }
  }

  /// Keeps what was compiled, which the first one who is told so does, and gives up grammars that were not used for the
  /// longest time if they are too many, or take half of the memory: there is to be room for the next one.
  private func end(_ compilation: Compilation, of key: [UInt8], _ result: Result<CompiledGrammar, GuidedError>) {
    contents.withLock { contents in
      guard contents.compilations[key] === compilation else { return }
      contents.compilations[key] = nil
      guard case .success(let grammar) = result else { return }
      contents.clock += 1
      contents.grammars[key] = (grammar, contents.clock)
      while contents.grammars.count > 1,
        contents.grammars.count > Self.capacity || memory.byteCount > memory.limit / 2
      {
        guard let oldest = contents.grammars.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return }
        contents.grammars[oldest] = nil
      }
    }
  }
}
