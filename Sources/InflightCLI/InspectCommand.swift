internal import ArgumentParser
internal import Checkpoints
internal import Inflight
internal import JSON
internal import Models
internal import Tokenization

/// `inflight inspect`
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "What is in a model: architecture, tensors, quantization, tokenizer, memory.",
    discussion: """
      EXAMPLES:
        inflight inspect --model model.gguf
        inflight inspect --model model.gguf --json | jq .tensors
        inflight inspect --model model.gguf --memory 4GiB --kv-cache-type int8
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var engine: EngineArguments

  @Flag(help: "Print one JSON object, with every tensor.")
  var json = false

  func run() async throws {
    let checkpoint = try await model.openCheckpoint()
    let text = Result { try LoadedText(checkpoint) }
    let options = engine.options()
    let memory = Result {
      try MemoryLedger(
        checkpoint, options: options.engine, secondTierByteCount: options.executor.secondTier.memoryByteCount)
    }
    let report = Inspection(checkpoint, text: text, memory: memory)
    StandardOutput.write(json ? report.json.serialized() + "\n" : report.words)
  }
}

/// What `inspect` says about a checkpoint.
struct Inspection {
  private let checkpoint: Checkpoint
  private let text: Result<LoadedText, any Error>
  private let memory: Result<MemoryLedger, any Error>

  init(_ checkpoint: Checkpoint, text: Result<LoadedText, any Error>, memory: Result<MemoryLedger, any Error>) {
    self.checkpoint = checkpoint
    self.text = text
    self.memory = memory
  }

  private var isSupported: Bool { ModelRegistry.architectures.contains(checkpoint.configuration.architecture) }

  private var format: String {
    switch checkpoint.format {
    case .gguf(let version): "GGUF version \(version)"
    case .huggingFace: "Hugging Face directory"
    }
  }

  /// Tensors and bytes of each element type.
  private var types: [(name: String, tensors: Int, bytes: Int)] {
    var types: [(name: String, tensors: Int, bytes: Int)] = []
    for tensor in checkpoint.tensors {
      let index =
        types.firstIndex { $0.name == tensor.type.rawValue }
        ?? {
          types.append((tensor.type.rawValue, 0, 0))
          return types.count - 1
        }()
      types[index].tensors += 1
      types[index].bytes += tensor.byteCount
    }
    return types.sorted { $0.bytes > $1.bytes }
  }

  private var parameterCount: Int { checkpoint.tensors.reduce(0) { $0 + $1.elementCount } }

  /// Bytes of the cache for one token: keys and values of every layer in float16.
  private var cacheBytesPerToken: Int {
    let c = checkpoint.configuration
    return c.layerCount * c.keyValueHeadCount * 2 * c.headDimension * 2
  }

  /// For people.
  var words: String {
    let c = checkpoint.configuration
    var lines = [
      "path            \(checkpoint.path)",
      "format          \(format)",
      "architecture    \(c.architecture)\(isSupported ? "" : " (not supported)")",
      "parameters      \(parameterCount)",
      "layers          \(c.layerCount), hidden \(c.hiddenSize), feed-forward \(c.intermediateSize)",
      "attention       \(c.headCount) heads, \(c.keyValueHeadCount) of keys and values, of \(c.headDimension)",
      "context         \(c.maximumPositions) tokens, rope base \(c.rope.base), scaling \(ropeScaling)",
      "embeddings      \(c.vocabularySize) tokens, \(c.tiedEmbeddings ? "tied" : "separate output")",
      "weights         \(checkpoint.tensorByteCount) bytes in \(checkpoint.tensors.count) tensors",
    ]
    lines += types.map { "                \($0.name): \($0.tensors) tensors, \($0.bytes) bytes" }
    switch text {
    case .success(let text):
      lines.append("tokenizer       \(text.tokenizer.vocabularySize) tokens, end of sequence \(text.endOfSequence)")
      lines.append("chat template   \(templateState(text))")
    case .failure(let error): lines.append("tokenizer       cannot be used: \(error)")
    }
    lines.append("cache           \(cacheBytesPerToken) bytes per token in float16")
    switch memory {
    case .success(let ledger): return lines.joined(separator: "\n") + "\n" + ledger.words
    case .failure(let error): return lines.joined(separator: "\n") + "\nmemory          \(error)\n"
    }
  }

  private func templateState(_ text: LoadedText) -> String {
    if let error = text.templateError { return "cannot be used: \(error)" }
    return text.template == nil ? "none" : "yes"
  }

  private var ropeScaling: String {
    switch checkpoint.configuration.rope.scaling {
    case .none: "none"
    case .linear(let factor): "linear by \(factor)"
    case .llama3(let factor, _, _, _): "llama3 by \(factor)"
    case .frequencyFactors: "by frequency factors"
    }
  }

  /// For programs.
  var json: JSONValue {
    let c = checkpoint.configuration
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    var members: [(String, JSONValue)] = [
      ("path", .string(checkpoint.path)), ("format", .string(format)),
      ("architecture", .string(c.architecture)), ("supported", .bool(isSupported)),
      ("parameters", count(parameterCount)), ("layers", count(c.layerCount)), ("hidden_size", count(c.hiddenSize)),
      ("intermediate_size", count(c.intermediateSize)), ("heads", count(c.headCount)),
      ("kv_heads", count(c.keyValueHeadCount)), ("head_dim", count(c.headDimension)),
      ("context_length", count(c.maximumPositions)), ("rope_base", .number(c.rope.base)),
      ("rope_scaling", .string(ropeScaling)), ("vocabulary_size", count(c.vocabularySize)),
      ("tied_embeddings", .bool(c.tiedEmbeddings)), ("weight_bytes", count(checkpoint.tensorByteCount)),
      ("cache_bytes_per_token", count(cacheBytesPerToken)),
      (
        "types",
        .array(
          types.map {
            .object([("type", .string($0.name)), ("tensors", count($0.tensors)), ("bytes", count($0.bytes))])
          })
      ),
    ]
    switch text {
    case .success(let text):
      members.append(
        (
          "tokenizer",
          .object([
            ("vocabulary_size", count(text.tokenizer.vocabularySize)),
            ("end_of_sequence", .array(text.endOfSequence.map { .integer(Int64($0)) })),
          ])
        ))
      members.append(("chat_template", .string(templateState(text))))
    case .failure(let error): members.append(("tokenizer_error", .string("\(error)")))
    }
    switch memory {
    case .success(let ledger): members.append(("memory", ledger.json))
    case .failure(let error): members.append(("memory_error", .string("\(error)")))
    }
    members.append(
      (
        "tensors",
        .array(
          checkpoint.tensors.map { tensor in
            .object([
              ("name", .string(tensor.name)), ("stored_name", .string(tensor.storedName)),
              ("type", .string(tensor.type.rawValue)), ("shape", .array(tensor.shape.map(count))),
              ("bytes", count(tensor.byteCount)),
            ])
          })
      ))
    return .object(members)
  }
}
