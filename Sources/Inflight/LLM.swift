internal import Checkpoints
public import Decoding
public import Executor
public import ModelEngines
internal import Recording
public import Requests
public import Resources
public import Scheduling
package import Tokenization

/// A language model, loaded and ready: text in, text out, many requests at a time.
///
/// ```swift
/// let llm = try await LLM(model: "model.gguf")
/// let completion = try await llm.generate("The capital of France is", SamplingParams(maxTokens: 16))
/// print(completion.text)
/// ```
///
/// All methods may be called from any number of tasks at the same time; requests are batched in flight, and the answer to
/// each is the same, bit for bit, as if it had been alone.
public final class LLM: Sendable {
  /// What the model is.
  public let information: ModelInformation
  /// What the engine takes of the memory; nil for an engine of one's own.
  public let memory: MemoryLedger?
  let text: LoadedText
  let executor: Executor
  private let recorder: FileRecorder?
  let grammars = GrammarCache()

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - model: a `.gguf` file, a Hugging Face directory, a name of the catalogue, or `hf:OWNER/REPO`; nil is the small
  ///     default model. What is not on this machine is downloaded.
  ///   - options: threads, memory and batch sizes.
  ///   - engine: an engine of your own; the model's weights are then not read, only its tokenizer is.
  ///   - scheduler: policies of your own.
  ///   - decoder: a decoder of your own.
  ///   - cache: a manager of the engine's cache of your own.
  ///   - resources: what else requests need.
  ///   - progress: told how far loading is; it must be quick.
  ///   - onStep: told what each step did; called on the engine's thread, it must be quick.
  /// - Throws: ``InflightError``.
  public init(
    model: String? = nil, options: LLMOptions = LLMOptions(), engine: sending (any ModelEngine)? = nil,
    scheduler: Scheduler? = nil, decoder: sending any Decoder = SamplingDecoder(),
    cache: sending (any KVCacheManaging)? = nil, resources: sending [any BaseResourceManager] = [],
    progress: (@Sendable (LoadingProgress) -> Void)? = nil,
    onStep: (@Sendable (StepStatistics) -> Void)? = nil
  ) async throws {
    let checkpoint = try await ModelLoader.open(model, progress: progress)
    // The tokenizer is read by one thread while the others pack the weights.
    async let text = LoadedText(checkpoint)
    let own = Self.names(
      decoder: !(decoder is SamplingDecoder), scheduler: scheduler != nil, cache: cache != nil,
      resources: !resources.isEmpty)
    if let engine {
      guard options.prefixCachePath == nil else {
        throw InflightError(
          .configuration,
          "prefixCachePath needs a hash of the model, which an engine of one's own must give: set executor.prefixCacheFile"
        )
      }
      recorder = try FileRecorder(options, checkpoint, engine: engine, modelHash: [], customParts: ["engine"] + own)
      executor = try Self.executor(engine, options, scheduler, decoder, cache, resources, recorder, onStep)
      information = ModelInformation(checkpoint, weightByteCount: 0)
      memory = nil
    } else {
      let ledger = try ModelLoader.ledger(checkpoint, options: options)
      var options = options
      options.engine.cacheTokens = ledger.cacheTokens
      let modelHash = options.needsModelHash ? ModelIdentity.model(checkpoint, options: options.engine) : []
      options.keepPrefixes(modelHash: modelHash)
      let engine = try ModelLoader.engine(checkpoint, options: options.engine, progress: progress)
      information = ModelInformation(checkpoint, weightByteCount: engine.backend.weightByteCount)
      recorder = try FileRecorder(options, checkpoint, engine: engine, modelHash: modelHash, customParts: own)
      executor = try Self.executor(engine, options, scheduler, decoder, cache, resources, recorder, onStep)
      memory = ledger
    }
    let loaded = try await text
    self.text = loaded
  }

  /// What of the executor's parts is the user's own.
  private static func names(decoder: Bool, scheduler: Bool, cache: Bool, resources: Bool) -> [String] {
    [
      (RecordingHeader.decoderPart, decoder), ("scheduler", scheduler), ("cache manager", cache),
      ("resource managers", resources),
    ].filter(\.1).map(\.0)
  }

