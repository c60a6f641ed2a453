internal import Tensors

/// Reads a model configuration from GGUF metadata and from which tensors there are.
struct GGUFConfigurationReader {
  let metadata: GGUFMetadata
  let tensors: [GGUFTensorInfo]
  /// `general.architecture`; the prefix of the model's keys.
  let architecture: String

  private var file: String { metadata.file.path }

  /// Finds out the architecture.
  ///
  /// - Throws: ``CheckpointError/unsupported(file:feature:)`` naming an architecture whose tensor names are unknown.
  init(_ contents: GGUFContents) throws(CheckpointError) {
    metadata = contents.metadata
    tensors = contents.tensors
    guard let name = try metadata.string("general.architecture") else {
      throw .invalidConfiguration(file: metadata.file.path, key: "general.architecture", problem: "is missing")
    }
    guard GGUFTensorNames.architectures.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
      throw .unsupported(
        file: metadata.file.path,
        feature: "the GGUF architecture \(name) is not supported, only "
          + GGUFTensorNames.architectures.joined(separator: ", "))
    }
    architecture = name
  }

  /// The names of the keys.
  var keys: ConfigurationKeys {
    ConfigurationKeys(
      vocabularySize: key("vocab_size"), hiddenSize: key("embedding_length"),
      intermediateSize: key("feed_forward_length"), layerCount: key("block_count"),
      headCount: key("attention.head_count"), keyValueHeadCount: key("attention.head_count_kv"),
      headDimension: key("attention.key_length"), maximumPositions: key("context_length"),
      normEpsilon: key("attention.layer_norm_rms_epsilon"), ropeBase: key("rope.freq_base"),
      ropeDimension: key("rope.dimension_count"), slidingWindow: key("attention.sliding_window"))
  }

  /// The whole configuration, checked.
  ///
  /// - Parameter frequencyFactors: the contents of `rope_freqs.weight`, if the file has it.
  func configuration(frequencyFactors: [Float]?) throws(CheckpointError) -> ModelConfiguration {
    try refuseUnsupportedValues()
    let hiddenSize = try required("embedding_length")
    let headCount = try required("attention.head_count")
    let headDimension = try headDimension(hiddenSize: hiddenSize, headCount: headCount)
    let slidingWindow = try metadata.integer(key("attention.sliding_window"))
    let configuration = ModelConfiguration(
      architecture: architecture, vocabularySize: try vocabularySize(), hiddenSize: hiddenSize,
      intermediateSize: try required("feed_forward_length"), layerCount: try required("block_count"),
      headCount: headCount,
      keyValueHeadCount: try metadata.integer(key("attention.head_count_kv")) ?? headCount,
      headDimension: headDimension, maximumPositions: try required("context_length"),
      normEpsilon: Float(try requiredNumber("attention.layer_norm_rms_epsilon")),
      rope: RopeConfiguration(
        base: try metadata.number(key("rope.freq_base")) ?? 10_000,
        dimension: try metadata.integer(key("rope.dimension_count")) ?? headDimension,
        scaling: try ropeScaling(frequencyFactors: frequencyFactors)),
      tiedEmbeddings: !hasTensor("output.weight"),
      attentionInputBias: architecture == "qwen2" || hasTensor("blk.0.attn_q.bias"),
      attentionOutputBias: hasTensor("blk.0.attn_output.bias"), mlpBias: hasTensor("blk.0.ffn_down.bias"),
      slidingWindow: slidingWindow == 0 ? nil : slidingWindow)
    try configuration.validate(file: file, keys: keys)
    try validateRotation(configuration)
    return configuration
  }

  private func key(_ suffix: String) -> String { "\(architecture).\(suffix)" }

  private func hasTensor(_ name: String) -> Bool { tensors.contains { $0.name.utf8.elementsEqual(name.utf8) } }

  private func refuse(_ suffix: String, _ problem: String) -> CheckpointError {
    .invalidConfiguration(file: file, key: key(suffix), problem: problem)
  }

  private func required(_ suffix: String) throws(CheckpointError) -> Int {
    guard let value = try metadata.integer(key(suffix)) else { throw refuse(suffix, "is missing") }
    return value
  }

  private func requiredNumber(_ suffix: String) throws(CheckpointError) -> Double {
    guard let value = try metadata.number(key(suffix)) else { throw refuse(suffix, "is missing") }
    return value
  }

  /// The number of rows of the embedding table, which the key must agree with and the tokens must fit.
  private func vocabularySize() throws(CheckpointError) -> Int {
    let tokenCount = try metadata.strings("tokenizer.ggml.tokens")?.count
    let rows = tensors.first { $0.name.utf8.elementsEqual("token_embd.weight".utf8) }?.shape.first
    guard let size = try metadata.integer(key("vocab_size")) ?? rows ?? tokenCount else {
      throw refuse("vocab_size", "is missing")
    }
    if let tokenCount, tokenCount > size {
      throw .invalidConfiguration(
        file: file, key: "tokenizer.ggml.tokens",
        problem: "has \(tokenCount) tokens, but the vocabulary size is \(size)")
    }
    return size
  }

  private func headDimension(hiddenSize: Int, headCount: Int) throws(CheckpointError) -> Int {
    guard headCount > 0 else { throw refuse("attention.head_count", "is \(headCount), not a positive number") }
    let keyLength = try metadata.integer(key("attention.key_length"))
    let valueLength = try metadata.integer(key("attention.value_length"))
    if let keyLength {
      if let valueLength, valueLength != keyLength {
        throw refuse(
          "attention.value_length", "is \(valueLength), but the keys' is \(keyLength); that is not supported")
      }
      return keyLength
    }
    guard hiddenSize % headCount == 0 else {
      throw refuse("attention.head_count", "is \(headCount), which does not divide the hidden size, \(hiddenSize)")
    }
    if let valueLength, valueLength != hiddenSize / headCount {
      throw refuse("attention.value_length", "is \(valueLength), but the keys' is \(hiddenSize / headCount)")
    }
    return hiddenSize / headCount
  }

  private func ropeScaling(frequencyFactors: [Float]?) throws(CheckpointError) -> RopeScaling {
    let type = try metadata.string(key("rope.scaling.type"))
    let oldFactor = try metadata.number(key("rope.scale_linear"))
    let factor = try metadata.number(key("rope.scaling.factor")) ?? oldFactor
    let linear: RopeScaling
    switch type ?? "linear" {
    case "none":
      linear = .none
    case "linear":
      let factor = factor ?? 1
      guard factor.isFinite, factor > 0 else { throw refuse("rope.scaling.factor", "is \(factor), not positive") }
      linear = factor == 1 ? .none : .linear(factor: factor)
    case let type:
      throw .unsupported(
        file: file, feature: "rope scaling of type \(type) (\(key("rope.scaling.type"))) is not supported")
    }
    guard let frequencyFactors else { return linear }
    guard linear == .none else {
      throw .unsupported(
        file: file, feature: "rope scaling by \(GGUFTensorNames.rotaryFrequencyFactors) and a factor is not supported")
    }
    return .frequencyFactors(frequencyFactors)
  }

  private func validateRotation(_ configuration: ModelConfiguration) throws(CheckpointError) {
    let rope = configuration.rope
    // The rows of the Llama family are permuted over the whole head, which a partial rotation does not fit.
    guard architecture != "llama" || rope.dimension == configuration.headDimension else {
      throw .unsupported(
        file: file,
        feature: "\(keys.ropeDimension) of \(rope.dimension) in heads of \(configuration.headDimension): a partial "
          + "rotation is not supported for this architecture")
    }
    guard case .frequencyFactors(let factors) = rope.scaling else { return }
    guard factors.count == rope.dimension / 2 else {
      throw .misshapenTensor(
        name: GGUFTensorNames.rotaryFrequencyFactors, file: file, expected: [rope.dimension / 2],
        found: [factors.count])
    }
    guard factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw .invalidTensor(
        name: GGUFTensorNames.rotaryFrequencyFactors, file: file, problem: "has a divisor that is not positive")
    }
  }

  /// Refuses values that change what the model computes and that nothing here reads.
  private func refuseUnsupportedValues() throws(CheckpointError) {
    let neutralNumbers: [(String, [Double])] = [
      ("expert_count", [0]), ("expert_used_count", [0]), ("attention.max_alibi_bias", [0]),
      ("attention.clamp_kqv", [0]), ("attention.scale", [0]), ("attn_logit_softcapping", [0]),
      ("final_logit_softcapping", [0]), ("logit_scale", [0, 1]), ("residual_scale", [0, 1]),
      ("embedding_scale", [0, 1]), ("rope.scaling.attn_factor", [0, 1]),
    ]
    for (suffix, neutral) in neutralNumbers {
      guard let value = try metadata.number(key(suffix)), !neutral.contains(value) else { continue }
      throw .unsupported(file: file, feature: "\(key(suffix)) of \(value) is not supported")
    }
    for (suffix, neutral) in [("use_parallel_residual", false), ("attention.causal", true)] {
      guard let value = try metadata.bool(key(suffix)), value != neutral else { continue }
      throw .unsupported(file: file, feature: "\(key(suffix)) of \(value) is not supported")
    }
    if let parts = try metadata.integer("split.count"), parts > 1 {
      throw .unsupported(
        file: file, feature: "a GGUF model in \(parts) files (split.count) is not supported; merge them")
    }
  }
}
