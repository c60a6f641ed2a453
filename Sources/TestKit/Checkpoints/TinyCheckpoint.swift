internal import JSON
package import Tensors

/// A complete checkpoint of a Llama-like model with ``TinyWeights``, made from the text of a `config.json`.
///
/// The configuration must be well formed and must name `model_type` ("llama" or "qwen2") and every size; it is written
/// to the directory as it is.
package struct TinyCheckpoint {
  /// A tensor by its canonical name.
  package struct Tensor {
    package let name: String
    /// Outermost first.
    package let shape: [Int]
    /// Number of heads whose rows a Llama-architecture GGUF file permutes; nil for other tensors.
    let rotaryHeadCount: Int?

    /// The number of elements.
    package var elementCount: Int { shape.reduce(1, *) }
  }

  /// The text of `config.json`.
  package let configJSON: String
  /// What the weights that are neither norms nor biases are multiplied by.
  package let weightScale: Float
  let config: JSONValue

  package init(configJSON: String, weightScale: Float = 0.1) throws {
    self.configJSON = configJSON
    self.weightScale = weightScale
    config = try JSONValue(parsing: configJSON)
  }

  /// A model that runs in microseconds: two layers, hidden size 64, four heads of 16, two of keys and values.
  package static func config(modelType: String = "llama", extra: String = "") -> String {
    """
    {"model_type": "\(modelType)", "vocab_size": 96, "hidden_size": 64, "intermediate_size": 96,
     "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
     "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false\(
       extra.isEmpty ? "" : ", " + extra)}
    """
  }

  /// Every tensor, in the order in which the model uses them.
  package var tensors: [Tensor] {
    let hidden = size("hidden_size")
    let inner = size("intermediate_size")
    var tensors = [matrix("model.embed_tokens", [size("vocab_size"), hidden])]
    for layer in 0..<size("num_hidden_layers") {
      let path = "model.layers.\(layer)"
      tensors.append(vector("\(path).input_layernorm.weight", hidden))
      tensors += projection("\(path).self_attn.q_proj", [headCount * headDimension, hidden], inputBias, headCount)
      tensors += projection("\(path).self_attn.k_proj", [headCountKV * headDimension, hidden], inputBias, headCountKV)
      tensors += projection("\(path).self_attn.v_proj", [headCountKV * headDimension, hidden], inputBias)
      tensors += projection("\(path).self_attn.o_proj", [hidden, headCount * headDimension], outputBias)
      tensors.append(vector("\(path).post_attention_layernorm.weight", hidden))
      tensors += projection("\(path).mlp.gate_proj", [inner, hidden], mlpBias)
      tensors += projection("\(path).mlp.up_proj", [inner, hidden], mlpBias)
      tensors += projection("\(path).mlp.down_proj", [hidden, inner], mlpBias)
    }
    tensors.append(vector("model.norm.weight", hidden))
    if config["tie_word_embeddings"]?.boolValue != true {
      tensors.append(matrix("lm_head", [size("vocab_size"), hidden]))
    }
    return tensors
  }

  /// The float32 values of a tensor before rounding to a stored type.
  package func values(_ tensor: Tensor) -> [Float] {
    TinyWeights.values(name: tensor.name, count: tensor.elementCount, scale: weightScale)
  }

  func size(_ key: String) -> Int {
    guard let value = config[key]?.intValue else { preconditionFailure("the configuration of a test needs \(key)") }
    return value
  }

  var modelType: String { config["model_type"]?.stringValue ?? "llama" }
  var headCount: Int { size("num_attention_heads") }
  var headCountKV: Int { config["num_key_value_heads"]?.intValue ?? headCount }
  var headDimension: Int { config["head_dim"]?.intValue ?? size("hidden_size") / headCount }
  private var inputBias: Bool { modelType == "qwen2" || config["attention_bias"]?.boolValue == true }
  private var outputBias: Bool { modelType != "qwen2" && config["attention_bias"]?.boolValue == true }
  private var mlpBias: Bool { config["mlp_bias"]?.boolValue == true }

  private func matrix(_ path: String, _ shape: [Int], rotaryHeadCount: Int? = nil) -> Tensor {
    Tensor(name: "\(path).weight", shape: shape, rotaryHeadCount: rotaryHeadCount)
  }

  private func vector(_ name: String, _ count: Int, rotaryHeadCount: Int? = nil) -> Tensor {
    Tensor(name: name, shape: [count], rotaryHeadCount: rotaryHeadCount)
  }

  private func projection(
    _ path: String, _ shape: [Int], _ hasBias: Bool, _ rotaryHeadCount: Int? = nil
  ) -> [Tensor] {
    let weight = matrix(path, shape, rotaryHeadCount: rotaryHeadCount)
    return hasBias ? [weight, vector("\(path).bias", shape[0], rotaryHeadCount: rotaryHeadCount)] : [weight]
  }
}

// MARK: - Hugging Face

extension TinyCheckpoint {
  /// Writes the files of a Hugging Face directory.
  ///
  /// - Parameters:
  ///   - type: the floating-point type of every tensor.
  ///   - shardCount: one makes `model.safetensors`; more make shards and an index.
  ///   - files: other files by name, `tokenizer.json` for example.
  package func writeHuggingFace(
    to directory: TemporaryDirectory, type: DType = .bf16, shardCount: Int = 1, files: [String: String] = [:]
  ) throws {
    try directory.write(configJSON, to: "config.json")
    for (name, text) in files { try directory.write(text, to: name) }
    let tensors = self.tensors
    guard shardCount > 1 else {
      try directory.write(safetensors(tensors[...], type: type), to: "model.safetensors")
      return
    }
    var map = JSONObject()
    for shard in 0..<shardCount {
      let part = tensors[tensors.count * shard / shardCount..<tensors.count * (shard + 1) / shardCount]
      let name = "model-\(shard + 1)-of-\(shardCount).safetensors"
      try directory.write(safetensors(part, type: type), to: name)
      map.members += part.map { JSONObject.Member(key: $0.name, value: .string(name)) }
    }
    let index = JSONValue.object(JSONObject([.init(key: "weight_map", value: .object(map))]))
    try directory.write(index.serialized(), to: "model.safetensors.index.json")
  }

  private func safetensors(_ tensors: ArraySlice<Tensor>, type: DType) -> [UInt8] {
    SafetensorsWriter(
      tensors: tensors.map { tensor in
        SafetensorsWriter.Tensor(
          name: tensor.name, type: type, shape: tensor.shape,
          bytes: TinyWeights.bytes(values(tensor), type: type))
      }
    ).bytes()
  }
}
