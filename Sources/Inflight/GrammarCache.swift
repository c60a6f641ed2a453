internal import Guided
internal import JSON
internal import ModelEngines
internal import Synchronization

/// The grammars that were compiled for a model, so that a schema which comes with every request is compiled once, and the
/// model's vocabulary as grammars read it, which is made when the first one comes.
final class GrammarCache: Sendable {
  private struct Contents {
    /// Grammars by what they say, as JSON.
    var grammars: [[UInt8]: (grammar: CompiledGrammar, lastUse: UInt64)] = [:]
    var clock: UInt64 = 0
  }

  /// The most grammars that are kept.
  private static let capacity = 16
  private let contents = Mutex(Contents())
  private let vocabulary = Mutex<TokenVocabulary?>(nil)
  /// Bytes of all grammars in use. The rest of the ledger's allowance is the vocabulary's.
  private let memory = GrammarMemory(limit: MemoryLedger.grammarAllowance / 4 * 3)

  /// The number of grammars that are kept.
  var count: Int { contents.withLock { $0.grammars.count } }

  /// The compiled form of `grammar`, for the vocabulary that `makeVocabulary` makes at the first call.
  ///
  /// - Throws: `GuidedError`.
  func compiled(
    _ grammar: Grammar, makeVocabulary: () -> TokenVocabulary
  ) throws(GuidedError) -> CompiledGrammar {
    let key = Array(grammar.json.serialized().utf8)
    if let known = find(key) { return known }
    let vocabulary = vocabulary.withLock { vocabulary in
      let made = vocabulary ?? makeVocabulary()
      vocabulary = made
      return made
    }
    var limits = GrammarLimits()
    limits.rememberedByteCount = memory.limit / 4
    let compiled = try CompiledGrammar(grammar, vocabulary: vocabulary, limits: limits, memory: memory)
    keep(compiled, key)
    return compiled
  }

  private func find(_ key: [UInt8]) -> CompiledGrammar? {
    contents.withLock { contents in
      contents.clock += 1
      contents.grammars[key]?.lastUse = contents.clock
      return contents.grammars[key]?.grammar
    }
  }

  /// Keeps a grammar, and gives up those that were not used for the longest time if they are too many, or take half of
  /// the memory: there is to be room for the next one.
  private func keep(_ grammar: CompiledGrammar, _ key: [UInt8]) {
    contents.withLock { contents in
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
