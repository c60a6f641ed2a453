import Checkpoints
import TestKit
import Testing

@Suite struct WeightScopeTests {
  private func open(_ extra: String = "", in directory: TemporaryDirectory) throws -> Checkpoint {
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: extra))
    try tiny.writeHuggingFace(to: directory)
    return try Checkpoint.open(path: directory.path)
  }

  @Test func findsTensorsByPath() throws {
    let directory = try TemporaryDirectory()
    let weights = WeightScope(checkpoint: try open(in: directory))
    let attention = weights["model"]["layers"][1]["self_attn"]
    let tensor = try attention.tensor("q_proj.weight", shape: [64, 64])
    #expect(tensor.name == "model.layers.1.self_attn.q_proj.weight")
    #expect(attention.contains("k_proj.weight"))
    #expect(!attention.contains("k_proj.bias"))
    #expect(!weights["model"]["layers"][2]["self_attn"].contains("q_proj.weight"))
  }

  @Test func namesWhatIsMissingOrMisshapen() throws {
    let directory = try TemporaryDirectory()
    let weights = WeightScope(checkpoint: try open(in: directory))["model"]
    expectRefusal(directory.path, "model.layers.7.mlp.up_proj.weight", "missing") {
      try weights["layers"][7].tensor("mlp.up_proj.weight", shape: [1])
    }
    expectRefusal("model.safetensors", "model.norm.weight", "[64]", "[65]") {
      try weights.tensor("norm.weight", shape: [65])
    }
  }

  @Test func namesWhatWasNotRead() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try open(in: directory)
    let weights = WeightScope(checkpoint: checkpoint)
    for tensor in checkpoint.tensors where tensor.name != "model.norm.weight" {
      _ = try weights.tensor(tensor.name, shape: tensor.shape)
    }
    // Looking is not reading.
    #expect(weights.contains("model.norm.weight"))
    expectRefusal(directory.path, "model.norm.weight", "not used") { try weights.requireEverythingRead() }
    _ = try weights["model"].tensor("norm.weight", shape: [64])
    try weights.requireEverythingRead()
    expectRefusal(directory.path, "21 tensors", "lm_head.weight") {
      try WeightScope(checkpoint: checkpoint).requireEverythingRead()
    }
  }

  /// A second copy of the embedding table is fine if and only if the configuration ties the two.
  @Test func aTiedOutputMayBeStored() throws {
    for (tied, extra) in [(true, #""tie_word_embeddings": true"#), (false, #""tie_word_embeddings": false"#)] {
      let directory = try TemporaryDirectory()
      _ = try open(in: directory)
      try directory.write(TinyCheckpoint.config(extra: extra), to: "config.json")
      let checkpoint = try Checkpoint.open(path: directory.path)
      #expect(checkpoint.configuration.tiedEmbeddings == tied)
      let weights = WeightScope(checkpoint: checkpoint)
      for tensor in checkpoint.tensors where tensor.name != "lm_head.weight" {
        _ = try weights.tensor(tensor.name, shape: tensor.shape)
      }
      if tied {
        try weights.requireEverythingRead()
      } else {
        expectRefusal("lm_head.weight") { try weights.requireEverythingRead() }
      }
    }
  }
}
