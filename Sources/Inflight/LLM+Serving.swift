package import Decoding
package import Executor
package import JSON
package import ModelEngines
package import Requests
package import Resources
internal import Tokenization

/// What a server needs of a model beside what everybody uses.
extension LLM {
  /// Ends a request within one step; nothing happens if it has ended already.
  package func cancel(_ id: RequestID) { executor.cancel(id) }

  /// Finds out whether `count` requests of `sampleCount` samples would be refused now whatever they are, before work is put
  /// into them.
  ///
  /// - Throws: ``InflightError``.
  package func checkRoom(for count: Int = 1, sampleCount: Int = 1) throws(InflightError) {
    do { try executor.checkRoom(for: count, sampleCount: sampleCount) } catch { throw InflightError(error) }
  }

  /// The most requests of `sampleCount` samples, or beams, that can run and wait at a time.
  package func maximumRequestCount(sampleCount: Int) -> Int { executor.maximumRequestCount(sampleCount: sampleCount) }

  /// The most tokens of the prompts of several requests that have not started.
  package var maximumQueuedTokens: Int { executor.maximumQueuedTokens }

  /// What the engine can take.
  package var engineLimits: ModelEngineLimits { executor.engineLimits }

  /// The engine's cache.
  package var cacheGeometry: KVCacheGeometry { executor.cacheGeometry }

  /// The batch as it flies.
  package var board: BatchBoard { executor.board }

  /// Completes a prompt of tokens; if more samples are generated than are wanted, all come, with log-probabilities by which
  /// the reader chooses.
  ///
  /// - Throws: ``InflightError`` if the request is refused.
  package func samples(
    tokens: [TokenID], _ params: SamplingParams, priority: Int, cache: CacheOptions, controls: TokenControls
  ) throws(InflightError) -> CompletionStream {
    var request = GenerationRequest(
      promptTokens: tokens, params: params, priority: priority, endOfSequenceTokenIDs: text.endOfSequence, cache: cache)
    if params.sampleCount > params.n, params.logprobs == nil { request.params.logprobs = 0 }
    return try submit(request, controls: controls, reportsLogprobs: params.logprobs != nil)
  }

  /// The most bytes of a text that can fit into the longest sequence, whatever it says.
  package var maximumPromptBytes: Int {
    let (count, overflow) = engineLimits.maximumSequenceLength.multipliedReportingOverflow(
      by: text.maximumBytesPerToken)
    return overflow ? .max : count
  }

  /// What happens to the blocks of the cache, for one reader; nil unless the configuration asked for it.
  package var cacheEvents: AsyncStream<NumberedCacheEvent>? { executor.cacheEvents }

  /// What every block of the cache is used for; empty if that is not known.
  package func blockUses() async -> [BlockUse] { await executor.blockUses() }

  /// Whether the chat template shows tools to the model; true where that cannot be told.
  package var templateReadsTools: Bool { text.templateReadsTools }

  /// The source of the chat template; nil if there is none that can be used.
  package var chatTemplateSource: String? { text.templateSource }

  /// The text that the model's chat template makes of a conversation.
  ///
  /// - Parameters:
  ///   - messages: objects with `role`, `content` and what else templates read.
  ///   - tools: what the model may call, as templates read it.
  ///   - extra: more variables of the template.
  /// - Throws: ``InflightError`` if there is no template or it refuses the conversation.
  package func prompt(
    messages: [JSONValue], tools: [JSONValue]?, extra: [(name: String, value: JSONValue)]
  ) throws(InflightError) -> String {
    if let templateError = text.templateError { throw InflightError(.request, "the chat template: \(templateError)") }
    guard let template = text.template else {
      throw InflightError(.request, "the model has no chat template; use /v1/completions with a prompt")
    }
    do {
      return try template.render(messages: messages, tools: tools, extra: extra)
    } catch {
      throw InflightError(error)
    }
  }
}

extension CompletionStream {
  /// Ends the reading from any thread, and the request with it, whether or not the engine ever makes another step.
  package var abandonment: @Sendable () -> Void { outputs.abandonment }

  /// Nanoseconds that the request waited before it first held resources; nil as long as it waits.
  package var queueNanoseconds: UInt64? { outputs.queueNanoseconds }
}
