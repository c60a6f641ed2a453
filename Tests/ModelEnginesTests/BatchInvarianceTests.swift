import Checkpoints
import ModelEngines
import Requests
import Tensors
import TestKit
import Testing

/// The contract of a model engine: the bits of a row of logits depend on its own sequence only.
@Suite struct BatchInvarianceTests {
  static func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }

  /// A tiny model of quantized weights of every kind, in a GGUF file.
  static func quantizedCheckpoint(_ directory: TemporaryDirectory) throws -> Checkpoint {
    let config = """
      {"model_type": "llama", "vocab_size": 320, "hidden_size": 256, "intermediate_size": 512,
       "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 1024,
       "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false}
      """
    let types: [DType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K, .f16, .bf16, .f32]
    var writer = try TinyCheckpoint(configJSON: config, weightScale: 0.08).gguf()
    for (index, tensor) in writer.tensors.enumerated() where tensor.shape.count == 2 {
      let type = types[index % types.count]
      guard type.isQuantized else { continue }
      let blocks = tensor.shape[0] * tensor.shape[1] / type.blockElements
      writer.tensors[index] = GGUFWriter.Tensor(
        name: tensor.name, type: type, shape: tensor.shape, bytes: type.randomBlocks(count: blocks, seed: UInt64(index))
      )
    }
    let path = try directory.write(writer.bytes(), to: "model.gguf")
    return try Checkpoint.open(path: path)
  }

  static let kinds = ["quantized", "bfloat16"]

  /// A tiny model of quantized weights of every kind, or of weights in bfloat16.
  static func checkpoint(_ kind: String, in directory: TemporaryDirectory) throws -> Checkpoint {
    guard kind == "bfloat16" else { return try quantizedCheckpoint(directory) }
    let config = TinyCheckpoint.config(extra: "\"max_position_embeddings\": 1024").replacing(
      "\"max_position_embeddings\": 128, ", with: "")
    try TinyCheckpoint(configJSON: config, weightScale: 0.3).writeHuggingFace(to: directory, type: .bf16)
    return try Checkpoint.open(path: directory.path)
  }

  static func sequences(_ count: Int, vocabulary: Int, longest: Int) -> [[TokenID]] {
    var generator = SplitMix64(seed: 77)
    return (0..<count).map { index in
      (0..<(index == 0 ? longest : Int.random(in: 1...longest, using: &generator))).map { _ in
        TokenID.random(in: 0..<TokenID(vocabulary), using: &generator)
      }
    }
  }

  @Test(arguments: kinds)
  func aloneOrAmong31InAnyChunksOnAnyThreads(_ kind: String) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Self.checkpoint(kind, in: directory)
    func engine(threads: Int, tier: KernelTier) throws -> any ModelEngine {
      try EngineKind.cpu.engine(
        checkpoint,
        options: EngineOptions(
          threadCount: threads, maximumBatchTokens: 4096, maximumLogitsRows: 4096, cacheTokens: 8192,
          kernelTier: tier.name))
    }
    let all = Self.sequences(32, vocabulary: checkpoint.configuration.vocabularySize, longest: 100)
    let expected = Self.bits(try engine(threads: 1, tier: .best).logits(of: [all[0]], chunk: 4096)[0])
    for tier in KernelTier.available {
      // The scalar twin is a hundred times slower: one comparison is enough.
      let threadCounts = tier.name == "scalar" ? [2] : [1, 2, 3]
      for threads in threadCounts {
        let engine = try engine(threads: threads, tier: tier)
        let chunks = tier.name == "scalar" ? [32] : [1, 7, 32, 4096]
        for chunk in chunks {
          // Other blocks than before, whose stale contents must not matter.
          let alone = try engine.logits(of: [all[0]], chunk: chunk, firstBlock: chunk % 5)[0]
          #expect(Self.bits(alone) == expected, "\(kind), \(tier), \(threads) threads, chunks of \(chunk)")
        }
        if tier.name != "scalar" {
          for chunk in [32, 4096] {
            let among = try engine.logits(of: Array(all[1..<20]) + [all[0]] + Array(all[20...]), chunk: chunk)[19]
            #expect(Self.bits(among) == expected, "\(kind), \(tier), \(threads) threads, among others, \(chunk)")
          }
        }
      }
    }
  }

  /// Steps of many sequences, a token each, which threads take whole: from the rotation to the form that the next product needs.
  @Test(arguments: KVCacheType.allCases, kinds)
  func stepsOfManySequencesComputeWhatEachDoesAlone(_ type: KVCacheType, _ kind: String) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Self.checkpoint(kind, in: directory)
    let all = Self.sequences(26, vocabulary: checkpoint.configuration.vocabularySize, longest: 70)
    for tier in KernelTier.available where tier.name != "scalar" {
      for threads in [1, 2, 3] {
        let engine = try EngineKind.cpu.engine(
          checkpoint,
          options: EngineOptions(
            threadCount: threads, maximumBatchTokens: 4096, maximumLogitsRows: 4096, cacheTokens: 8192, cacheType: type,
            kernelTier: tier.name))
        let together = try engine.logits(of: all, chunk: 1)
        for index in [0, 7, 25] {
          let alone = try engine.logits(of: [all[index]], chunk: 4096, firstBlock: index)[0]
          let isSame = Self.bits(together[index]) == Self.bits(alone)
          #expect(isSame, "\(kind), \(type), \(tier), \(threads) threads, sequence \(index)")
        }
      }
    }
  }

  @Test func quantizedWeightsComputeWhatTheReferenceComputes() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Self.quantizedCheckpoint(directory)
    let tokens = Self.sequences(1, vocabulary: 320, longest: 40)
    let expected = try EngineKind.reference.engine(checkpoint, options: .small).logits(of: tokens, chunk: 64)[0]
    let actual = try EngineKind.cpu.engine(checkpoint, options: .small).logits(of: tokens, chunk: 64)[0]
    var (error, magnitude) = (0.0, 0.0)
    for (a, b) in zip(actual, expected) {
      for (x, y) in zip(a, b) {
        error += Double((x - y) * (x - y))
        magnitude += Double(y * y)
      }
    }
    // Activations are rounded to 8 bits in groups of 32: about one percent of their size.
    #expect((error / magnitude).squareRoot() < 0.05)
    #expect(magnitude > 0)
  }
}
