import Checkpoints
import Tensors
import TestKit
import Testing

/// Damaged files are refused or read; nothing traps, hangs, or takes much more memory than the file.
@Suite struct CheckpointFuzzTests {
  private static let rounds = isLongRun ? 100_000 : 4_000

  /// Opens and reads everything there is.
  private func readEverything(_ path: String) {
    guard let checkpoint = try? Checkpoint.open(path: path) else { return }
    var row: [Float] = []
    for tensor in checkpoint.tensors {
      if let values = try? tensor.floats() { #expect(values.count == tensor.elementCount) }
      try? tensor.rowFloats(0, into: &row)
    }
    _ = checkpoint.typeSummaries
    let weights = WeightScope(checkpoint: checkpoint)
    try? weights.requireEverythingRead()
    guard case .gguf(let metadata) = checkpoint.tokenizer else { return }
    for key in metadata.keys {
      _ = try? metadata.string(key)
      _ = try? metadata.integer(key)
      _ = try? metadata.number(key)
      _ = try? metadata.bool(key)
      _ = try? metadata.strings(key)?.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
      _ = try? metadata.integers(key)
      _ = try? metadata.floats(key)
      _ = try? metadata.bools(key)
    }
  }

  private func gguf() throws -> GGUFWriter {
    let config = """
      {"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
       "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-05,
       "attention_bias": true, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
       "high_freq_factor": 4.0, "original_max_position_embeddings": 8}}
      """
    return try TinyCheckpoint(configJSON: config).gguf(metadata: [
      ("tokenizer.ggml.tokens", .strings(["a", "b", "", "ab", "é"])), ("tokenizer.ggml.scores", .float32s([1, 2, 3])),
      ("tokenizer.ggml.token_type", .int32s([1, 1, 3])), ("flags", .bools([true, false])),
      (
        "nested",
        .raw(type: 9, bytes: [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0])
      ),
      ("tokenizer.chat_template", .string("{{ x }}")),
    ])
  }

  @Test func truncatedGGUF() throws {
    let writer = try gguf()
    let bytes = writer.bytes()
    let directory = try TemporaryDirectory()
    readEverything(try directory.write(bytes, to: "whole.gguf"))
    for count in 0..<writer.header().count + 40 {
      let path = try directory.write(Array(bytes.prefix(count)), to: "cut.gguf")
      #expect(throws: CheckpointError.self, "\(count) bytes") { try Checkpoint.open(path: path) }
    }
  }

  @Test func damagedGGUF() throws {
    let writer = try gguf()
    let bytes = writer.bytes()
    let headerCount = writer.header().count
    let directory = try TemporaryDirectory()
    var generator = SplitMix64(seed: 7)
    for _ in 0..<Self.rounds {
      let broken = damaged(bytes, headerCount: headerCount, &generator)
      readEverything(try directory.write(broken, to: "broken.gguf"))
    }
  }

  @Test func truncatedSafetensors() throws {
    let directory = try TemporaryDirectory()
    let bytes = try safetensors(directory)
    readEverything(directory.path)
    let headerCount = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    for count in 0..<headerCount + 40 {
      try directory.write(Array(bytes.prefix(count)), to: "model.safetensors")
      #expect(throws: CheckpointError.self, "\(count) bytes") { try Checkpoint.open(path: directory.path) }
    }
  }

  @Test func damagedSafetensors() throws {
    let directory = try TemporaryDirectory()
    let bytes = try safetensors(directory)
    let headerCount = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    var generator = SplitMix64(seed: 8)
    for _ in 0..<Self.rounds {
      try directory.write(damaged(bytes, headerCount: headerCount, &generator), to: "model.safetensors")
      readEverything(directory.path)
    }
  }

  @Test func damagedConfiguration() throws {
    let directory = try TemporaryDirectory()
    _ = try safetensors(directory)
    let text = Array(Self.config.utf8)
    var generator = SplitMix64(seed: 9)
    for _ in 0..<Self.rounds / 4 {
      var broken = text
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0..<broken.count, using: &generator)
        broken[index] = Array("0123456789-.e\",:{}[]".utf8).randomElement(using: &generator) ?? 0
      }
      try directory.write(broken, to: "config.json")
      readEverything(directory.path)
    }
  }

  private static let config = """
    {"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
     "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-05,
     "head_dim": 4, "sliding_window": 4, "rope_theta": 10000.0, "eos_token_id": [1, 2]}
    """

  private func safetensors(_ directory: TemporaryDirectory) throws -> [UInt8] {
    let tiny = try TinyCheckpoint(configJSON: Self.config)
    try tiny.writeHuggingFace(to: directory)
    let writer = SafetensorsWriter(
      tensors: tiny.tensors.map { tensor in
        .init(
          name: tensor.name, type: .bf16, shape: tensor.shape,
          bytes: [UInt8](repeating: 1, count: 2 * tensor.elementCount))
      })
    try directory.write(writer.bytes(), to: "model.safetensors")
    return writer.bytes()
  }

  /// Changes a few bits or bytes, most of them in the header, or writes an extreme integer over eight bytes.
  private func damaged(_ bytes: [UInt8], headerCount: Int, _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let inHeader = Int.random(in: 0..<8, using: &generator) > 0
      let index = Int.random(in: 0..<(inHeader ? headerCount : bytes.count) - 8, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
      case 2: bytes[index] = Array("0123456789-.e\",:{}[]".utf8).randomElement(using: &generator) ?? 0
      default:
        let extremes: [UInt64] = [0, 1, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 32, .max >> 1, .max, .max - 7]
        let value = extremes.randomElement(using: &generator) ?? 0
        for offset in 0..<8 { bytes[index + offset] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(offset))) }
      }
    }
    return bytes
  }
}
