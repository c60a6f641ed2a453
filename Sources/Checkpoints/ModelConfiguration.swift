/// What a decoder-only model is made of, read from `config.json` or from GGUF metadata.
///
/// The values were checked against each other when the checkpoint was opened: sizes are positive, `headCount` is a
/// multiple of `keyValueHeadCount`, and the embedding table has `vocabularySize` rows of `hiddenSize` columns.
package struct ModelConfiguration: Sendable, Equatable {
  /// The family: GGUF `general.architecture` or Hugging Face `model_type`, for example "llama" or "qwen2".
  package var architecture: String
  /// Number of rows of the embedding table.
  package var vocabularySize: Int
  /// Width of the residual stream.
  package var hiddenSize: Int
  /// Width of the gated feed-forward layer.
  package var intermediateSize: Int
  /// Number of decoder layers.
  package var layerCount: Int
  /// Number of query heads.
  package var headCount: Int
  /// Number of key and value heads; divides ``headCount``.
  package var keyValueHeadCount: Int
  /// Width of one head; not always `hiddenSize / headCount`.
  package var headDimension: Int
  /// Longest sequence the model was made for.
  package var maximumPositions: Int
  /// The epsilon of the root-mean-square norms.
  package var normEpsilon: Float
  /// Rotary position embedding.
  package var rope: RopeConfiguration
  /// Whether the output projection is the embedding table.
  package var tiedEmbeddings: Bool
  /// Whether the query, key and value projections have biases.
  package var attentionInputBias: Bool
  /// Whether the attention output projection has a bias.
  package var attentionOutputBias: Bool
  /// Whether the feed-forward projections have biases.
  package var mlpBias: Bool
  /// The gate's activation; "silu" is the only one that is read today.
  package var activation: String
  /// Number of positions a token attends to, itself included, or nil when attention is full.
  package var slidingWindow: Int?

  package init(
    architecture: String, vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int,
    headCount: Int, keyValueHeadCount: Int, headDimension: Int, maximumPositions: Int, normEpsilon: Float,
    rope: RopeConfiguration, tiedEmbeddings: Bool = false, attentionInputBias: Bool = false,
    attentionOutputBias: Bool = false, mlpBias: Bool = false, activation: String = "silu", slidingWindow: Int? = nil
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.maximumPositions = maximumPositions
    self.normEpsilon = normEpsilon
    self.rope = rope
    self.tiedEmbeddings = tiedEmbeddings
    self.attentionInputBias = attentionInputBias
    self.attentionOutputBias = attentionOutputBias
    self.mlpBias = mlpBias
    self.activation = activation
    self.slidingWindow = slidingWindow
  }
}

/// Rotary position embedding (Su et al., RoFormer), in the half-split order of Hugging Face: element `i` of a head
/// turns together with element `i + dimension / 2`.
package struct RopeConfiguration: Sendable, Equatable {
  /// The base of the geometric series of frequencies (`rope_theta`).
  package var base: Double
  /// Number of elements of a head that are rotated, from its first; even.
  package var dimension: Int
  /// How the frequencies are stretched for long contexts.
  package var scaling: RopeScaling

  package init(base: Double, dimension: Int, scaling: RopeScaling = .none) {
    self.base = base
    self.dimension = dimension
    self.scaling = scaling
  }
}

/// How the rotary frequencies differ from the plain series `base^(-2i / dimension)`.
package enum RopeScaling: Sendable, Equatable {
  /// Not at all.
  case none
  /// Every frequency is divided by `factor` (position interpolation).
  case linear(factor: Double)
  /// Llama 3.1: low frequencies are divided by `factor`, high ones kept, those between blended smoothly.
  case llama3(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalMaximumPositions: Int)
  /// GGUF `rope_freqs.weight`: the divisor of each rotated pair's frequency, `[dimension / 2]`.
  case frequencyFactors([Float])
}
