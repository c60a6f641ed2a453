import Checkpoints
import JSON
import Tensors
import TestKit
import Testing

@Suite struct HuggingFaceCheckpointTests {
  private func open(_ files: [String: String], extra: String = "") throws -> Checkpoint {
    let directory = try TemporaryDirectory()
    try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: extra)).writeHuggingFace(to: directory, files: files)
    return try Checkpoint.open(path: directory.path)
  }

  @Test func theTokenizerMayBeMissing() throws {
    guard case .missing = try open([:]).tokenizer else {
      Issue.record("a tokenizer out of nowhere")
      return
    }
  }

  @Test func findsTheTokenizer() throws {
    for configuration in [nil, #"{"add_bos_token": true}"#] {
      var files = ["tokenizer.json": "{}"]
      files["tokenizer_config.json"] = configuration
      guard case .huggingFace(let file, let value) = try open(files).tokenizer else {
        Issue.record("no tokenizer")
        return
      }
      #expect(file.count == 2)
      #expect(value?["add_bos_token"]?.boolValue == (configuration == nil ? nil : true))
    }
    expectRefusal("tokenizer_config.json", "JSON") { try open(["tokenizer_config.json": "{"]) }
  }

  @Test func findsTheChatTemplate() throws {
    #expect(try open([:]).chatTemplate == nil)
    let list = #"[{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]"#
    for (text, template) in [(#""C""#, "C"), (list, "D"), ("null", nil)] as [(String, String?)] {
      #expect(try open(["tokenizer_config.json": #"{"chat_template": \#(text)}"#]).chatTemplate == template)
    }
    var files = ["tokenizer_config.json": #"{"chat_template": "C"}"#, "chat_template.json": #"{"chat_template": "J"}"#]
    #expect(try open(files).chatTemplate == "J")
    files["chat_template.jinja"] = "{{ é }}"
    #expect(try open(files).chatTemplate == "{{ é }}")
    expectRefusal("tokenizer_config.json", "chat_template", "default") {
      try open(["tokenizer_config.json": #"{"chat_template": [{"name": "x", "template": "T"}]}"#])
    }
    expectRefusal("tokenizer_config.json", "chat_template") {
      try open(["tokenizer_config.json": #"{"chat_template": 1}"#])
    }
  }

  @Test func readsTheGenerationDefaults() throws {
    #expect(try open([:]).generation == GenerationDefaults())
    let config = #""eos_token_id": 2, "bos_token_id": 1"#
    #expect(try open([:], extra: config).generation == GenerationDefaults(eosTokenIDs: [2], bosTokenID: 1))
    let generation = #"{"eos_token_id": [5, 6, 5], "temperature": 0.7, "top_k": 20, "top_p": 0.8}"#
    #expect(
      try open(["generation_config.json": generation], extra: config).generation
        == GenerationDefaults(eosTokenIDs: [5, 6], bosTokenID: 1, temperature: 0.7, topK: 20, topP: 0.8))
    expectRefusal("generation_config.json", "top_k") { try open(["generation_config.json": #"{"top_k": 0.5}"#]) }
  }

  @Test func shardsMakeOneCheckpoint() throws {
    let directory = try TemporaryDirectory()
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    try tiny.writeHuggingFace(to: directory, type: .f32, shardCount: 3)
    let checkpoint = try Checkpoint.open(path: directory.path)
    #expect(Set(checkpoint.tensors.map(\.name)) == Set(tiny.tensors.map(\.name)))
    #expect(Set(checkpoint.tensors.map(\.file.path)).count == 3)
    for tensor in tiny.tensors {
      #expect(try checkpoint.tensor(named: tensor.name)?.floats() == tiny.values(tensor))
    }
  }

  @Test func theIndexAndItsShardsAgree() throws {
    let directory = try TemporaryDirectory()
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    try tiny.writeHuggingFace(to: directory, shardCount: 2)
    func expectIndexRefusal(weightMap: [String: String], _ parts: String...) throws {
      let map = JSONObject(weightMap.map { .init(key: $0.key, value: .string($0.value)) })
      let index = JSONValue.object(JSONObject([.init(key: "weight_map", value: .object(map))]))
      try directory.write(index.serialized(), to: "model.safetensors.index.json")
      let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: directory.path) }
      for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "")") }
    }
    let names = tiny.tensors.map(\.name)
    let shards = ["model-1-of-2.safetensors", "model-2-of-2.safetensors"]
    let right = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, shards[$0 < names.count / 2 ? 0 : 1]) })

    var map = right
    map["model.norm.weight"] = shards[0]
    try expectIndexRefusal(weightMap: map, "model.norm.weight")
    map = right
    map["model.extra.weight"] = shards[1]
    try expectIndexRefusal(weightMap: map, "model.extra.weight", shards[1], "missing")
    map["model.extra.weight"] = nil
    map["zzz"] = shards[1]
    try expectIndexRefusal(weightMap: map, "zzz", "missing")
    map = right
    map["model.norm.weight"] = nil
    try expectIndexRefusal(weightMap: map, "model.norm.weight", "not listed")
    map = right
    map["model.extra.weight"] = "a-third.safetensors"
    try expectIndexRefusal(weightMap: map, "a-third.safetensors", "No such file")
    map = right
    for path in ["../model.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\0b"] {
      map["model.norm.weight"] = path
      try expectIndexRefusal(weightMap: map, "weight_map.model.norm.weight", "same directory")
    }
    try directory.write("{}", to: "model.safetensors.index.json")
    expectRefusal("weight_map", "index.json") { try Checkpoint.open(path: directory.path) }
    directory.remove("model.safetensors.index.json")
    expectRefusal(directory.path, "neither") { try Checkpoint.open(path: directory.path) }
  }
}
