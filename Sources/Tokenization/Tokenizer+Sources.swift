package import Checkpoints
internal import JSON
internal import Tensors

extension Tokenizer {
  /// Reads the tokenizer of a checkpoint.
  ///
  /// - Throws: ``TokenizerError``; ``TokenizerError/unsupported(place:feature:)`` if the checkpoint has none.
  package init(_ source: TokenizerSource) throws(TokenizerError) {
    switch source {
    case .gguf(let metadata):
      try self.init(TokenizerDefinition(gguf: metadata))
    case .huggingFace(let file, let configuration):
      try self.init(huggingFaceJSON: Self.parse(file), configuration: configuration)
    case .missing:
      throw .unsupported(place: "the checkpoint", feature: "text without a tokenizer (there is no tokenizer.json)")
    }
  }

  private static func parse(_ file: MappedFile) throws(TokenizerError) -> JSONValue {
    do throws(JSONError) {
      return try file.withBytes { bytes throws(JSONError) in try JSONValue(parsing: bytes) }
    } catch {
      throw .invalidJSON(error)
    }
  }
}
