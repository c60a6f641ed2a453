internal import JSON
internal import Tensors

extension Checkpoint {
  /// Opens a directory with `config.json`, safetensors files and what else may lie beside them.
  ///
  /// - Throws: a ``CheckpointError`` that names the file and the key or tensor.
  package static func open(directory: String) throws(CheckpointError) -> Checkpoint {
    let config = try ConfigurationFile(path: "\(directory)/config.json")
    let configuration = try HuggingFaceConfigurationReader(config: config).configuration()
    let tokenizerJSON = try MappedFile.checkpointFile(ifPresent: "\(directory)/tokenizer.json")
    let tokenizerConfiguration = try MappedFile.checkpointFile(ifPresent: "\(directory)/tokenizer_config.json")
      .map { (file) throws(CheckpointError) in try ConfigurationFile.value(in: file) }
    let checkpoint = Checkpoint(
      path: directory, format: .huggingFace, configuration: configuration,
      tensors: try sorted(try SafetensorsDirectory.tensors(in: directory), file: directory),
      tokenizer: tokenizerJSON.map {
        .huggingFace(tokenizerJSON: $0, tokenizerConfiguration: tokenizerConfiguration)
      } ?? .missing,
      chatTemplate: try chatTemplate(in: directory, tokenizerConfiguration: tokenizerConfiguration),
      generation: try generationDefaults(in: directory, config: config))
    try configuration.validate(
      embedding: checkpoint.tensor(named: "model.embed_tokens.weight"), file: directory,
      keys: HuggingFaceConfigurationReader.keys)
    return checkpoint
  }

  /// The first of `chat_template.jinja`, `chat_template.json`, and the member of `tokenizer_config.json`.
  private static func chatTemplate(
    in directory: String, tokenizerConfiguration: JSONValue?
  ) throws(CheckpointError) -> String? {
    if let file = try MappedFile.checkpointFile(ifPresent: "\(directory)/chat_template.jinja") {
      guard let text = file.withBytes({ $0.text(0..<$0.byteCount) }) else {
        throw .malformed(file: file.path, offset: nil, problem: "the chat template is not UTF-8")
      }
      return text
    }
    let key = "chat_template"
    if let file = try ConfigurationFile(ifPresent: "\(directory)/chat_template.json") {
      return try template(file[key], file: file.path)
    }
    return try template(tokenizerConfiguration?[key], file: "\(directory)/tokenizer_config.json")
  }

  /// A template, or the one called "default" in a list of them.
  private static func template(_ value: JSONValue?, file: String) throws(CheckpointError) -> String? {
    switch value {
    case nil, .null:
      return nil
    case .string(let text):
      return text
    case .array(let templates):
      for template in templates where template["name"]?.stringValue == "default" {
        if let text = template["template"]?.stringValue { return text }
      }
      throw .invalidConfiguration(file: file, key: "chat_template", problem: "has no template called default")
    default:
      throw .invalidConfiguration(file: file, key: "chat_template", problem: "must be a string or a list of templates")
    }
  }

  /// `generation_config.json` wins over `config.json`, value by value.
  private static func generationDefaults(
    in directory: String, config: ConfigurationFile
  ) throws(CheckpointError) -> GenerationDefaults {
    let generation = try ConfigurationFile(ifPresent: "\(directory)/generation_config.json")
    let ends = try generation?.tokens("eos_token_id") ?? []
    let begins = try generation?.tokens("bos_token_id") ?? []
    return GenerationDefaults(
      eosTokenIDs: ends.isEmpty ? try config.tokens("eos_token_id") : ends,
      bosTokenID: begins.isEmpty ? try config.tokens("bos_token_id").first : begins.first,
      temperature: try generation?.number("temperature"), topK: try generation?.integer("top_k"),
      topP: try generation?.number("top_p"))
  }
}
