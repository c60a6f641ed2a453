import Guided
import TestKit
import Testing

/// What a text may go on with is the same whatever other texts of its grammar have been generated, before or meanwhile.
@Suite struct SharedGrammarTests {
  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + [Array("ab".utf8), Array("aba".utf8), Array("bb".utf8), []],
    endOfSequence: [259])

  /// Every step of a text: what is allowed, or the error.
  private enum Step: Equatable {
    case allowed([UInt64])
    case failed(GuidedError)
  }

  /// A text of random tokens, until it ends or fails.
  private func follow(_ grammar: CompiledGrammar, seed: UInt64, count: Int) -> [Step] {
    var generator = SplitMix64(seed: seed)
    var matcher = grammar.makeMatcher()
    var mask = [UInt64](repeating: 0, count: Self.vocabulary.wordCount)
    var steps: [Step] = []
    do {
      while steps.count < count, !matcher.isFinished {
        try matcher.fillMask(into: &mask)
        steps.append(.allowed(mask))
        let allowed = (0..<Int32(Self.vocabulary.tokenCount)).filter { mask[Int($0) / 64] >> UInt64($0 % 64) & 1 == 1 }
        try matcher.accept(allowed[Int(generator.next() % UInt64(allowed.count))])
      }
    } catch {
      steps.append(.failed(error))
    }
    return steps
  }

  /// A text may follow this grammar in more ways the longer it is, so that at some length a mask costs too much.
  private static let ambiguous = Grammar.grammar("root ::= s\ns ::= [ab] s s s | [ab] s s | [ab] s | [ab]")

  @Test(arguments: [300, 600, 1_200, 2_500, 5_000, 10_000]) func whatFailsAloneFailsAfterOthersToo(work: Int) throws {
    var limits = GrammarLimits()
    limits.maskWork = work
    let shared = try CompiledGrammar(Self.ambiguous, vocabulary: Self.vocabulary, limits: limits)
    var failures = 0
    for seed in 0..<30 as Range<UInt64> {
      let alone = try CompiledGrammar(Self.ambiguous, vocabulary: Self.vocabulary, limits: limits)
      let steps = follow(alone, seed: seed, count: 24)
      #expect(follow(shared, seed: seed, count: 24) == steps)
      #expect(follow(shared, seed: seed, count: 24) == steps)
      if steps.last == .failed(.tooAmbiguous) { failures += 1 }
    }
    #expect(failures > 0)
  }

  @Test func textsAreFollowedSideBySide() async throws {
    var limits = GrammarLimits()
    // So little that it is forgotten all the time.
    limits.rememberedByteCount = 20_000
    let shared = try CompiledGrammar(.jsonObject(), vocabulary: Self.vocabulary, limits: limits)
    let alone = try CompiledGrammar(.jsonObject(), vocabulary: Self.vocabulary)
    let expected = (0..<8 as Range<UInt64>).map { follow(alone, seed: $0, count: 150) }
    await withTaskGroup(of: Bool.self) { group in
      for (seed, steps) in expected.enumerated() {
        group.addTask { follow(shared, seed: UInt64(seed), count: 150) == steps }
      }
      for await isEqual in group { #expect(isEqual) }
    }
  }

  /// What grammars take is counted, given back with them, and bounded.
  @Test func grammarsTogetherTakeNoMoreThanTheyMay() throws {
    let memory = GrammarMemory(limit: 6_000_000)
    var limits = GrammarLimits()
    limits.rememberedByteCount = 5_000_000
    var grammars = try (0..<4).map { number in
      try CompiledGrammar(
        .regex("[a-c]{0,3000}\(number)"), vocabulary: Self.vocabulary, limits: limits, memory: memory)
    }
    let automata = memory.byteCount
    #expect(automata > 4 * 3_000)
    for grammar in grammars { _ = follow(grammar, seed: 1, count: 2_000) }
    #expect(memory.byteCount > automata)
    #expect(memory.byteCount < memory.limit + 4 << 20)
    grammars.removeAll()
    #expect(memory.byteCount == 0)
    let small = GrammarMemory(limit: 1_000)
    #expect(throws: GuidedError.tooLarge(what: "all grammars in use together take too many bytes", limit: 1_000)) {
      try CompiledGrammar(.regex("[a-c]{0,3000}"), vocabulary: Self.vocabulary, memory: small)
    }
    #expect(small.byteCount == 0)
  }
}
