import Dispatch
import Inflight
import Synchronization
import Testing

@Suite struct GrammarCacheTests {
  private static let alphabet = (UInt8(0x20)...0x7e).map { [$0] }

  private static func vocabulary() -> TokenVocabulary {
    TokenVocabulary(bytesOfTokens: alphabet, endOfSequence: [0])
  }

  /// What comes of asking for a grammar on eight threads at a time.
  private func compiled(_ grammar: Grammar, _ cache: GrammarCache, onVocabulary: @Sendable () -> Void = {}) -> [Result<
    CompiledGrammar, GuidedError
  >] {
    let results = Mutex<[Result<CompiledGrammar, GuidedError>]>([])
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      let result = Result { () throws(GuidedError) in
        try cache.compiled(grammar) {
          onVocabulary()
          return Self.vocabulary()
        }
      }
      results.withLock { $0.append(result) }
    }
    return results.withLock { $0 }
  }

  @Test func whatManyAskForAtATimeIsCompiledOnce() throws {
    let members = (0..<200).map { "\"m\($0)\": {\"type\": \"string\", \"maxLength\": 9}" }.joined(separator: ", ")
    let schema = try Grammar.jsonSchema("{\"type\": \"object\", \"properties\": {\(members)}}")
    let cache = GrammarCache()
    let vocabularyCount = Atomic(0)
    let first = try compiled(schema, cache) { vocabularyCount.add(1, ordering: .relaxed) }.map { try $0.get() }
    #expect(Set(first.map { ObjectIdentifier($0) }).count == 1)
    #expect(vocabularyCount.load(ordering: .relaxed) == 1)
    #expect(cache.count == 1)
    #expect(try compiled(schema, cache).allSatisfy { try $0.get() === first[0] })
  }

  @Test func aWrongGrammarIsWrongForAllAndIsNotKept() {
    let cache = GrammarCache()
    #expect(compiled(.regex("("), cache).allSatisfy { (try? $0.get()) == nil })
    #expect(cache.count == 0)
    #expect(compiled(.regex("a"), cache).allSatisfy { (try? $0.get()) != nil })
  }

  @Test func theOldestMakesRoom() throws {
    let cache = GrammarCache()
    let first = try cache.compiled(.regex("first"), makeVocabulary: Self.vocabulary)
    for number in 0..<16 { _ = try cache.compiled(.regex("number\(number)"), makeVocabulary: Self.vocabulary) }
    #expect(cache.count == 16)
    #expect(try cache.compiled(.regex("first"), makeVocabulary: Self.vocabulary) !== first)
  }
}
