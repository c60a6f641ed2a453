import Checkpoints
import Foundation
import ModelEngines
import Models
import Tensors
import TestKit
import Testing

/// What an engine refuses, and in which words.
@Suite struct EngineSetupTests {
  static func message(_ options: EngineOptions, extra: String = "", kind: EngineKind = .cpu) -> String {
    do {
      let directory = try TemporaryDirectory()
      try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: extra)).writeHuggingFace(to: directory)
      _ = try kind.engine(try Checkpoint.open(path: directory.path), options: options)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: EngineKind.allCases) func optionsAreChecked(_ kind: EngineKind) {
    #expect(Self.message(.small, kind: kind) == "no error")
    #expect(Self.message(EngineOptions(threadCount: 0), kind: kind).contains("threadCount is 0"))
    #expect(Self.message(EngineOptions(maximumBatchTokens: 0), kind: kind).contains("maximumBatchTokens is 0"))
    #expect(Self.message(EngineOptions(maximumLogitsRows: -1), kind: kind).contains("maximumLogitsRows is -1"))
    #expect(Self.message(EngineOptions(cacheTokens: 0), kind: kind).contains("cacheTokens is 0"))
    #expect(Self.message(EngineOptions(cacheTokens: .max), kind: kind).contains("the cache of keys and values needs"))
    #expect(Self.message(EngineOptions(maximumSequenceLength: 129), kind: kind).contains("allowed is 1 to 128"))
  }

  @Test func unknownKernelsAreNamedWithTheKnownOnes() {
    let message = Self.message(EngineOptions(kernelTier: "mmx"))
    #expect(message.contains("mmx") && message.contains("scalar"))
  }

  @Test func wideHeadsAreRefusedByTheProcessor() {
    #expect(Self.message(.small, extra: "\"head_dim\": 258").contains("attention heads of 258"))
  }

  /// A file may claim to be larger than any memory: with holes, terabytes cost an attacker nothing.
  @Test(arguments: EngineKind.allCases) func aModelThatCannotFitIsRefused(_ kind: EngineKind) throws {
    let directory = try TemporaryDirectory()
    let config = TinyCheckpoint.config(extra: "\"head_dim\": 16")
    let hugeConfig = config.replacing("\"hidden_size\": 64", with: "\"hidden_size\": 65536")
      .replacing("\"vocab_size\": 96", with: "\"vocab_size\": 16777216")
    var writer = try TinyCheckpoint(configJSON: config).gguf()
    writer.set("llama.vocab_size", .uint32(16_777_216))
    writer.set("llama.embedding_length", .uint32(65_536))
    writer.tensors = try TinyCheckpoint(configJSON: hugeConfig).tensors.map { tensor in
      GGUFWriter.Tensor(
        name: TinyCheckpoint.ggufName(tensor.name), type: tensor.shape.count == 2 ? .f16 : .f32, shape: tensor.shape,
        bytes: [])
    }
    let path = try directory.write(writer.header(), to: "model.gguf")
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.truncate(atOffset: (1 << 42) + (1 << 32))
    try file.close()
    do {
      _ = try kind.engine(try Checkpoint.open(path: path), options: .small)
      Issue.record("the model was accepted")
    } catch {
      #expect("\(error)".contains("of memory are available"), "\(error)")
    }
  }

  @Test func missingAndUnusedTensorsAreNamed() throws {
    let directory = try TemporaryDirectory()
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    try tiny.writeHuggingFace(to: directory)
    // The weights are those of a model without biases; the configuration asks for them.
    try directory.write(TinyCheckpoint.config(extra: "\"attention_bias\": true"), to: "config.json")
    let missing = #expect(throws: CheckpointError.self) {
      try EngineKind.cpu.engine(try Checkpoint.open(path: directory.path), options: .small)
    }
    #expect("\(String(describing: missing))".contains("q_proj.bias"))

    let biased = try TinyCheckpoint(configJSON: TinyCheckpoint.config(extra: "\"attention_bias\": true"))
    try biased.writeHuggingFace(to: directory)
    try directory.write(TinyCheckpoint.config(), to: "config.json")
    let unused = #expect(throws: CheckpointError.self) {
      try EngineKind.cpu.engine(try Checkpoint.open(path: directory.path), options: .small)
    }
    #expect("\(String(describing: unused))".contains("q_proj.bias"))
  }
}
