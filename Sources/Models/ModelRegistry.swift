package import Checkpoints

/// A family of models: its name in checkpoints and how to build it.
protocol ModelFamily {
  /// `general.architecture` of GGUF and `model_type` of Hugging Face.
  static var architecture: String { get }

  /// Reads the weights and builds the model on `backend`.
  static func build<B: Backend>(
    _ configuration: ModelConfiguration, weights: WeightScope, backend: B
  ) throws -> any Model<B>
}

/// The families that this version knows: one row each.
package enum ModelRegistry {
  private static var families: [any ModelFamily.Type] {
    [
      Llama.self,
      Qwen2.self,
    ]
  }

  /// The names of the supported architectures.
  package static var architectures: [String] { families.map { $0.architecture } }

  /// Builds the checkpoint's model on `backend` and checks that every tensor of the checkpoint was used.
  ///
  /// - Throws: `CheckpointError` for a missing, misshapen or unused tensor, ``UnsupportedArchitecture``, or what the
  ///   backend throws.
  package static func build<B: Backend>(_ checkpoint: Checkpoint, on backend: B) throws -> any Model<B> {
    let name = checkpoint.configuration.architecture
    guard let family = families.first(where: { $0.architecture == name }) else {
      throw UnsupportedArchitecture(name: name, file: checkpoint.path)
    }
    let weights = WeightScope(checkpoint: checkpoint)
    let model = try family.build(checkpoint.configuration, weights: weights, backend: backend)
    try weights.requireEverythingRead()
    return model
  }
}

/// A checkpoint of a family that this version does not know.
package struct UnsupportedArchitecture: Error, CustomStringConvertible {
  /// The architecture's name in the checkpoint.
  package let name: String
  /// The checkpoint.
  package let file: String

  package var description: String {
    "\(file): architecture \"\(name)\" is not supported; supported are "
      + ModelRegistry.architectures.joined(separator: ", ")
  }
}
