internal import Checkpoints
internal import JSON

/// What a loaded model is.
public struct ModelInformation: Sendable, Equatable {
  /// The file or directory.
  public let path: String
  /// The family, for example "llama".
  public let architecture: String
  /// Longest sequence that the model was made for.
  public let contextLength: Int
  /// Number of tokens that the model knows.
  public let vocabularySize: Int
  /// Bytes of the weights in memory; 0 with an engine of the user's own.
  public let weightByteCount: Int
  /// Number of weights of the layers, without embeddings and output: a token of a prompt takes two operations for each.
  public let layerWeightCount: Int
  /// Whether the layers compute with integers, which is so if any of their weights is quantized.
  public let hasIntegerWeights: Bool

  init(_ checkpoint: Checkpoint, weightByteCount: Int) {
    let layers = checkpoint.tensors.filter { $0.shape.count == 2 && $0.name.utf8.starts(with: "model.layers.".utf8) }
    layerWeightCount = layers.reduce(0) { $0 + $1.elementCount }
    hasIntegerWeights = layers.contains { $0.type.isQuantized }
    path = checkpoint.path
    architecture = checkpoint.configuration.architecture
    contextLength = checkpoint.configuration.maximumPositions
    vocabularySize = checkpoint.configuration.vocabularySize
    self.weightByteCount = weightByteCount
  }
}

extension ChatMessage {
  /// The message as templates see it.
  var json: JSONValue {
    .object(
      JSONObject([.init(key: "role", value: .string(role)), .init(key: "content", value: .string(content))]))
  }
}
