import Guided
import JSON
import TestKit
import Testing

/// Texts that have a number of tokens to end in, and masks against what they are made of: one token at a time.
@Suite struct EndingTests {
  private func allowed(_ words: [UInt64]) -> [Int32] {
    (0..<Int32(words.count * 64)).filter { words[Int($0) / 64] >> UInt64($0 % 64) & 1 == 1 }
  }

  /// The least number of tokens in which the text can end, as far as it is known.
  private func need(_ matcher: GrammarMatcher, _ most: Int) -> Int? {
    var matcher = matcher
    return (0...most).first { matcher.canEnd(within: $0) }
  }

  /// Both masks have the bits of the tokens for which that is so one by one, at random places under every schema.
  @Test func masksAreThoseOfEveryTokenAlone() throws {
    let goldens = try MaskGoldens()
    let schemas = try #require(try MaskGoldens.read("schemas.json").objectValue?.members)
    var generator = SplitMix64(seed: 5)
    for member in schemas {
      let grammar = try CompiledGrammar(.jsonSchema(member.value), vocabulary: goldens.vocabulary)
      var matcher = grammar.makeMatcher()
      var words = [UInt64](repeating: 0, count: goldens.vocabulary.wordCount)
      for step in 0..<10 where !matcher.isFinished {
        try matcher.fillMask(into: &words)
        let mask = allowed(words)
        #expect(mask == (0..<Int32(goldens.tokens.count)).filter(matcher.allows), "\(member.key), step \(step)")
        let count = Int(generator.next() % 12)
        try matcher.fillMask(into: &words, endingWithin: count)
        let ending = mask.filter { token in
          var next = matcher
          return (try? next.accept(token)) != nil && next.canEnd(within: count)
        }
        #expect(allowed(words) == ending, "\(member.key), step \(step), \(count) tokens")
        try matcher.accept(mask[Int(generator.next() % UInt64(mask.count))])
      }
    }
  }

  /// Whoever can end within a number of tokens does, whatever is chosen of the tokens that are left to choose from.
  @Test func whatCanEndInTimeDoes() throws {
    let goldens = try MaskGoldens()
    let schemas = try #require(try MaskGoldens.read("schemas.json").objectValue?.members)
    var generator = SplitMix64(seed: 6)
    for member in schemas {
      let grammar = try CompiledGrammar(.jsonSchema(member.value), vocabulary: goldens.vocabulary)
      var words = [UInt64](repeating: 0, count: goldens.vocabulary.wordCount)
      let least = try #require(need(grammar.makeMatcher(), 4000), "\(member.key) cannot end")
      for extra in [0, 1, 3, 20] {
        var matcher = grammar.makeMatcher()
        var left = least + extra
        while left > 0, !matcher.isFinished, !matcher.isComplete {
          left -= 1
          try matcher.fillMask(into: &words, endingWithin: left)
          let choices = allowed(words)
          guard !choices.isEmpty else {
            Issue.record("\(member.key): nothing is left of \(least) + \(extra) tokens after \(least + extra - left)")
            break
          }
          try matcher.accept(choices[Int(generator.next() % UInt64(choices.count))])
        }
        #expect(matcher.canEnd || matcher.isFinished, "\(member.key): \(least) + \(extra) tokens are not enough")
      }
    }
  }

  /// Long tokens count once, and a token that leaves the way costs what its own way takes.
  @Test func tokensAreCountedAndNotBytes() throws {
    let texts = ["abc", "abcd", "de", "x"]
    let vocabulary = TokenVocabulary(
      bytesOfTokens: (0...255).map { [UInt8($0)] } + texts.map { Array($0.utf8) }, endOfSequence: [300])
    let grammar = try CompiledGrammar(.regex("abcde|x{20}"), vocabulary: vocabulary)
    var matcher = grammar.makeMatcher()
    #expect(need(matcher, 40) == 2)
    try matcher.accept(0x61)
    #expect(need(matcher, 40) == 3)
    var other = grammar.makeMatcher()
    #expect(need(other, 1) == nil)
    var words: [UInt64] = Array(repeating: .max, count: vocabulary.wordCount + 1)
    try other.fillMask(into: &words, endingWithin: 0)
    #expect(allowed(words).isEmpty)
    for count in 1...2 {
      try other.fillMask(into: &words, endingWithin: count)
      #expect(allowed(words) == [256, 257])
    }
    try other.fillMask(into: &words, endingWithin: 3)
    #expect(allowed(words) == [0x61, 256, 257])
    try other.fillMask(into: &words, endingWithin: 19)
    #expect(allowed(words).contains(0x78))
    // Text that has no shortest ending of bearable length is not watched.
    var long = try CompiledGrammar(.regex("a{20000}"), vocabulary: vocabulary).makeMatcher()
    for count in [Int.min, -5, 0, 20_000, .max] {
      let isNear = long.canEnd(within: count)
      #expect(!isNear)
    }
  }

