import JSON
import Testing
import Tokenization

@Suite struct NormalizationTests {
  /// Through a tokenizer with a token for every byte, which gives the normalized text back.
  @Test func givesTheReferencesNormalForm() throws {
    let tokenizer = try Goldens.tokenizer("qwen2")
    let pairs = try #require(Goldens.json("nfc.json").arrayValue)
    #expect(pairs.count > 1000)
    for pair in pairs {
      let text = pair[0]?.stringValue ?? ""
      let expected = pair[1]?.stringValue ?? ""
      let found = try tokenizer.decode(
        tokenizer.encode(text, addSpecialTokens: false), skipSpecialTokens: false)
      #expect(found.utf8.elementsEqual(expected.utf8), "\(scalars(text)): \(scalars(found)), not \(scalars(expected))")
    }
  }
}
