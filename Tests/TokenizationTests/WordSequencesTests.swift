import Testing
import Tokenization

@Suite struct WordSequencesTests {
  @Test(arguments: Goldens.names) func wordsAreForbiddenWithAndWithoutASpace(name: String) throws {
    let tokenizer = try Goldens.tokenizer(name)
    let sequences = tokenizer.sequences(ofWords: ["the", " the", "the"])
    #expect(sequences.allSatisfy { !$0.isEmpty })
    #expect(Set(sequences).count == sequences.count)
    #expect(sequences[0] == tokenizer.encode("the", addSpecialTokens: false))
    for sequence in sequences {
      let text = try tokenizer.decode(sequence, skipSpecialTokens: false)
      #expect(text == "the" || text == " the")
    }
    #expect(tokenizer.sequences(ofWords: []).isEmpty)
  }
}
