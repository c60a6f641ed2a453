import JSON
import Testing

import Tokenization

@Suite struct TokenizerTests {
  @Test(arguments: Goldens.names)
  func givesTheReferencesTokens(name: String) throws {
    try checkGoldens(Goldens.tokenizer(name), file: "\(name).ids.json")
  }
}
