import JSON
import Testing
import Tokenization

/// Files that contradict themselves are refused in one line that says where.
@Suite struct HostileTokenizerTests {
  /// A tokenizer of the letters a, b and c with these merges and whatever else is changed.
  private func load(
    vocabulary: String = #"{"a":0,"b":1,"c":2,"ab":3,"abc":4}"#, merges: String = #"[["a","b"],["ab","c"]]"#,
    model: String = "", rest: String = "", preTokenizer: String = #"{"type":"ByteLevel","add_prefix_space":false}"#,
    decoder: String = #"{"type":"ByteLevel"}"#
  ) throws -> Tokenizer {
    let text =
      #"{"model":{"type":"BPE"\#(model),"vocab":\#(vocabulary),"merges":\#(merges)},"#
      + #""pre_tokenizer":\#(preTokenizer),"decoder":\#(decoder)\#(rest)}"#
    return try Tokenizer(huggingFaceJSON: Array(text.utf8), configuration: nil)
  }

  /// Expects an error whose description is one line and contains `words`.
  private func expectRefusal(_ words: String, _ body: () throws -> Tokenizer) {
    do {
      _ = try body()
      Issue.record("accepted; expected: \(words)")
    } catch {
      let text = "\(error)"
      #expect(error is TokenizerError)
      #expect(text.contains(words), "\(text)")
      #expect(!text.contains("\n"), "\(text)")
    }
  }

  @Test func theBaseIsFine() throws {
    let tokenizer = try load()
    #expect(tokenizer.encode("abcab") == [4, 3])
    #expect(tokenizer.vocabularySize == 5)
  }

