import Checkpoints
import Foundation
import Tensors
import TestKit
import Testing

/// What is wrong with a GGUF file is said with the file, the key or tensor, and the values.
@Suite struct GGUFRefusalTests {
  private func tiny(_ modelType: String = "llama") throws -> GGUFWriter {
    try TinyCheckpoint(configJSON: TinyCheckpoint.config(modelType: modelType)).gguf()
  }

  @Test func theContainer() throws {
    var writer = try tiny()
    writer.version = 1
    try expectRefusal(of: writer, "version 1", "2 and 3")
    writer.version = 3 << 24
    try expectRefusal(of: writer, "big-endian")
    writer.version = 0
    try expectRefusal(of: writer, "version 0")
    try expectRefusal(ofBytes: Array("GGML....".utf8), ["not a GGUF file", "config.json"])
    try expectRefusal(ofBytes: [], ["not a GGUF file"])
    try expectRefusal(ofBytes: Array(try tiny().bytes().prefix(6)), ["ends inside the version", "byte 4"])
  }

  @Test func countsThatTheFileCannotHold() throws {
    let bytes = try tiny().bytes()
    for (offset, what) in [(8, "the number of tensors"), (16, "the number of metadata values")] {
      for value in [UInt64.max, 1 << 40, UInt64(bytes.count)] {
        var broken = bytes
        for index in 0..<8 { broken[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
        try expectRefusal(ofBytes: broken, [what, "\(value)", "byte \(offset)"])
      }
    }
    var writer = try tiny()
    writer.set("list", .raw(type: 9, bytes: [8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]))
    try expectRefusal(of: writer, "number of elements of list")
    // Every array has one array in it.
    let nested = (0..<6).flatMap { _ in [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] as [UInt8] }
    writer.set("list", .raw(type: 9, bytes: nested))
    try expectRefusal(of: writer, "list", "nests arrays")
    writer.set("list", .raw(type: 13, bytes: []))
    try expectRefusal(of: writer, "list", "unknown value type 13")
  }

  @Test func repeatedNames() throws {
    var writer = try tiny()
    writer.metadata.append(writer.metadata[2])
    try expectRefusal(of: writer, writer.metadata[2].key, "twice")
    writer = try tiny()
    writer.tensors.append(writer.tensors[3])
    try expectRefusal(of: writer, writer.tensors[3].name, "stored twice")
    writer = try tiny()
    writer.tensors[3].name = "model.norm.weight"
    try expectRefusal(of: writer, "stored twice under two names")
  }

  @Test func tensorTypes() throws {
    for (number, name) in [(10, "Q2_K"), (20, "IQ4_NL"), (39, "MXFP4"), (99, "number 99"), (5, "Q4_3")]
      as [(UInt32, String)]
    {
      var writer = try tiny()
      writer.tensors[5].typeNumber = number
      try expectRefusal(of: writer, writer.tensors[5].name, name, "not supported")
    }
  }

  @Test func tensorExtents() throws {
    var writer = try tiny()
    writer.tensors[5].shape = []
    try expectRefusal(of: writer, writer.tensors[5].name, "0 extents")
    writer.tensors[5].shape = [1, 1, 1, 1, 1]
    try expectRefusal(of: writer, writer.tensors[5].name, "5 extents")
    writer.tensors[5].shape = [0, 4]
    try expectRefusal(of: writer, writer.tensors[5].name, "extent of 0")
    writer.tensors[5].shape = [-1, 4]
    try expectRefusal(of: writer, writer.tensors[5].name, "extent of 18446744073709551615")
    writer.tensors[5].shape = [1 << 40, 1 << 40]
    try expectRefusal(of: writer, writer.tensors[5].name, "cannot have shape")
    writer.tensors[5].shape = [1 << 20, 1 << 20]
    try expectRefusal(of: writer, writer.tensors[5].name, "beyond the end of the file")
    writer.tensors[5].shape = [3, 33]
    writer.tensors[5].typeNumber = 8
    try expectRefusal(of: writer, writer.tensors[5].name, "Q8_0", "cannot have shape [3, 33]")
    writer = try tiny()
    try expectRefusal(ofBytes: Array(writer.bytes().dropLast()), ["output.weight", "beyond the end"])
    // Many that are there several times are larger than any number when they are added up.
    writer.tensors[0].typeNumber = 0
    writer.tensors[0].shape = [writer.tensors.reduce(0) { $0 + $1.bytes.count } / 4]
    try expectRefusal(of: writer, "overlaps others")
  }

  /// To wait for a pipe to be written could take for ever.
  @Test func pipes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/model.gguf"
    #expect(mkfifo(path, 0o600) == 0)
    let error = #expect(throws: FileError.self) { try MappedFile(path: path) }
    #expect(error?.description.contains("not a regular file") == true)
  }

  @Test func alignment() throws {
    var writer = try tiny()
    for value in [UInt32(0), 3, 1 << 30] {
      writer.set("general.alignment", .uint32(value))
      try expectRefusal(of: writer, "general.alignment", "\(value)")
    }
    writer.set("general.alignment", .string("32"))
    try expectRefusal(of: writer, "general.alignment", "integer")
    // Tensors are aligned to 32 and the file says 4096.
    writer.set("general.alignment", .uint32(4096))
    try expectRefusal(of: writer, "aligned to 4096")
    // A larger alignment that the tensors keep is fine.
    writer = try tiny()
    writer.alignment = 256
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint.open(path: directory.write(writer.bytes(), to: "aligned.gguf"))
    #expect(checkpoint.tensors.allSatisfy { $0.offset % 256 == 0 })
    #expect(try checkpoint.tensor(named: "model.norm.weight")?.floats().count == 64)
  }

  @Test func architectures() throws {
    var writer = try tiny()
    writer.set("general.architecture", .string("mamba"))
    try expectRefusal(of: writer, "mamba", "llama", "qwen2")
    writer.remove("general.architecture")
    try expectRefusal(of: writer, "general.architecture", "missing")
  }

  @Test(arguments: [
    "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
    "attention.layer_norm_rms_epsilon",
  ])
  func missingKeys(key: String) throws {
    var writer = try tiny()
    writer.remove("llama.\(key)")
    try expectRefusal(of: writer, "llama.\(key)", "missing")
    writer.set("llama.\(key)", .string("x"))
    try expectRefusal(of: writer, "llama.\(key)", "a string")
  }

  @Test(arguments: [
    ("context_length", 0), ("context_length", 1 << 31), ("embedding_length", 0), ("embedding_length", 65),
    ("block_count", 0), ("block_count", 1_000_000), ("feed_forward_length", 0), ("attention.head_count", 0),
    ("attention.head_count_kv", 0), ("attention.head_count_kv", 3), ("attention.head_count_kv", 8),
    ("attention.key_length", 0), ("attention.value_length", 8), ("rope.dimension_count", 0),
    ("rope.dimension_count", 15), ("rope.dimension_count", 32), ("rope.dimension_count", 8), ("vocab_size", 95),
    ("vocab_size", 0), ("attention.key_length", 1 << 20),
  ])
  func contradictions(key: String, value: Int) throws {
    var writer = try tiny()
    writer.set("llama.\(key)", .uint32(UInt32(value)))
    // The error names the key itself or, of two that differ, the other one.
    try expectRefusal(of: writer, key.hasPrefix("attention") ? "llama.attention." : "llama.\(key)", "\(value)")
  }

  @Test func numbersThatMakeNoSense() throws {
    for value in [Float.nan, .infinity, -1, 2] {
      var writer = try tiny()
      writer.set("llama.attention.layer_norm_rms_epsilon", .float32(value))
      try expectRefusal(of: writer, "layer_norm_rms_epsilon")
    }
    for value in [Float.nan, .infinity, 0, -1] {
      var writer = try tiny()
      writer.set("llama.rope.freq_base", .float32(value))
      try expectRefusal(of: writer, "rope.freq_base")
    }
    var writer = try tiny()
    writer.set("tokenizer.ggml.eos_token_id", .uint32(.max))
    try expectRefusal(of: writer, "eos_token_id", "not a token")
    writer = try tiny()
    writer.set("tokenizer.ggml.tokens", .strings((0..<97).map(String.init)))
    try expectRefusal(of: writer, "tokenizer.ggml.tokens", "97", "96")
  }

  @Test func featuresThatAreNotSupported() throws {
    for type in ["yarn", "dynamic", "longrope"] {
      var writer = try tiny()
      writer.set("llama.rope.scaling.type", .string(type))
      try expectRefusal(of: writer, type, "llama.rope.scaling.type")
    }
    let values: [(String, GGUFWriter.Value)] = [
      ("llama.expert_count", .uint32(8)), ("llama.attention.clamp_kqv", .float32(8)),
      ("llama.final_logit_softcapping", .float32(30)), ("llama.logit_scale", .float32(0.5)),
      ("llama.use_parallel_residual", .bool(true)), ("llama.attention.causal", .bool(false)),
      ("split.count", .uint16(2)),
    ]
    for (key, value) in values {
      var writer = try tiny()
      writer.set(key, value)
      try expectRefusal(of: writer, key, "not supported")
    }
    var writer = try tiny()
    writer.set("llama.expert_count", .uint32(0))
    writer.set("llama.rope.scaling.type", .string("none"))
    let directory = try TemporaryDirectory()
    #expect(try Checkpoint.open(path: directory.write(writer.bytes(), to: "neutral.gguf")).tensors.count == 21)
  }

  @Test func rotaryFrequencyFactors() throws {
    func withFactors(_ factors: [Float]) throws -> GGUFWriter {
      var writer = try tiny()
      writer.tensors.append(
        .init(
          name: "rope_freqs.weight", type: .f32, shape: [factors.count], bytes: TinyWeights.bytes(factors, type: .f32)))
      return writer
    }
    try expectRefusal(of: try withFactors([1, 2, 3]), "rope_freqs.weight", "[3]", "[8]")
    try expectRefusal(of: try withFactors([1, 1, 1, 1, 1, 1, 1, 0]), "rope_freqs.weight", "not positive")
    var writer = try withFactors([1, 1, 1, 1, 1, 1, 1, 2])
    writer.set("llama.rope.scaling.factor", .float32(2))
    try expectRefusal(of: writer, "rope_freqs.weight", "factor")
  }

  @Test func rowsThatAreNotHeads() throws {
    var writer = try tiny()
    let index = try #require(writer.tensors.firstIndex { $0.name == "blk.0.attn_q.weight" })
    writer.tensors[index].shape = [63, 64]
    try expectRefusal(of: writer, "model.layers.0.self_attn.q_proj.weight", "63 rows", "4 rotary heads")
    writer = try tiny()
    writer.tensors.removeAll { $0.name == "token_embd.weight" }
    try expectRefusal(of: writer, "model.embed_tokens.weight", "missing")
  }

  @Test func unknownTensorsAreLeftOver() throws {
    var writer = try tiny()
    writer.tensors.append(
      .init(name: "blk.0.attn_sinks.weight", type: .f32, shape: [1], bytes: [0, 0, 0, 0]))
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint.open(path: directory.write(writer.bytes(), to: "more.gguf"))
    let weights = WeightScope(checkpoint: checkpoint)
    for tensor in checkpoint.tensors where tensor.name.hasPrefix("model.") || tensor.name.hasPrefix("lm_head") {
      _ = try weights.tensor(tensor.name, shape: tensor.shape)
    }
    expectRefusal("more.gguf", "blk.0.attn_sinks.weight") { try weights.requireEverythingRead() }
  }

  @Test func pathsThatLeadNowhere() throws {
    expectRefusal("/nowhere/at/all.gguf", "No such file") { try Checkpoint.open(path: "/nowhere/at/all.gguf") }
    let directory = try TemporaryDirectory()
    expectRefusal(directory.path, "not a regular file", "config.json") { try Checkpoint.open(path: directory.path) }
  }
}
