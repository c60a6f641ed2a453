/// The names that a file format gives to the sizes of a model, so that an error can name the right key.
struct ConfigurationKeys {
  let vocabularySize: String
  let hiddenSize: String
  let intermediateSize: String
  let layerCount: String
  let headCount: String
  let keyValueHeadCount: String
  let headDimension: String
  let maximumPositions: String
  let normEpsilon: String
  let ropeBase: String
  let ropeDimension: String
  let slidingWindow: String
}

extension ModelConfiguration {
  /// Checks that every size is positive and not absurd, and that the sizes fit each other.
  ///
  /// - Throws: ``CheckpointError/invalidConfiguration(file:key:problem:)``.
  func validate(file: String, keys: ConfigurationKeys) throws(CheckpointError) {
    let sizes = [
      (keys.vocabularySize, vocabularySize, 1 << 24), (keys.hiddenSize, hiddenSize, 1 << 20),
      (keys.intermediateSize, intermediateSize, 1 << 22), (keys.layerCount, layerCount, 1 << 12),
      (keys.headCount, headCount, 1 << 12), (keys.keyValueHeadCount, keyValueHeadCount, 1 << 12),
      (keys.headDimension, headDimension, 1 << 12), (keys.maximumPositions, maximumPositions, 1 << 30),
      (keys.slidingWindow, slidingWindow ?? 1, 1 << 30),
    ]
    for (key, value, most) in sizes where value < 1 || value > most {
      throw .invalidConfiguration(file: file, key: key, problem: "is \(value), not between 1 and \(most)")
    }
    func refuse(_ key: String, _ problem: String) -> CheckpointError {
      .invalidConfiguration(file: file, key: key, problem: problem)
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw refuse(
        keys.keyValueHeadCount, "is \(keyValueHeadCount), which does not divide \(keys.headCount), \(headCount)")
    }
    guard normEpsilon.isFinite, normEpsilon >= 0, normEpsilon < 1 else {
      throw refuse(keys.normEpsilon, "is \(normEpsilon), not a small positive number")
    }
    guard rope.base.isFinite, rope.base > 0 else {
      throw refuse(keys.ropeBase, "is \(rope.base), not a positive number")
    }
    guard rope.dimension > 0, rope.dimension % 2 == 0, rope.dimension <= headDimension else {
      throw refuse(
        keys.ropeDimension, "is \(rope.dimension), not an even number up to the head dimension, \(headDimension)")
    }
  }

  /// Checks the embedding table, which both formats must have, against the sizes.
  ///
  /// - Throws: ``CheckpointError/missingTensor(name:file:)`` or
  ///   ``CheckpointError/invalidConfiguration(file:key:problem:)``.
  func validate(
    embedding: TensorDescriptor?, file: String, keys: ConfigurationKeys
  ) throws(CheckpointError) {
    guard let embedding else { throw .missingTensor(name: "model.embed_tokens.weight", file: file) }
    for (extent, expected, key) in [
      (embedding.shape.first, vocabularySize, keys.vocabularySize),
      (embedding.shape.last, hiddenSize, keys.hiddenSize),
    ] where embedding.shape.count != 2 || extent != expected {
      throw .invalidConfiguration(
        file: file, key: key,
        problem: "is \(expected), but tensor \(embedding.storedName) has shape \(embedding.shape)")
    }
  }
}