  @Test func refusesBrokenMerges() {
    expectRefusal("merge 0") { try load(merges: #"[["a","x"]]"#) }
    expectRefusal("is not in the vocabulary") { try load(merges: #"[["a","c"]]"#) }
    expectRefusal("has an empty part") { try load(vocabulary: #"{"a":0,"":1}"#, merges: #"[["a",""]]"#) }
    expectRefusal("has an empty part") { try load(vocabulary: #"{"a":0,"":1}"#, merges: #"[" a"]"#) }
    expectRefusal("merge 1") { try load(merges: #"["a b","ab  c"]"#) }
    expectRefusal("merge 0") { try load(merges: #"["ab"]"#) }
    expectRefusal("merge 1") { try load(merges: #"[["a","b"],"ab c"]"#) }
    expectRefusal("merge 0") { try load(merges: #"[["a","b","c"]]"#) }
    expectRefusal("merges") { try load(merges: "3") }
  }

  @Test func refusesBrokenVocabularies() {
    expectRefusal("same identifier 1") { try load(vocabulary: #"{"a":0,"b":1,"c":1,"ab":3,"abc":4}"#) }
    expectRefusal("same spelling") { try load(vocabulary: #"{"a":0,"b":1,"c":2,"ab":3,"abc":4,"a":5}"#) }
    for id in ["-1", "4194304", "99999999999999999999", "1.5", "\"1\"", "null"] {
      expectRefusal("identifier") { try load(vocabulary: #"{"a":0,"b":\#(id)}"#, merges: "[]") }
    }
    expectRefusal("unk_token") { try load(model: #","unk_token":"?""#) }
    expectRefusal("too long") {
      try load(vocabulary: #"{"\#(String(repeating: "a", count: 70_000))":0}"#, merges: "[]")
    }
  }

  @Test func holesAreNoTokens() throws {
    let tokenizer = try load(vocabulary: #"{"a":0,"b":2,"ab":7}"#, merges: #"["a b"]"#)
    #expect(tokenizer.encode("aab") == [0, 7])
    #expect(tokenizer.vocabularySize == 8)
    #expect(tokenizer.bytes(of: 1) == nil)
    #expect(tokenizer.text(of: 6) == nil)
    #expect(tokenizer.bytes(of: 7) == Array("ab".utf8))
    #expect(throws: TokenizerError.unknownToken(id: 5, vocabularySize: 8)) {
      try tokenizer.decode([0, 5], skipSpecialTokens: false)
    }
    #expect(throws: TokenizerError.unknownToken(id: -1, vocabularySize: 8)) {
      try tokenizer.decode([-1], skipSpecialTokens: false)
    }
  }

  @Test func refusesAddedTokensThatWouldMove() {
    func added(_ id: Int, _ content: String) -> String {
      #","added_tokens":[{"id":\#(id),"content":"\#(content)","special":true,"normalized":false}]"#
    }
    expectRefusal("would get 5") { try load(rest: added(7, "<x>")) }
    expectRefusal("would get 5") { try load(rest: added(0, "<x>")) }
    expectRefusal("same spelling") { try load(rest: added(5, "b")) }
    expectRefusal("no content") { try load(rest: added(5, "")) }
    #expect(throws: Never.self) { try load(rest: added(5, "<x>")) }
  }

  @Test func refusesWhatIsNotSupportedByName() {
    expectRefusal("WordPiece") { try load(model: #","type":"WordPiece""#) }
    expectRefusal("dropout") { try load(model: #","dropout":0.1"#) }
    expectRefusal("byte_fallback") { try load(model: #","byte_fallback":true"#) }
    expectRefusal("continuing_subword_prefix") { try load(model: #","continuing_subword_prefix":"@@""#) }
    expectRefusal("end_of_word_suffix") { try load(model: #","end_of_word_suffix":"</w>""#) }
    expectRefusal("Lowercase") { try load(rest: #","normalizer":{"type":"Lowercase"}"#) }
    expectRefusal("BertProcessing") { try load(rest: #","post_processor":{"type":"BertProcessing"}"#) }
    expectRefusal("Metaspace") {
      try load(
        preTokenizer:
          #"{"type":"Sequence","pretokenizers":[{"type":"Metaspace"},{"type":"ByteLevel","add_prefix_space":false}]}"#)
    }
    expectRefusal("byte-level") { try load(preTokenizer: "null") }
    expectRefusal("byte-level") { try load(preTokenizer: #"{"type":"Digits","individual_digits":true}"#) }
    expectRefusal(#"[a-z]+"#) {
      try load(
        preTokenizer:
          #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[a-z]+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false}]}"#
      )
    }
    expectRefusal("decoder") { try load(decoder: "null") }
    expectRefusal("WordPiece") { try load(decoder: #"{"type":"WordPiece"}"#) }
  }

  @Test func refusesWhatIsNotATokenizer() {
    for text in ["", "[]", "{}", "null", "{\"model\":1}", "{\"model\":{\"vocab\":[],\"merges\":[]}}", "{", "\u{0}"] {
      #expect(throws: TokenizerError.self) { try Tokenizer(huggingFaceJSON: Array(text.utf8), configuration: nil) }
    }
  }

  /// Every value of a small tokenizer is replaced, removed or doubled, many times: it loads or is refused, and what
  /// loads can encode and decode.
  @Test func changedFilesNeitherTrapNorHang() throws {
    let base = try shrunken(Goldens.json("llama3.tokenizer.json"))
    var generator = SeededGenerator(seed: 11)
    var loaded = 0
    for _ in 0..<(runsLongTests ? 60_000 : 1_500) {
      let document = mutate(base, &generator)
      guard let tokenizer = try? Tokenizer(huggingFaceJSON: document, configuration: document) else { continue }
      loaded += 1
      let ids = tokenizer.encode("It's <|eot_id|> 12 naïve\r\n  日本 abababab")
      _ = try tokenizer.decode(ids, skipSpecialTokens: true)
    }
    #expect(loaded > 20)
  }

  private func shrunken(_ document: JSONValue) throws -> JSONValue {
    let model = try #require(document["model"])
    let members = try #require(model["vocab"]?.objectValue?.members).filter { ($0.value.intValue ?? 0) < 290 }
    let merges = try #require(model["merges"]?.arrayValue).prefix(30)
    var added: [JSONValue] = []
    for (index, token) in (document["added_tokens"]?.arrayValue ?? []).enumerated() {
      added.append(token.setting("id", .integer(Int64(members.count + index))))
    }
    let small = model.setting("vocab", .object(JSONObject(members))).setting("merges", .array(Array(merges)))
    return document.setting("model", small).setting("added_tokens", .array(added))
  }

  private func mutate(_ value: JSONValue, _ generator: inout SeededGenerator) -> JSONValue {
    if Int.random(in: 0..<12, using: &generator) == 0 { return replacement(value, &generator) }
    switch value {
    case .array(var elements) where !elements.isEmpty:
      let index = Int.random(in: elements.indices, using: &generator)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: elements.remove(at: index)
      case 1: elements.append(elements[index])
      case 2: elements.swapAt(index, Int.random(in: elements.indices, using: &generator))
      default: elements[index] = mutate(elements[index], &generator)
      }
      return .array(elements)
    case .object(var object) where !object.members.isEmpty:
      let index = Int.random(in: object.members.indices, using: &generator)
      switch Int.random(in: 0..<12, using: &generator) {
      case 0: object.members.remove(at: index)
      case 1: object.members.append(object.members[index])
      case 2: object.members[index].key += "a"
      default: object.members[index].value = mutate(object.members[index].value, &generator)
      }
      return .object(object)
    default:
      return replacement(value, &generator)
    }
  }

  private func replacement(_ value: JSONValue, _ generator: inout SeededGenerator) -> JSONValue {
    let others: [JSONValue] = [
      .null, .bool(true), .bool(false), .integer(-1), .integer(3), .integer(.max), .integer(4_194_303), .number(0.5),
      .string(""), .string("a"), .string("Sequence"), .string("ByteLevel"), .string("e\u{301}"), .array([]),
      .object(JSONObject()), .array([value]), .string("a b"), .string("NFC"),
    ]
    return others.randomElement(using: &generator) ?? .null
  }
}
