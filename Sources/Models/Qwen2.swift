internal import Checkpoints

/// Qwen2 and Qwen2.5 (Yang et al., 2024): the Llama decoder with biases on query, key and value, and, where the
/// configuration says so, a sliding window.
enum Qwen2: ModelFamily {
  static let architecture = "qwen2"

  static func build<B: Backend>(
    _ configuration: ModelConfiguration, weights: WeightScope, backend: B
  ) throws -> any Model<B> {
    var configuration = configuration
    configuration.attentionInputBias = true
    configuration.attentionOutputBias = false
    configuration.mlpBias = false
    return try PreNormDecoder(configuration, weights: weights, backend: backend)
  }
}
