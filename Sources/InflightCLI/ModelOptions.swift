public import ArgumentParser
internal import Catalogue
public import Inflight

extension KVCacheType: ExpressibleByArgument {}

/// Which model, for every command.
struct ModelArgument: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: "A .gguf file, a Hugging Face directory, a catalogue name or hf:OWNER/REPO. Default: the demo model.")
  var model: String?
}

/// How a model is run, for the commands that run one.
struct EngineArguments: ParsableArguments {
  @Option(help: "Number of threads. Default: the processors that this process may use.")
  var threads: Int?

  @Option(help: "Longest sequence, prompt and answer together. Default: what the model was made for.")
  var maxSequenceLength: Int?

  @Option(help: "Tokens that the cache of keys and values holds. Default: by the memory that is free.")
  var cacheTokens: Int?

  @Option(
    name: .customLong("kv-cache-type"),
    help: "How keys and values are kept: f16, bf16, or int8 for half of the memory at some loss of accuracy.")
  var cacheType: KVCacheType = .f16

  @Option(help: "Most tokens in one forward pass.")
  var maxBatchTokens: Int = 512

  @Option(help: "Most tokens of one prompt in one forward pass. Default: no limit but that of the pass.")
  var chunkSize: Int?

  @Option(help: "Kernels to use (for comparisons). Default: the best that the processor has.")
  var kernels: String?

  func options(maximumBatchSize: Int = 256) -> LLMOptions {
    LLMOptions(
      engine: EngineOptions(
        threadCount: threads, maximumBatchTokens: maxBatchTokens, maximumSequenceLength: maxSequenceLength,
        cacheTokens: cacheTokens, cacheType: cacheType, kernelTier: kernels),
      executor: ExecutorConfiguration(
        maximumBatchSize: maximumBatchSize, maximumBatchTokens: maxBatchTokens, maximumChunkSize: chunkSize))
  }
}

extension LLM {
  /// Loads a model with a progress bar on the terminal.
  static func load(
    _ model: ModelArgument, options: LLMOptions, onStep: (@Sendable (StepStatistics) -> Void)? = nil
  ) async throws -> LLM {
    let bar = ProgressBar()
    defer { bar.finish() }
    let path = try await ModelCatalogue().resolve(model.model, progress: bar)
    return try await LLM(model: path, options: options, progress: { bar.update($0) }, onStep: onStep)
  }
}