  private static func executor(
    _ engine: sending any ModelEngine, _ options: LLMOptions, _ scheduler: Scheduler?, _ decoder: sending any Decoder,
    _ cache: sending (any KVCacheManaging)?, _ resources: sending [any BaseResourceManager],
    _ recorder: FileRecorder?, _ onStep: (@Sendable (StepStatistics) -> Void)?
  ) throws -> Executor {
    do {
      return try Executor(
        engine: engine, configuration: options.executor, scheduler: scheduler, decoder: decoder, cache: cache,
        otherResources: resources, recorder: recorder, onStep: onStep)
    } catch {
      throw InflightError(error)
    }
  }

  /// The tokenizer of the model.
  package var tokenizer: Tokenizer { text.tokenizer }
  /// The tokens that end an answer.
  package var endOfSequenceTokenIDs: [TokenID] { text.endOfSequence }

  // Generating.

  /// Completes one prompt.
  ///
  /// - Throws: ``InflightError``, also if more than one sample is asked for.
  public func generate(
    _ prompt: String, _ params: SamplingParams = SamplingParams(), controls: TokenControls = TokenControls()
  ) async throws -> Completion {
    try await samples(prompt, params, controls: controls).completion()
  }

  /// Completes one prompt ``SamplingParams/n`` times; the prompt is computed once. Of ``SamplingParams/bestOf`` samples
  /// the most probable are returned, best first.
  ///
  /// - Parameters:
  ///   - prompt: what to go on from; not empty.
  ///   - params: how tokens are chosen and how many samples there are.
  ///   - addSpecialTokens: whether the model's own beginning is put before the prompt; false for one that a chat template
  ///     has made, which has it.
  ///   - controls: a constraint on the text, and code of yours that edits the logits.
  /// - Throws: ``InflightError``.
  public func generateSamples(
    _ prompt: String, _ params: SamplingParams, addSpecialTokens: Bool = true,
    controls: TokenControls = TokenControls()
  ) async throws -> [Completion] {
    try await samples(prompt, params, addSpecialTokens: addSpecialTokens, controls: controls).completions()
  }

  /// Completes many prompts at a time; the completions are in the order of the prompts.
  ///
  /// - Throws: ``InflightError`` for the first prompt that is refused or fails; the others are then cancelled.
  public func generate(
    _ prompts: [String], _ params: SamplingParams = SamplingParams()
  ) async throws -> [Completion] {
    let streams = try prompts.map { try samples($0, params, controls: TokenControls()) }
    var completions: [Completion] = []
    for stream in streams { completions.append(try await stream.completion()) }
    return completions
  }

  /// Completes one prompt and hands out the text as it is generated.
  ///
  /// - Parameters:
  ///   - prompt: what to go on from; not empty.
  ///   - params: how tokens are chosen and when the completion ends.
  ///   - priority: requests of a higher priority go first.
  ///   - tag: a number of your own that scheduling policies see, such as a tenant.
  ///   - cache: with whom the request shares what it has in common with others, and how long that is kept.
  ///   - controls: a constraint on the text, and code of yours that edits the logits.
  /// - Throws: ``InflightError`` if the request is refused.
  public func stream(
    _ prompt: String, _ params: SamplingParams = SamplingParams(), priority: Int = 0, tag: UInt64 = 0,
    cache: CacheOptions = CacheOptions(), controls: TokenControls = TokenControls()
  ) throws(InflightError) -> CompletionStream {
    try stream(
      tokens: try encode(prompt), params, priority: priority, tag: tag, cache: cache, controls: controls)
  }

  /// Completes a prompt of tokens; the other parameters are those of a prompt of text.
  ///
  /// - Throws: ``InflightError`` if the request is refused.
  public func stream(
    tokens: [TokenID], _ params: SamplingParams = SamplingParams(), priority: Int = 0, tag: UInt64 = 0,
    cache: CacheOptions = CacheOptions(), controls: TokenControls = TokenControls()
  ) throws(InflightError) -> CompletionStream {
    if params.sampleCount > params.n {
      throw InflightError(
        .request,
        "best_of is \(params.sampleCount) and n is \(params.n): the best are known at the end only; use generateSamples"
      )
    }
    let request = GenerationRequest(
      promptTokens: tokens, params: params, priority: priority, tag: tag, endOfSequenceTokenIDs: text.endOfSequence,
      cache: cache)
    return try submit(request, controls: controls, reportsLogprobs: true)
  }

