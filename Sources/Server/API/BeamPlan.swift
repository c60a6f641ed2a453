internal import Inflight
internal import JSON

/// What a request asks for that wants the most probable answers and not drawn ones.
struct BeamPlan: Sendable {
  /// The prompts, in tokens; each becomes a search of its own.
  var prompts: [[TokenID]]
  /// How the searches go.
  var params: BeamSearchParams
  /// Requests of a higher priority go first.
  var priority: Int
  /// With whom the prompts share what is cached.
  var cache: CacheOptions

  /// The fields that a search looks at, or that change nothing about it.
  private static let fields = [
    "model", "prompt", "messages", "n", "best_of", "max_tokens", "max_completion_tokens", "stop_token_ids",
    "use_beam_search", "length_penalty", "chat_template_kwargs", "priority", "cache_salt", "user", "metadata",
  ]

  /// Reads the fields of ``RouteFields/beams``; nil if answers are drawn. `params` has what the other fields say.
  ///
  /// - Throws: ``APIError`` for fields that a search does not look at, and for too many beams.
  init?(_ fields: FieldValues, prompts: [[TokenID]], params: SamplingParams, llm: LLM) throws(APIError) {
    guard fields["use_beam_search"]?.boolValue ?? false else {
      guard fields["length_penalty"] == nil else {
        throw .invalid("length_penalty", "is only allowed when use_beam_search is true")
      }
      return nil
    }
    for name in fields.names where !Self.fields.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
      // What asks for nothing, and a temperature of 0, which clients send with it.
      let value = fields[name]
      if value?.boolValue == false || name == "temperature" && value?.doubleValue == 0 { continue }
      throw .invalid(name, "cannot be there together with use_beam_search")
    }
    self.prompts = prompts
    priority = fields["priority"]?.wholeNumber ?? 0
    cache = CacheOptions(salt: fields["cache_salt"]?.stringValue)
    let longest = prompts.reduce(0) { max($0, $1.count) }
    let room = max(1, llm.engineLimits.maximumSequenceLength - longest)
    self.params = BeamSearchParams(
      width: params.sampleCount, maxTokens: params.maxTokens ?? room, n: params.n,
      lengthPenalty: fields["length_penalty"]?.doubleValue ?? 1, stopTokenIDs: params.stopTokenIDs)
    do throws(SamplingParamsError) {
      _ = try self.params.validated(endTokenCount: Set(llm.endOfSequenceTokenIDs + params.stopTokenIDs).count)
    } catch {
      let isWidth = error.parameter.utf8.elementsEqual("beam_width".utf8)
      throw .invalid(
        isWidth ? fields["best_of"] == nil ? "n" : "best_of" : error.parameter,
        "is \(error.value); it must be \(error.allowed)")
    }
    try GenerationPlan.checkPlaces(prompts, sampleCount: self.params.width, llm)
    guard prompts.count * self.params.width <= GenerationPlan.maximumAnswers else {
      throw .invalid(
        "n", "\(prompts.count * self.params.width) beams are more than \(GenerationPlan.maximumAnswers) in one request")
    }
  }
}

extension GenerationRoute {
  /// Searches, and answers with what was found, best first.
  ///
  /// - Throws: ``APIError`` if a search is refused or fails.
  func run(_ plan: BeamPlan, llm: LLM) async throws(APIError) -> Answer {
    let generation = await Generation(exchange, llm: llm, state: state)
    var choices: [Shape.Choice] = []
    var usage = Usage()
    do {
      var pending: [PendingBeams] = []
      do throws(InflightError) {
        try llm.checkRoom(for: plan.prompts.count, sampleCount: plan.params.width)
        for prompt in plan.prompts {
          pending.append(try llm.beams(tokens: prompt, plan.params, priority: plan.priority, cache: plan.cache))
          generation.watch(pending[pending.count - 1].abandonment)
        }
      } catch {
        throw generation.refusal(error)
      }
      for search in pending {
        let (found, summary) = try await search.value()
        record(summary, queueNanoseconds: search.queueNanoseconds)
        usage.add(summary)
        for beam in found {
          var choice = shape.makeChoice(prompt: 0)
          let reason = beam.hasEnded ? beam.tokens.last.map(FinishReason.endOfSequence) : nil
          shape.add(CompletionChunk(whole: beam.text, finishReason: reason ?? .length), to: &choice)
          choices.append(choice)
        }
      }
    } catch {
      throw generation.fail(error)
    }
    generation.finish()
    usage.note(exchange)
    return await state.work.write(count: usage.completionCount) { [choices, usage] in
      document(choices, copyCount: 1, usage)
    }
  }

  /// Counts a search that has ended: its tokens are known with the last one only.
  private func record(_ summary: RequestSummary, queueNanoseconds: UInt64?) {
    state.metrics.recordStart(
      promptTokenCount: summary.promptTokenCount, queueSeconds: Double(queueNanoseconds ?? 0) / 1e9)
    state.metrics.recordFirstToken(exchange.seconds)
    state.metrics.recordTokens(summary.completionTokenCount)
    state.metrics.record(summary, totalSeconds: exchange.seconds)
  }
}
