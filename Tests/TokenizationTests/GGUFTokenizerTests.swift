import Checkpoints
import JSON
import TestKit
import Testing
import Tokenization

/// Vocabularies in GGUF metadata, which name their pre-tokenizer.
@Suite struct GGUFTokenizerTests {
  private typealias Values = [(key: String, value: GGUFWriter.Value)]

  private func tokenizer(_ values: Values) throws -> Tokenizer {
    var tokenCount = 96
    for (key, value) in values where key == "tokenizer.ggml.tokens" {
      if case .strings(let tokens) = value { tokenCount = tokens.count }
    }
    // Of two values for a key the last holds.
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: #""vocab_size": \#(tokenCount)"#))
    let directory = try TemporaryDirectory()
    return try Tokenizer(Checkpoint.open(path: tiny.writeGGUF(to: directory, metadata: values)).tokenizer)
  }

  /// The metadata for one of the small tokenizers.
  private func metadata(_ name: String, pre: String) throws -> Values {
    let document = try Goldens.json("\(name).tokenizer.json")
    var tokens = try #require(document["model"]?["vocab"]?.objectValue).members.map(\.key)
    var types = [Int32](repeating: 1, count: tokens.count)
    for token in try #require(document["added_tokens"]?.arrayValue) {
      let id = try #require(token["id"]?.intValue)
      if id == tokens.count {
        tokens.append(token["content"]?.stringValue ?? "")
        types.append(0)
      }
      types[id] = token["special"]?.boolValue == true ? 3 : 4
    }
    let merges = try #require(document["model"]?["merges"]?.arrayValue).map {
      (($0[0]?.stringValue ?? "") + " " + ($0[1]?.stringValue ?? ""))
    }
    return [
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(pre)),
      ("tokenizer.ggml.tokens", .strings(tokens)), ("tokenizer.ggml.token_type", .int32s(types)),
      ("tokenizer.ggml.merges", .strings(merges)),
    ]
  }

  @Test(arguments: [("gpt2", "gpt-2"), ("smollm", "smollm"), ("qwen2", "qwen2"), ("llama3", "llama-bpe")])
  func givesTheTokensOfTheOriginal(name: String, pre: String) throws {
    var values = try metadata(name, pre: pre)
    if name == "llama3" {
      let begin = try #require(Goldens.tokenizer(name).id(of: "<|begin_of_text|>"))
      values.append(("tokenizer.ggml.bos_token_id", .uint32(UInt32(begin))))
    }
    try checkGoldens(tokenizer(values), file: "\(name).ids.json")
  }

  @Test func beginsAndEndsAsTheFileSays() throws {
    var values = try metadata("smollm", pre: "smollm")
    values += [
      ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.ggml.eos_token_id", .uint32(2)),
      ("tokenizer.ggml.add_bos_token", .bool(true)), ("tokenizer.ggml.add_eos_token", .bool(true)),
    ]
    let tokenizer = try tokenizer(values)
    #expect(tokenizer.beginningOfSequence == 1)
    #expect(tokenizer.endOfSequence == 2)
    #expect(tokenizer.encode("") == [1, 2])
    #expect(tokenizer.encode("", addSpecialTokens: false) == [])
  }

  @Test func refusesByName() throws {
    let values = try metadata("gpt2", pre: "gpt-2")
    let changes: [(key: String, value: GGUFWriter.Value, word: String)] = [
      ("tokenizer.ggml.model", .string("llama"), "llama"), ("tokenizer.ggml.pre", .string("tekken"), "tekken"),
      ("tokenizer.ggml.pre", .uint32(1), "tokenizer.ggml.pre"),
      ("tokenizer.ggml.token_type", .int32s([1]), "token_type"),
      ("tokenizer.ggml.tokens", .strings(["a", "a"]), "token_type"),
      ("tokenizer.ggml.merges", .strings(["a  b"]), "merge 0"),
      ("tokenizer.ggml.merges", .strings(["a b", "no-such-token b"]), "merge"),
      ("tokenizer.ggml.add_space_prefix", .bool(true), "add_space_prefix"),
    ]
    for (key, value, word) in changes {
      let error = #expect(throws: TokenizerError.self) {
        try tokenizer(values.filter { $0.key != key } + [(key, value)])
      }
      #expect(error?.description.contains(word) == true, "\(key): \(error?.description ?? "")")
    }
    for key in ["tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
      #expect(throws: TokenizerError.self) { try tokenizer(values.filter { $0.key != key }) }
    }
  }

  @Test func aConfigurationNamesTheEnds() throws {
    let configuration = try JSONValue(
      parsing: #"{"bos_token":"<|im_start|>","eos_token":{"content":"<|im_end|>"},"pad_token":null}"#)
    let bytes = try Goldens.bytes("smollm.tokenizer.json")
    let tokenizer = try Tokenizer(huggingFaceJSON: bytes, configuration: configuration)
    #expect(tokenizer.beginningOfSequence == tokenizer.id(of: "<|im_start|>"))
    #expect(tokenizer.endOfSequence == tokenizer.id(of: "<|im_end|>"))
    let wrong = try JSONValue(parsing: #"{"bos_token":"<|nothing|>"}"#)
    #expect(throws: TokenizerError.self) { try Tokenizer(huggingFaceJSON: bytes, configuration: wrong) }
  }
}