  /// Where very many tokens have long endings of their own, those that can be looked at are a mask.
  @Test func workOnEndingsIsLimited() throws {
    let names = (10..<99).map { "name\($0)" }
    let vocabulary = TokenVocabulary(
      bytesOfTokens: (0...255).map { [UInt8($0)] } + (names + ["!!!!"]).map { Array($0.utf8) }, endOfSequence: [400])
    let pattern = names.map { "\($0)!{200}\($0)" }.joined(separator: "|")
    func mask(_ limits: GrammarLimits) throws -> Set<Int32> {
      var matcher = try CompiledGrammar(.regex(pattern), vocabulary: vocabulary, limits: limits).makeMatcher()
      var words = [UInt64](repeating: 0, count: vocabulary.wordCount)
      try matcher.fillMask(into: &words, endingWithin: 150)
      return Set(allowed(words))
    }
    let whole = try mask(GrammarLimits())
    #expect(whole == Set([Int32(UInt8(ascii: "n"))] + (256..<Int32(256 + names.count))))
    var limits = GrammarLimits()
    limits.maskWork = 20_000
    let part = try mask(limits)
    #expect(!part.isEmpty && part.isStrictSubset(of: whole))
    limits.maskWork = 1
    #expect(try mask(limits).isEmpty)
  }

  /// A vocabulary that spells some bytes only together with others.
  @Test func bytesWithoutATokenOfTheirOwnAreNoWay() throws {
    let vocabulary = TokenVocabulary(bytesOfTokens: ["a", "bc", "d", ""].map { Array($0.utf8) }, endOfSequence: [3])
    var matcher = try CompiledGrammar(.regex("a(bc|d{5})"), vocabulary: vocabulary).makeMatcher()
    #expect(need(matcher, 10) == 2)
    try matcher.accept(0)
    var words: [UInt64] = [0]
    try matcher.fillMask(into: &words, endingWithin: 0)
    #expect(allowed(words) == [1])
  }

  /// The masks of a vocabulary of which no token has certain bytes, under strings of every length.
  @Test func masksDoNotMissWhatTheVocabularyDoesNotHave() throws {
    var texts: [[UInt8]] = []
    for byte in UInt8(0x20)...0x9F where byte != 0x7F { texts.append([byte]) }
    for text in ["ab", "abc", "xyzab", "é", "éé", "a\"", "\"]", "a\\"] { texts.append(Array(text.utf8)) }
    texts += [[0xC3], [0xE2], [0x61, 0xC3], [0xA9, 0x61]]
    let vocabulary = TokenVocabulary(bytesOfTokens: texts + [[]], endOfSequence: [Int32(texts.count)])
    var generator = SplitMix64(seed: 8)
    for (minimum, maximum) in [(0, nil), (0, 1), (2, 3), (0, 5), (3, nil), (40, 50)] as [(Int, Int?)] {
      for pattern in [nil, "^[a-y]*$", "^([a-z]{2})*$"] as [String?] {
        var members: [(String, JSONValue)] = [("type", .string("string")), ("minLength", .integer(Int64(minimum)))]
        if let maximum { members.append(("maxLength", .integer(Int64(maximum)))) }
        if let pattern { members.append(("pattern", .string(pattern))) }
        guard let grammar = try? CompiledGrammar(.jsonSchema(.object(members)), vocabulary: vocabulary) else {
          continue
        }
        var matcher = grammar.makeMatcher()
        var words = [UInt64](repeating: 0, count: vocabulary.wordCount)
        for step in 0..<8 where !matcher.isFinished {
          try matcher.fillMask(into: &words)
          let mask = allowed(words)
          let expected = (0..<Int32(vocabulary.tokenCount)).filter(matcher.allows)
          #expect(mask == expected, "\(minimum) to \(String(describing: maximum)), step \(step)")
          try matcher.accept(mask[Int(generator.next() % UInt64(mask.count))])
        }
      }
    }
  }
}
