import Checkpoints
import TestKit
import Testing

@Suite struct HuggingFaceConfigurationTests {
  private func open(modelType: String = "llama", _ extra: String) throws -> Checkpoint {
    let directory = try TemporaryDirectory()
    // The tensors are those of the plain configuration: only the embedding table is compared by opening.
    let plain = TinyCheckpoint.config(modelType: modelType)
    try TinyCheckpoint(configJSON: plain).writeHuggingFace(
      to: directory, files: ["config.json": ""])
    try directory.write(TinyCheckpoint.config(modelType: modelType, extra: extra), to: "config.json")
    return try Checkpoint.open(path: directory.path)
  }

  @Test func readsThePlainOne() throws {
    let configuration = try open("").configuration
    #expect(
      configuration
        == ModelConfiguration(
          architecture: "llama", vocabularySize: 96, hiddenSize: 64, intermediateSize: 96, layerCount: 2, headCount: 4,
          keyValueHeadCount: 2, headDimension: 16, maximumPositions: 128, normEpsilon: 1e-5,
          rope: RopeConfiguration(base: 10_000, dimension: 16)))
  }

  @Test func readsRotaryParametersOldAndNew() throws {
    func rope(_ extra: String) throws -> RopeConfiguration { try open(extra).configuration.rope }
    #expect(try rope(#""rope_theta": 500000"#).base == 500_000)
    #expect(try rope(#""rope_theta": null"#).base == 10_000)
    #expect(
      try rope(#""rope_theta": null, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}"#).base == 1e6)
    #expect(try rope(#""rope_scaling": null"#).scaling == .none)
    #expect(try rope(#""rope_scaling": {"type": "linear", "factor": 2}"#).scaling == .linear(factor: 2))
    #expect(
      try rope(#""rope_parameters": {"rope_theta": 5.0, "rope_type": "linear", "factor": 2.5}"#)
        == RopeConfiguration(base: 5, dimension: 16, scaling: .linear(factor: 2.5)))
    let llama3 = #"{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0"#
    for (text, original) in [("\(llama3)}", 128), (#"\#(llama3), "original_max_position_embeddings": 64}"#, 64)] {
      #expect(
        try rope("\"rope_scaling\": \(text)").scaling
          == .llama3(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: original))
    }
    #expect(try rope(#""head_dim": 32"#).dimension == 32)
    #expect(try rope(#""head_dim": null"#).dimension == 16)
  }

  @Test func readsBiasesAndHeads() throws {
    let biased = try open(#""attention_bias": true, "mlp_bias": true, "num_key_value_heads": null"#).configuration
    #expect(biased.attentionInputBias && biased.attentionOutputBias && biased.mlpBias)
    #expect(biased.keyValueHeadCount == 4)
    let qwen = try open(modelType: "qwen2", "").configuration
    #expect(qwen.attentionInputBias && !qwen.attentionOutputBias && !qwen.mlpBias)
  }

  @Test func readsTheSlidingWindow() throws {
    func window(_ modelType: String, _ extra: String) throws -> Int? {
      try open(modelType: modelType, extra).configuration.slidingWindow
    }
    #expect(try window("qwen2", #""sliding_window": 32"#) == nil)
    #expect(try window("qwen2", #""sliding_window": 32, "use_sliding_window": false"#) == nil)
    #expect(try window("qwen2", #""sliding_window": 32, "use_sliding_window": true"#) == 32)
    #expect(try window("qwen2", #""sliding_window": 32, "use_sliding_window": true, "max_window_layers": 2"#) == nil)
    #expect(try window("qwen2", #""sliding_window": null, "use_sliding_window": true"#) == nil)
    #expect(try window("mistral", #""sliding_window": 32"#) == 32)
    #expect(try window("mistral", #""sliding_window": null"#) == nil)
    expectRefusal("max_window_layers", "config.json") {
      try open(modelType: "qwen2", #""sliding_window": 32, "use_sliding_window": true, "max_window_layers": 1"#)
    }
  }

  @Test(arguments: [
    (#""quantization_config": {"quant_method": "awq"}"#, ["awq", "quantization_config"]),
    (#""quantization_config": {}"#, ["quantization_config"]), (#""hidden_act": "gelu""#, ["gelu", "hidden_act"]),
    (#""rope_scaling": {"type": "yarn", "factor": 4}"#, ["yarn", "rope_scaling"]),
    (#""rope_scaling": {"rope_type": "dynamic"}"#, ["dynamic"]),
    (#""rope_parameters": {"rope_type": "longrope"}"#, ["longrope", "rope_parameters"]),
    (#""rope_parameters": {"full_attention": {"rope_type": "default"}}"#, ["rope_parameters.full_attention"]),
    (#""rope_scaling": {"type": "linear"}"#, ["rope_scaling.factor", "missing"]),
    (#""rope_scaling": {"type": "linear", "factor": 0}"#, ["rope_scaling.factor", "positive"]),
    (
      #""rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 4, "high_freq_factor": 4}"#,
      ["rope_scaling.high_freq_factor"]
    ),
    (#""partial_rotary_factor": 0.5"#, ["partial_rotary_factor", "0.5"]),
    (#""rope_parameters": {"partial_rotary_factor": 0.5}"#, ["rope_parameters.partial_rotary_factor"]),
    (#""use_mrope": true"#, ["use_mrope"]), (#""num_local_experts": 8"#, ["num_local_experts", "8"]),
    (#""vocab_size": 95"#, ["vocab_size", "95", "[96, 64]"]), (#""hidden_size": 128"#, ["hidden_size", "128"]),
    (#""hidden_size": 65"#, ["num_attention_heads", "65"]), (#""hidden_size": "64""#, ["hidden_size", "integer"]),
    (#""hidden_size": null"#, ["hidden_size", "missing"]),
    (#""num_attention_heads": 0"#, ["num_attention_heads", "0"]),
    (#""num_key_value_heads": 3"#, ["num_key_value_heads", "3", "4"]),
    (#""num_hidden_layers": -1"#, ["num_hidden_layers"]),
    (#""head_dim": 15"#, ["head_dim", "15"]), (#""rms_norm_eps": null"#, ["rms_norm_eps", "missing"]),
    (#""rms_norm_eps": 5"#, ["rms_norm_eps"]), (#""rope_theta": -1"#, ["rope_theta"]),
    (#""max_position_embeddings": 1e30"#, ["max_position_embeddings", "integer"]),
    (#""model_type": null"#, ["model_type", "missing"]),
    (#""attention_bias": 1"#, ["attention_bias", "true or false"]),
    (#""eos_token_id": -2"#, ["eos_token_id"]), (#""eos_token_id": [1, "x"]"#, ["eos_token_id"]),
    (#""rope_scaling": []"#, ["rope_scaling", "object"]), (#""sliding_window": 0"#, ["sliding_window"]),
  ])
  func refusesByName(extra: String, parts: [String]) throws {
    let error = #expect(throws: CheckpointError.self, "\(extra)") { try open(extra) }
    for part in parts { #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")") }
  }

  @Test func refusesWhatIsNotJSON() throws {
    let directory = try TemporaryDirectory()
    for (text, part) in [("{", "line 1"), ("[]", "object"), ("", "line 1")] {
      try directory.write(text, to: "config.json")
      expectRefusal("config.json", part) { try Checkpoint.open(path: directory.path) }
    }
  }
}
