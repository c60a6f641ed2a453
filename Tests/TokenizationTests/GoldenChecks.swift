import JSON
import Testing
import Tokenization

/// Compares `tokenizer` with the golden tokens and texts in `file`, string for string.
func checkGoldens(_ tokenizer: Tokenizer, file: String) throws {
  let corpus = try Goldens.corpus()
  let golden = try Goldens.json(file)
  guard let all = golden["ids"]?.arrayValue, let plain = golden["plain"]?.arrayValue,
    let decoded = golden["decoded"]?.arrayValue
  else { throw GoldenError(description: "\(file) is not a golden file") }
  #expect(all.count == corpus.count)
  #expect(corpus.count >= 2000)
  var failures = 0
  for (text, ids) in zip(corpus, all) {
    let expected = try Goldens.ids(ids)
    let found = tokenizer.encode(text)
    if found != expected {
      failures += 1
      if failures <= 5 { Issue.record("\(file): \(scalars(text)): \(found), expected \(expected)") }
    }
    #expect(try tokenizer.encode(Array(text.utf8)) == found)
    try checkStreaming(tokenizer, found)
  }
  #expect(failures == 0)
  for entry in plain {
    guard let index = entry[0]?.intValue else { throw GoldenError(description: "no index") }
    let found = tokenizer.encode(corpus[index], addSpecialTokens: false, parseSpecialTokens: false)
    #expect(try found == Goldens.ids(entry[1]), "\(file): plain \(scalars(corpus[index]))")
  }
  for entry in decoded {
    let ids = try Goldens.ids(entry[0])
    for (index, skips) in [(1, false), (2, true)] {
      let expected = entry[index]?.stringValue ?? ""
      let found = try tokenizer.decode(ids, skipSpecialTokens: skips)
      #expect(found.utf8.elementsEqual(expected.utf8), "\(file): \(ids): \(scalars(found))")
    }
    try checkStreaming(tokenizer, ids)
  }
}

/// Checks that what comes token by token is what comes at once.
func checkStreaming(_ tokenizer: Tokenizer, _ ids: [Int32]) throws {
  for skips in [false, true] {
    var detokenizer = tokenizer.makeDetokenizer(skipSpecialTokens: skips)
    var text: [UInt8] = []
    for id in ids { text += try detokenizer.append(id).utf8 }
    text += detokenizer.finish().utf8
    #expect(try text.elementsEqual(tokenizer.decode(ids, skipSpecialTokens: skips).utf8), "\(ids)")
  }
}
