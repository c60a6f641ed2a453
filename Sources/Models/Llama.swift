internal import Checkpoints

/// The Llama family (Touvron et al., 2023): Llama 1 to 3, SmolLM2, and everything that calls itself `llama`.
///
/// Grouped-query attention, rotary positions with `linear` or `llama3` scaling, RMS norms, a SiLU-gated feed-forward
/// layer; the output projection may be tied to the embeddings, and every projection may have a bias.
enum Llama: ModelFamily {
  static let architecture = "llama"

  static func build<B: Backend>(
    _ configuration: ModelConfiguration, weights: WeightScope, backend: B
  ) throws -> any Model<B> {
    try PreNormDecoder(configuration, weights: weights, backend: backend)
  }
}
