import Checkpoints
import Foundation
import Tensors
import TestKit
import Testing

@Suite struct GGUFCheckpointTests {
  @Test func readsTheConfiguration() throws {
    let directory = try TemporaryDirectory()
    let path = try TinyCheckpoint(configJSON: TinyCheckpoint.config()).writeGGUF(
      to: directory,
      metadata: [
        ("tokenizer.ggml.eos_token_id", .uint32(7)), ("tokenizer.ggml.eot_token_id", .uint32(9)),
        ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.chat_template", .string("{{ messages }}")),
        ("general.sampling.temp", .float32(0.5)), ("general.sampling.top_k", .int32(20)),
      ])
    let checkpoint = try Checkpoint.open(path: path)
    #expect(
      checkpoint.configuration
        == ModelConfiguration(
          architecture: "llama", vocabularySize: 96, hiddenSize: 64, intermediateSize: 96, layerCount: 2, headCount: 4,
          keyValueHeadCount: 2, headDimension: 16, maximumPositions: 128, normEpsilon: 1e-5,
          rope: RopeConfiguration(base: 10_000, dimension: 16)))
    #expect(checkpoint.format == .gguf(version: 3))
    #expect(checkpoint.path == path)
    #expect(checkpoint.chatTemplate == "{{ messages }}")
    #expect(
      checkpoint.generation == GenerationDefaults(eosTokenIDs: [7, 9], bosTokenID: 1, temperature: 0.5, topK: 20))
    guard case .gguf = checkpoint.tokenizer else {
      Issue.record("the tokenizer is not in the file")
      return
    }
  }

  @Test func versionTwoIsReadAlike() throws {
    let directory = try TemporaryDirectory()
    var writer = try TinyCheckpoint(configJSON: TinyCheckpoint.config()).gguf()
    writer.version = 2
    let path = try directory.write(writer.bytes(), to: "two.gguf")
    #expect(try Checkpoint.open(path: path).format == .gguf(version: 2))
  }

  @Test(arguments: ["llama", "qwen2"])
  func bothFormatsHoldTheSameTensors(modelType: String) throws {
    let extra = modelType == "llama" ? #""attention_bias": true, "mlp_bias": true"# : ""
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config(modelType: modelType, extra: extra))
    let directory = try TemporaryDirectory()
    for (type, shardCount) in [(DType.f32, 1), (.bf16, 3), (.f16, 2)] {
      try tiny.writeHuggingFace(to: directory, type: type, shardCount: shardCount)
      let plain = try Checkpoint.open(path: directory.path)
      let gguf = try Checkpoint.open(path: tiny.writeGGUF(to: directory, matrixType: type))
      directory.remove("model.safetensors")
      #expect(plain.configuration == gguf.configuration)
      #expect(plain.configuration.attentionInputBias)
      #expect(plain.configuration.attentionOutputBias == (modelType == "llama"))
      #expect(plain.tensors.map(\.name) == gguf.tensors.map(\.name))
      #expect(plain.tensors.map(\.shape) == gguf.tensors.map(\.shape))
      for (left, right) in zip(plain.tensors, gguf.tensors) {
        if left.type == right.type {
          #expect(try left.floats() == right.floats(), "\(left.name)")
        } else {
          let values = try right.floats()
          #expect(try left.floats() == rounded(values, type: left.type, directory: directory), "\(left.name)")
        }
      }
      let permuted = gguf.tensors.filter { $0.rowOrder != .natural }.count
      #expect(permuted == (modelType == "llama" ? 8 : 0))
    }
  }

  private func rounded(_ values: [Float], type: DType, directory: TemporaryDirectory) throws -> [Float] {
    let bytes = TinyWeights.bytes(values, type: type)
    let file = try MappedFile(path: try directory.write(bytes, to: "rounded"))
    return try TensorDescriptor(
      name: "t", storedName: "t", type: type, shape: [values.count], file: file, offset: 0, byteCount: bytes.count
    ).floats()
  }

  @Test func rowsAreFoundOneByOne() throws {
    let tiny = try TinyCheckpoint(
      configJSON: TinyCheckpoint.config(extra: #""attention_bias": true"#)
        .replacingOccurrences(of: "\"hidden_size\": 64", with: "\"hidden_size\": 256"))
    let directory = try TemporaryDirectory()
    for type in DType.allCases {
      let checkpoint = try Checkpoint.open(path: tiny.writeGGUF(to: directory, matrixType: type))
      for tensor in checkpoint.tensors {
        let all = try tensor.floats()
        var row: [Float] = []
        for index in 0..<tensor.rowCount {
          try tensor.rowFloats(index, into: &row)
          #expect(row[...] == all[index * tensor.columnCount..<(index + 1) * tensor.columnCount])
        }
        #expect(Set((0..<tensor.rowCount).map(tensor.storedRow)) == Set(0..<tensor.rowCount))
        expectRefusal(tensor.name, "model.gguf") { try tensor.rowFloats(tensor.rowCount, into: &row) }
        expectRefusal(tensor.name, "model.gguf") { try tensor.rowFloats(-1, into: &row) }
      }
    }
  }

  @Test func storedRowsInterleaveTheHalvesOfEachHead() throws {
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint.open(path: tiny.writeGGUF(to: directory))
    let key = try #require(checkpoint.tensor(named: "model.layers.1.self_attn.k_proj.weight"))
    #expect(key.storedName == "blk.1.attn_k.weight")
    #expect(key.rowOrder == .interleavedRotary(headCount: 2))
    #expect((0..<4).map(key.storedRow) == [0, 2, 4, 6])
    #expect((8..<12).map(key.storedRow) == [1, 3, 5, 7])
    #expect((16..<18).map(key.storedRow) == [16, 18])
    let value = try #require(checkpoint.tensor(named: "model.layers.1.self_attn.v_proj.weight"))
    #expect(value.storedRow(5) == 5)
  }

  @Test func tiedEmbeddingsAndRopeScalings() throws {
    let directory = try TemporaryDirectory()
    func open(_ extra: String) throws -> ModelConfiguration {
      let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: extra))
      return try Checkpoint.open(path: tiny.writeGGUF(to: directory)).configuration
    }
    #expect(try open(#""tie_word_embeddings": true"#).tiedEmbeddings)
    #expect(try open(#""rope_scaling": {"type": "linear", "factor": 4.0}"#).rope.scaling == .linear(factor: 4))
    let llama3 = try open(
      #""rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "#
        + #""original_max_position_embeddings": 64}"#)
    guard case .frequencyFactors(let factors) = llama3.rope.scaling else {
      Issue.record("no factors")
      return
    }
    #expect(factors.count == 8)
    #expect(factors.first == 1 && factors.last == 8)
    #expect(factors == factors.sorted())
  }

  @Test func typesAreCounted() throws {
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint.open(path: tiny.writeGGUF(to: directory, matrixType: .q8_0))
    let summaries = checkpoint.typeSummaries
    #expect(summaries.map(\.type) == [.q8_0, .f32])
    #expect(summaries.map(\.tensorCount) == [16, 5])
    #expect(summaries.reduce(0) { $0 + $1.byteCount } == checkpoint.tensorByteCount)
    #expect(summaries.reduce(0) { $0 + $1.elementCount } == checkpoint.parameterCount)
    #expect(checkpoint.parameterCount == tiny.tensors.reduce(0) { $0 + $1.elementCount })
  }
}
