package import JSON
package import Tensors

/// Where a checkpoint keeps its tokenizer.
package enum TokenizerSource: Sendable {
  /// In the metadata of a GGUF file (`tokenizer.ggml.*`).
  case gguf(GGUFMetadata)
  /// In `tokenizer.json`, with the contents of `tokenizer_config.json` if there is one.
  case huggingFace(tokenizerJSON: MappedFile, tokenizerConfiguration: JSONValue?)
  /// Nowhere: the directory has no `tokenizer.json`. The weights can still be used with token identifiers.
  case missing
}
