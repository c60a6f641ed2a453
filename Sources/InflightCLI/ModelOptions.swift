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

  @Option(
    help: ArgumentHelp(
      "Most memory for weights, work space and caches together: 6GiB, 80%. Default: 90% of what is available.",
      valueName: "bytes or share"))
  var memory: MemoryArgument?

  @Option(help: "Tokens that the cache of keys and values holds. Default: by the memory that there is.")
  var cacheTokens: Int?

  @Option(
    name: .customLong("kv-cache-type"),
    help: "How keys and values are kept: int16, f16, bf16, or int8 for half of the memory at some loss of accuracy.")
  var cacheType: KVCacheType = .int16

  @Option(help: "Tokens in a block of the cache: 16, 32 or 64.")
  var blockSize: Int = 32

  @OptionGroup var step: StepArguments

  @Option(help: "Kernels to use (for comparisons). Default: the best that the processor has.")
  var kernels: String?

  @Flag(help: "Say on standard error what the engine takes of the memory, item by item.")
  var verbose = false

  @OptionGroup(title: "SCHEDULING AND CACHE") var scheduling: SchedulingArguments
  @OptionGroup(title: "RECORDING") var recording: RecordingArguments

  func validate() throws {
    let counts = [
      ("--threads", threads), ("--max-sequence-length", maxSequenceLength), ("--cache-tokens", cacheTokens),
    ]
    for (name, value) in counts {
      if let value, value < 1 { throw ValidationError("\(name) is \(value); it must be at least 1") }
    }
    // Before a model is read, for which it may take a while.
    do throws(EngineError) { try options().engine.validate() } catch { throw usage(error) }
  }

  /// What is wrong with an option of the engine, by its name on the command line.
  private func usage(_ error: EngineError) -> ValidationError {
    guard case .invalidOption(let name, let value, let allowed) = error else {
      return ValidationError(error.description)
    }
    let names = [
      "threadCount": "--threads", "blockSize": "--block-size", "kernelTier": "--kernels",
      "maximumBatchTokens": "--max-batch-tokens",
    ]
    return ValidationError("\(names[name] ?? name) is \(value); allowed is \(allowed)")
  }

  func options(maximumBatchSize: Int = 256) -> LLMOptions {
    var executor = ExecutorConfiguration(
      maximumBatchSize: maximumBatchSize, maximumBatchTokens: step.maxBatchTokens, maximumChunkSize: step.chunkSize,
      maximumPrefillTokensPerStep: step.maxPrefillTokensPerStep,
      targetInterTokenLatency: step.targetInterTokenLatency.map { .nanoseconds(Int64($0 * 1e6)) })
    scheduling.apply(to: &executor)
    return LLMOptions(
      engine: EngineOptions(
        threadCount: threads, maximumBatchTokens: step.maxBatchTokens, maximumSequenceLength: maxSequenceLength,
        cacheTokens: cacheTokens, cacheType: cacheType, blockSize: blockSize, memory: memory?.limit,
        kernelTier: kernels),
      executor: executor, prefixCachePath: scheduling.prefixCacheFile, recording: recording.options)
  }
}

extension LLM {
  /// Loads a model with a progress bar on the terminal, and says what it takes of the memory if that was asked for.
  static func load(_ model: ModelArgument, _ engine: EngineArguments) async throws -> LLM {
    let llm = try await load(model, options: engine.options())
    if engine.verbose { llm.printMemory() }
    llm.printPrefixCacheFailures()
    return llm
  }

  /// Says on standard error what the engine takes of the memory.
  func printMemory() {
    if let memory { Terminal.write(memory.words) }
  }

  /// Says on standard error what is wrong with the file of the prefix cache; the answers are right without it.
  func printPrefixCacheFailures() {
    for failure in prefixCacheFailures { Terminal.write("inflight: \(failure)\n") }
  }

  /// Ends the engine, and says what could not be written.
  func close() async {
    let count = prefixCacheFailures.count
    await shutdown()
    for failure in prefixCacheFailures.dropFirst(count) { Terminal.write("inflight: \(failure)\n") }
    if let recordingFailure { Terminal.write("inflight: the recording is not complete: \(recordingFailure)\n") }
  }

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
