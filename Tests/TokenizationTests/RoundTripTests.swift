import Testing
import Tokenization

@Suite struct RoundTripTests {
  /// Without a normalizer, and with a token for every byte, nothing is lost.
  @Test(arguments: ["gpt2", "llama3"])
  func decodingGivesBackTheText(name: String) throws {
    let tokenizer = try Goldens.tokenizer(name)
    #expect(tokenizer.missingBytes.isEmpty)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<(runsLongTests ? 20_000 : 800) {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0..<60, using: &generator) {
        let bound: UInt32 = [0x80, 0x250, 0x3100, 0x11_0000].randomElement(using: &generator) ?? 0x80
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<bound, using: &generator)) { text.append(scalar) }
      }
      for parses in [true, false] {
        let ids = tokenizer.encode(String(text), addSpecialTokens: false, parseSpecialTokens: parses)
        #expect(try tokenizer.decode(ids, skipSpecialTokens: false).utf8.elementsEqual(String(text).utf8))
        try checkStreaming(tokenizer, ids)
      }
    }
  }

  @Test func bytesThatAreNotUTF8AreRefusedWithTheirPlace() throws {
    let tokenizer = try Goldens.tokenizer("gpt2")
    let cases: [(bytes: [UInt8], offset: Int)] = [
      ([0x80], 0), ([0x61, 0xC0, 0x80], 1), ([0x61, 0x62, 0xE2, 0x82], 2), ([0xED, 0xA0, 0x80], 0),
      ([0xF4, 0x90, 0x80, 0x80], 0), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xE0, 0x80, 0x80], 0), ([0xC3, 0xA9, 0xC3], 2),
      ([0xF0, 0x9F, 0x98, 0x41], 0), ([0x41, 0xFF], 1), ([0xE2, 0x82, 0xAC, 0xFE], 3),
    ]
    for (bytes, offset) in cases {
      #expect(throws: TokenizerError.invalidUTF8(offset: offset)) { try tokenizer.encode(bytes) }
    }
    #expect(throws: Never.self) { try tokenizer.encode([0xF0, 0x9F, 0x98, 0x80, 0xED, 0x9F, 0xBF, 0xEE, 0x80, 0x80]) }
  }

  /// Random bytes: accepted exactly if the standard library takes them for UTF-8.
  @Test func randomBytesAreAcceptedIfTheyAreUTF8() throws {
    let tokenizer = try Goldens.tokenizer("smollm")
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<(runsLongTests ? 100_000 : 3_000) {
      let leads: [UInt8] = [0x41, 0x80, 0xBF, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0x9F, 0x90, 0xA0]
      let bytes = (0..<Int.random(in: 0..<6, using: &generator)).map { _ in
        leads.randomElement(using: &generator) ?? 0
      }
      let isValid = String(validating: bytes, as: UTF8.self) != nil
      #expect(((try? tokenizer.encode(bytes)) != nil) == isValid, "\(bytes)")
    }
  }

  /// A long piece is merged in a time that grows little faster than its length, and as a short one is.
  @Test func longPiecesAreMergedLikeShortOnes() throws {
    let tokenizer = try Goldens.tokenizer("gpt2")
    let text = String(repeating: "abcdefghij", count: 100_000)
    let clock = ContinuousClock()
    var ids: [Int32] = []
    let elapsed = clock.measure { ids = tokenizer.encode(text) }
    #expect(try tokenizer.decode(ids, skipSpecialTokens: false).utf8.elementsEqual(text.utf8))
    #expect(elapsed < .seconds(30))
    let spaces = String(repeating: " ", count: 300_000)
    #expect(try tokenizer.decode(tokenizer.encode(spaces), skipSpecialTokens: false).utf8.count == 300_000)
  }

  @Test func theVocabularyCanBeAsked() throws {
    let tokenizer = try Goldens.tokenizer("smollm")
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    #expect(tokenizer.isSpecial(end))
    #expect(tokenizer.text(of: end) == "<|im_end|>")
    #expect(try tokenizer.decode([end], skipSpecialTokens: true).isEmpty)
    let space = try #require(tokenizer.id(of: "Ġ"))
    #expect(tokenizer.bytes(of: space) == [0x20])
    #expect(!tokenizer.isSpecial(space))
    #expect(tokenizer.id(of: "no such token") == nil)
    #expect(tokenizer.bytes(of: -1) == nil)
    #expect(tokenizer.bytes(of: 1 << 30) == nil)
    #expect(tokenizer.missingBytes.contains(4))
    #expect(tokenizer.encode("\u{4}").isEmpty)
  }
}
