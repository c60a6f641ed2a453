import Decoding
import Executor
import Guided
import Requests
import TestKit
import Testing

/// Guided texts whose tokens are nearly used up.
@Suite struct EndingInTimeTests {
  private static let end: TokenID = 256
  private static let vocabulary = TokenVocabulary(
    bytesOfTokens: (0...255).map { [UInt8($0)] } + [[]], endOfSequence: [end])

  private func output(
    _ grammar: CompiledGrammar, _ maxTokens: Int, _ change: (inout GenerationRequest) -> Void = { _ in },
    maximumSequenceLength: Int = 512
  ) async throws -> (text: String, reason: FinishReason?) {
    let engine = FakeModelEngine(
      vocabularySize: 257, maximumSequenceLength: maximumSequenceLength, blockSize: 16, blockCount: 64)
    let executor = try Executor(engine: engine)
    var request = GenerationRequest(
      promptTokens: [3, 4], params: SamplingParams(maxTokens: maxTokens, temperature: 1.5, seed: 9),
      endOfSequenceTokenIDs: [Self.end])
    change(&request)
    let controls = TokenControls(constraint: GrammarConstraint(matcher: grammar.makeMatcher()))
    let output = await executorOutput(executor, request, controls)
    await executor.shutdown()
    let bytes = output.tokenIDs.filter { $0 != Self.end }.map { UInt8($0) }
    return (String(decoding: bytes, as: UTF8.self), output.reason)
  }

  private func executorOutput(
    _ executor: Executor, _ request: GenerationRequest, _ controls: TokenControls
  ) async -> Collected {
    do { return await (try executor.submit(request, controls: controls)).outputs.collect() } catch {
      Issue.record(error)
      return Collected()
    }
  }

  private func schema(_ text: String) throws -> CompiledGrammar {
    try CompiledGrammar(.jsonSchema(text), vocabulary: Self.vocabulary)
  }

  /// A string that would go on for ever is closed, and the reader is told that it was its length.
  @Test(arguments: [11, 12, 17, 40]) func aTextEndsAsItMust(maxTokens: Int) async throws {
    let grammar = try schema(
      #"{"type":"object","properties":{"a":{"type":"string","pattern":"zzz$"}},"required":["a"],"additionalProperties":false}"#
    )
    let (text, reason) = try await output(grammar, maxTokens)
    #expect(text.hasPrefix("{\"a\":\"") && text.hasSuffix("zzz\"}"), "\(text)")
    #expect(text.utf8.count <= maxTokens && reason == .length)
  }

  /// With fewer tokens than any text has it is cut, as it would be without a grammar.
  @Test func aTextThatCannotEndInTimeIsCut() async throws {
    let grammar = try schema(
      #"{"type":"object","properties":{"a":{"const":"zzz"}},"required":["a"],"additionalProperties":false}"#)
    let (text, reason) = try await output(grammar, 8)
    #expect(text == "{\"a\":\"zz" && reason == .length)
  }

  /// What ends by itself is the same with more tokens, and has ended for that reason.
  @Test func whatEndsInTimeIsNotChanged() async throws {
    let grammar = try CompiledGrammar(.regex("[a-z]{3,30}!"), vocabulary: Self.vocabulary)
    let (text, reason) = try await output(grammar, 200)
    #expect(reason == .constraintEnded)
    let exact = try await output(grammar, text.utf8.count)
    #expect(exact.text == text && exact.reason == .constraintEnded)
    let shorter = try await output(grammar, text.utf8.count - 1)
    #expect(shorter.text.hasSuffix("!") && shorter.text.utf8.count < text.utf8.count && shorter.reason == .length)
    #expect(shorter.text.dropLast() == text.prefix(shorter.text.count - 1))
  }

  /// Greedy choices are cut down as well, and so are texts that only the end of the engine's room bounds.
  @Test func greedyTextsAndTheEnginesOwnLimitEndToo() async throws {
    let grammar = try CompiledGrammar(.regex("[a-z]*!"), vocabulary: Self.vocabulary)
    let greedy = try await output(grammar, 20) { $0.params.temperature = 0 }
    #expect(greedy.text.hasSuffix("!") && greedy.text.utf8.count <= 20)
    let whole = try await output(
      try schema(#"{"type":"string","pattern":"zzz$"}"#), 1, { $0.params.maxTokens = nil }, maximumSequenceLength: 64)
    #expect(whole.text.hasSuffix("zzz\"") && whole.text.utf8.count <= 62 && whole.reason == .length)
  }

  /// Where what would end the text is forbidden by something else, it goes on as if nothing could be done.
  @Test func whatIsForbiddenIsNotForced() async throws {
    let grammar = try CompiledGrammar(.regex("[a-z]*!"), vocabulary: Self.vocabulary)
    let (text, reason) = try await output(grammar, 20) { $0.bannedSequences = [[TokenID(UInt8(ascii: "!"))]] }
    #expect(text.utf8.count == 20 && !text.contains("!") && reason == .length)
  }

  /// The tokens that are left are drawn as if the others had never been there.
  @Test func theSecondDrawFollowsTheDistribution() async throws {
    let grammar = try CompiledGrammar(.regex("[a-d]|[e-z]!"), vocabulary: Self.vocabulary)
    var counts: [String: Int] = [:]
    let engine = FakeModelEngine(vocabularySize: 257, maximumSequenceLength: 64, blockSize: 16, blockCount: 64)
    let executor = try Executor(engine: engine)
    for seed in UInt64(0)..<2000 {
      let request = GenerationRequest(
        promptTokens: [3, 4], params: SamplingParams(maxTokens: 1, temperature: 1000, seed: seed),
        endOfSequenceTokenIDs: [Self.end])
      let controls = TokenControls(constraint: GrammarConstraint(matcher: grammar.makeMatcher()))
      let output = await executorOutput(executor, request, controls)
      counts[String(decoding: output.tokenIDs.map { UInt8($0) }, as: UTF8.self), default: 0] += 1
    }
    await executor.shutdown()
    #expect(Set(counts.keys) == ["a", "b", "c", "d"])
    // At such a temperature all are equally probable: 500 each, with a standard deviation of 19.
    #expect(counts.values.allSatisfy { abs($0 - 500) < 100 }, "\(counts)")
  }
}