  /// The samples of a prompt, all that are generated.
  package func samples(
    _ prompt: String, _ params: SamplingParams, addSpecialTokens: Bool = true, controls: TokenControls
  ) throws(InflightError) -> CompletionStream {
    var request = GenerationRequest(
      promptTokens: try encode(prompt, addSpecialTokens: addSpecialTokens), params: params,
      endOfSequenceTokenIDs: text.endOfSequence)
    // The best are chosen by them.
    if params.sampleCount > params.n, params.logprobs == nil { request.params.logprobs = 0 }
    return try submit(request, controls: controls, reportsLogprobs: params.logprobs != nil)
  }

  func encode(_ prompt: String, addSpecialTokens: Bool = true) throws(InflightError) -> [TokenID] {
    guard !prompt.isEmpty else { throw InflightError(.request, "the prompt is empty; it must have at least one token") }
    return tokenizer.encode(prompt, addSpecialTokens: addSpecialTokens)
  }

  func submit(
    _ request: GenerationRequest, controls: TokenControls, reportsLogprobs: Bool
  ) throws(InflightError) -> CompletionStream {
    var request = request
    do {
      _ = try request.params.validated()
      if let count = request.params.truncatePrompt { request.promptTokens = Array(request.promptTokens.suffix(count)) }
      request.bannedSequences = tokenizer.sequences(ofWords: request.params.badWords)
      let prompt = try echo(request)
      return CompletionStream(
        try executor.submit(request, controls: controls), request,
        text: SampleText(request, prompt: prompt, tokenizer: tokenizer), executor: executor,
        reportsLogprobs: reportsLogprobs)
    } catch {
      throw InflightError(error)
    }
  }

  /// The text of the prompt, if it is to be repeated.
  private func echo(_ request: GenerationRequest) throws(InflightError) -> String {
    guard request.params.echo else { return "" }
    do {
      return try tokenizer.decode(request.promptTokens, skipSpecialTokens: request.params.skipSpecialTokens)
    } catch {
      throw InflightError(.request, "the prompt cannot be repeated: \(error)")
    }
  }

  // Conversations.

  /// Answers the last message of a conversation.
  ///
  /// - Throws: ``InflightError``.
  public func chat(
    _ messages: [ChatMessage], _ params: SamplingParams = SamplingParams(), controls: TokenControls = TokenControls()
  ) async throws -> Completion {
    try await streamChat(messages, params, controls: controls).completion()
  }

  /// Answers the last message of a conversation and hands out the text as it is generated.
  ///
  /// - Throws: ``InflightError`` if the model has no chat template or the request is refused.
  public func streamChat(
    _ messages: [ChatMessage], _ params: SamplingParams = SamplingParams(), controls: TokenControls = TokenControls()
  ) throws(InflightError) -> CompletionStream {
    // The template writes the special tokens itself.
    let tokens = tokenizer.encode(try prompt(for: messages), addSpecialTokens: false)
    return try stream(tokens: tokens, params, controls: controls)
  }

  /// The text that the model's chat template makes of a conversation, up to where the answer begins.
  ///
  /// - Throws: ``InflightError`` if the model has no chat template or the template refuses the messages.
  public func prompt(for messages: [ChatMessage]) throws(InflightError) -> String {
    if let templateError = text.templateError { throw InflightError(.model, "\(information.path): \(templateError)") }
    guard let template = text.template else {
      throw InflightError(.model, "\(information.path): the model has no chat template; use generate with a prompt")
    }
    do {
      return try template.render(messages: messages.map(\.json))
    } catch {
      throw InflightError(error)
    }
  }

  // Looking inside.

  /// What the executor has done so far.
  public func statistics() -> ExecutorStatistics { executor.statistics() }

  /// What went wrong with the file of the prefix cache: when it was read, and after ``shutdown(_:)`` when it was written.
  public var prefixCacheFailures: [CacheFileError] { executor.prefixCacheFailures }

  /// Why the recording is not complete, if there is one and it is not.
  public var recordingFailure: CacheFileError? { recorder?.failure }

  /// Why requests that wait do so, in words and numbers.
  public func explainWaiting() async -> [SchedulingExplanation] { await executor.explainWaiting() }

  /// Ends the engine's thread, after what was accepted has run or been cancelled.
  public func shutdown(_ mode: ShutdownMode = .cancelling) async { await executor.shutdown(mode) }
}
