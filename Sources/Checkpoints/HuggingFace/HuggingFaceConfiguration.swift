internal import JSON

/// Reads a model configuration from `config.json`.
struct HuggingFaceConfigurationReader {
  let config: ConfigurationFile

  /// The names of the keys.
  static let keys = ConfigurationKeys(
    vocabularySize: "vocab_size", hiddenSize: "hidden_size", intermediateSize: "intermediate_size",
    layerCount: "num_hidden_layers", headCount: "num_attention_heads", keyValueHeadCount: "num_key_value_heads",
    headDimension: "head_dim", maximumPositions: "max_position_embeddings", normEpsilon: "rms_norm_eps",
    ropeBase: "rope_theta", ropeDimension: "head_dim", slidingWindow: "sliding_window")

  /// The whole configuration, checked.
  func configuration() throws(CheckpointError) -> ModelConfiguration {
    try refuseUnsupportedValues()
    let architecture = try config.required("model_type", try config.string("model_type"))
    let hiddenSize = try size("hidden_size")
    let headCount = try size("num_attention_heads")
    let headDimension = try headDimension(hiddenSize: hiddenSize, headCount: headCount)
    let layerCount = try size("num_hidden_layers")
    let attentionBias = try config.bool("attention_bias")
    let configuration = ModelConfiguration(
      architecture: architecture, vocabularySize: try size("vocab_size"), hiddenSize: hiddenSize,
      intermediateSize: try size("intermediate_size"), layerCount: layerCount, headCount: headCount,
      keyValueHeadCount: try config.integer("num_key_value_heads") ?? headCount, headDimension: headDimension,
      maximumPositions: try size("max_position_embeddings"),
      normEpsilon: Float(try config.required("rms_norm_eps", try config.number("rms_norm_eps"))),
      rope: try rope(headDimension: headDimension),
      tiedEmbeddings: try config.bool("tie_word_embeddings") ?? false,
      // Qwen2 has biases on q, k and v, and never one on o; the others say so, for all four.
      attentionInputBias: architecture == "qwen2" || attentionBias ?? false,
      attentionOutputBias: architecture != "qwen2" && attentionBias ?? false,
      mlpBias: try config.bool("mlp_bias") ?? false,
      slidingWindow: try slidingWindow(architecture: architecture, layerCount: layerCount))
    try configuration.validate(file: config.path, keys: Self.keys)
    return configuration
  }

  private func size(_ key: String) throws(CheckpointError) -> Int {
    try config.required(key, try config.integer(key))
  }

  private func headDimension(hiddenSize: Int, headCount: Int) throws(CheckpointError) -> Int {
    if let dimension = try config.integer("head_dim") { return dimension }
    guard headCount > 0, hiddenSize % headCount == 0 else {
      throw config.refuse(
        "num_attention_heads", "is \(headCount), which does not divide hidden_size, \(hiddenSize)")
    }
    return hiddenSize / headCount
  }

  /// `rope_theta` and `rope_scaling`, or `rope_parameters`, which is both in one.
  private func rope(headDimension: Int) throws(CheckpointError) -> RopeConfiguration {
    let parameters = try config.child("rope_parameters")
    let scaling = try config.child("rope_scaling")
    let separateBase = try config.number("rope_theta")
    let base = try parameters?.number("rope_theta") ?? separateBase
    return RopeConfiguration(
      base: base ?? 10_000, dimension: headDimension, scaling: try ropeScaling(parameters ?? scaling))
  }

  private func ropeScaling(_ values: ConfigurationFile?) throws(CheckpointError) -> RopeScaling {
    guard let values else { return .none }
    if let layered = values.object.members.first(where: { $0.value.objectValue != nil }) {
      throw .unsupported(
        file: config.path,
        feature: "rotary parameters per kind of layer (\(values.prefix)\(layered.key)) are not supported")
    }
    if let fraction = try values.number("partial_rotary_factor"), fraction != 1 {
      throw .unsupported(
        file: config.path, feature: "\(values.prefix)partial_rotary_factor of \(fraction) is not supported")
    }
    let oldType = try values.string("type")
    switch try values.string("rope_type") ?? oldType ?? "default" {
    case "default":
      return .none
    case "linear":
      return .linear(factor: try positive(values, "factor"))
    case "llama3":
      let low = try positive(values, "low_freq_factor")
      let high = try positive(values, "high_freq_factor")
      guard high > low else { throw values.refuse("high_freq_factor", "is not above low_freq_factor") }
      let positions = try size("max_position_embeddings")
      let original = try values.integer("original_max_position_embeddings") ?? positions
      guard original > 0 else { throw values.refuse("original_max_position_embeddings", "is not positive") }
      return .llama3(
        factor: try positive(values, "factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalMaximumPositions: original)
    case let type:
      throw .unsupported(
        file: config.path, feature: "rope scaling of type \(type) (\(values.prefix)rope_type) is not supported")
    }
  }

  private func positive(_ values: ConfigurationFile, _ key: String) throws(CheckpointError) -> Double {
    let value = try values.required(key, try values.number(key))
    guard value.isFinite, value > 0 else { throw values.refuse(key, "is \(value), not positive") }
    return value
  }

  /// Qwen2 has a window only if `use_sliding_window` says so, and then from layer `max_window_layers` on; other
  /// families have one if it is not null.
  private func slidingWindow(architecture: String, layerCount: Int) throws(CheckpointError) -> Int? {
    let window = try config.integer("sliding_window")
    guard try config.bool("use_sliding_window") ?? (architecture != "qwen2") else { return nil }
    guard let window else { return nil }
    let fullLayers = try config.integer("max_window_layers") ?? 0
    if fullLayers >= layerCount { return nil }
    guard fullLayers <= 0 else {
      throw .unsupported(
        file: config.path,
        feature: "a sliding window from layer \(fullLayers) of \(layerCount) on (max_window_layers) is not supported")
    }
    return window
  }

  /// Refuses values that change what the model computes and that nothing here reads.
  private func refuseUnsupportedValues() throws(CheckpointError) {
    func refuse(_ feature: String) -> CheckpointError { .unsupported(file: config.path, feature: feature) }
    if let quantization = try config.child("quantization_config") {
      let method = try quantization.string("quant_method") ?? "an unnamed method"
      throw refuse("weights quantized by \(method) (quantization_config) are not supported; use a GGUF file")
    }
    for key in ["hidden_act", "hidden_activation"] {
      if let activation = try config.string(key), activation != "silu" {
        throw refuse("the activation \(activation) (\(key)) is not supported, only silu")
      }
    }
    if let fraction = try config.number("partial_rotary_factor"), fraction != 1 {
      throw refuse("partial_rotary_factor of \(fraction) is not supported")
    }
    if try config.bool("use_mrope") ?? false {
      throw refuse("multimodal rotary positions (use_mrope) are not supported")
    }
    for key in ["num_local_experts", "num_experts", "n_routed_experts"] {
      if let count = try config.integer(key), count > 0 { throw refuse("\(key) of \(count) is not supported") }
    }
  }
}
