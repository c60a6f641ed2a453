internal import ArgumentParser
internal import Inflight
internal import JSON

/// `inflight generate`
struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Complete a prompt.",
    discussion: """
      EXAMPLES:
        inflight generate "The capital of France is" --max-tokens 16
        inflight generate --chat "Why is the sky blue?" --temperature 0.7 --seed 1
        echo "Once upon a time" | inflight generate --json
        inflight generate "My favourite colour is" --temperature 1 --samples 3
        inflight generate "Once upon a time" --beams 4 --length-penalty 0.8
      """)

  @Argument(help: "The prompt. Default: standard input.")
  var prompt: String?
  @OptionGroup var model: ModelArgument
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup(title: "FORM OF THE TEXT") var form: GrammarArguments
  @OptionGroup var engine: EngineArguments

  @Flag(help: "The prompt is a message of the user: apply the model's chat template.")
  var chat = false

  @Flag(help: "Print one JSON object with the text, the tokens and the speed; with several answers one for each.")
  var json = false

  @Flag(help: "Print the prompt before the text.")
  var echo = false

  @Option(help: "Number of answers; they are printed when all are there.")
  var samples: Int = 1

  @Option(help: "Number of answers to generate, of which the most probable --samples are printed.")
  var bestOf: Int?

  @Option(help: "Search for the most probable text with this many beams instead of sampling.")
  var beams: Int?

  @Option(parsing: .unconditional, help: "With --beams: above 0 prefers longer texts; between -16 and 16.")
  var lengthPenalty: Double = 1

  @Option(
    help: """
      With --beams: true ends the search when as many texts have ended as there are beams, false when the best that is under \
      way is worse than they are, never when nothing better can come.
      """)
  var earlyStopping: EarlyStopping = .false

  @Option(help: "With --json: the log-probabilities of the tokens, and of this many most probable ones at each place.")
  var logprobs: Int?

  /// When a beam search ends, in transformers' words.
  enum EarlyStopping: String, ExpressibleByArgument, CaseIterable {
    case `true`, `false`, never

    var rule: BeamSearchParams.EarlyStopping {
      switch self {
      case .true: .whenEnoughHaveEnded
      case .false: .whenUnlikely
      case .never: .never
      }
    }
  }

  func validate() throws {
    if logprobs != nil, !json { throw ValidationError("--logprobs needs --json") }
    do throws(SamplingParamsError) {
      _ = try params.validated()
      // How many tokens end a text is the model's, and makes the number of beams smaller than with one.
      if let beams { _ = try search(beams).validated(endTokenCount: 1) }
    } catch {
      throw error.usage
    }
    guard beams != nil else {
      if lengthPenalty != 1 { throw ValidationError("--length-penalty needs --beams") }
      if earlyStopping != .false { throw ValidationError("--early-stopping needs --beams") }
      return
    }
    // What a beam search does not look at is refused.
    var plain = SamplingParams(maxTokens: sampling.maxTokens)
    plain.stopTokenIDs = sampling.stopTokenId
    guard sampling.params == plain, bestOf == nil, !echo, !chat, form.isEmpty, logprobs == nil else {
      throw ValidationError(
        "--beams goes with --samples, --max-tokens, --stop-token-id, --length-penalty and --early-stopping only")
    }
  }

  func run() async throws {
    let prompt = try prompt ?? StandardInput.readText()
    let params = params
    let llm = try await LLM.load(model, engine)
    if let beams {
      try await search(prompt, beams, llm)
    } else if params.sampleCount > 1 {
      try await several(stream(prompt, params, llm))
    } else {
      try await one(prompt, params, llm)
    }
    await llm.close()
  }

  /// How tokens are chosen, where they are not searched for.
  private var params: SamplingParams {
    var params = sampling.params
    (params.n, params.bestOf, params.echo, params.logprobs) = (beams == nil ? samples : 1, bestOf, echo, logprobs)
    return params
  }

  /// How a search with so many beams goes.
  private func search(_ width: Int) -> BeamSearchParams {
    BeamSearchParams(
      width: width, maxTokens: sampling.maxTokens, n: samples, lengthPenalty: lengthPenalty,
      earlyStopping: earlyStopping.rule, stopTokenIDs: sampling.stopTokenId)
  }

  /// Prints the most probable texts that a beam search finds, best first.
  private func search(_ prompt: String, _ width: Int, _ llm: LLM) async throws {
    for (rank, beam) in try await llm.beamSearch(prompt, search(width)).enumerated() {
      guard json else {
        StandardOutput.write(samples == 1 ? "\(beam.text)\n" : "[\(rank)] \(beam.text)\n")
        continue
      }
      StandardOutput.write(
        .object([
          ("text", .string(beam.text)), ("token_ids", .array(beam.tokens.map { .integer(Int64($0)) })),
          ("logprob", .number(beam.logprob)), ("score", .number(beam.score)),
        ]))
    }
  }

  /// Begins to generate several answers.
  private func stream(_ prompt: String, _ params: SamplingParams, _ llm: LLM) throws -> CompletionStream {
    let text = chat ? try llm.prompt(for: [.user(prompt)]) : prompt
    return try llm.samples(text, params, addSpecialTokens: !chat, controls: form.controls(llm))
  }

  /// Prints several answers.
  private func several(_ stream: CompletionStream) async throws {
    for completion in try await stream.completions() { write(completion) }
  }

  /// Prints one of several answers.
  private func write(_ completion: Completion) {
    guard json else { return StandardOutput.write("[\(completion.sampleIndex)] \(completion.text)\n") }
    StandardOutput.write(
      .object(
        [
          ("index", .integer(Int64(completion.sampleIndex))), ("text", .string(completion.text)),
          ("token_ids", .array(completion.tokens.map { .integer(Int64($0)) })),
          ("finish_reason", .string(completion.finishReason.name)),
        ] + Self.members(completion.logprobs)))
  }

  /// What is said about the log-probabilities of an answer; nothing if they were not asked for.
  private static func members(_ logprobs: [TokenOutput]) -> [(String, JSONValue)] {
    if logprobs.isEmpty { return [] }
    return [
      ("logprobs", .array(logprobs.map { $0.logprob.map(JSONValue.float) ?? .null })),
      ("top", .array(logprobs.map { .list(of: $0.top) })),
    ]
  }

  /// Prints one answer while it is generated.
  private func one(_ prompt: String, _ params: SamplingParams, _ llm: LLM) async throws {
    let controls = try form.controls(llm)
    let stream =
      try chat
      ? llm.streamChat([.user(prompt)], params, controls: controls) : llm.stream(prompt, params, controls: controls)

    var text = ""
    var tokens: [TokenID] = []
    var scored: [TokenOutput] = []
    var firstTokenAge: Double?
    var summary: RequestSummary?
    for try await chunk in stream {
      if chunk.token != nil, firstTokenAge == nil { firstTokenAge = ProcessAge.milliseconds }
      if !json { StandardOutput.write(chunk.text) }
      text += chunk.text
      if let token = chunk.token {
        tokens.append(token.token)
        if token.logprob != nil { scored.append(token) }
      }
      summary = chunk.summary ?? summary
    }
    guard let summary, let firstTokenAge else { throw CommandFailure("the engine ended without an answer") }
    if json {
      let seconds = (ProcessAge.milliseconds - firstTokenAge) / 1000
      let speed = tokens.count > 1 && seconds > 0 ? Double(tokens.count - 1) / seconds : nil
      StandardOutput.write(
        .object(
          [
            ("text", .string(text)),
            ("token_ids", .array(tokens.map { .integer(Int64($0)) })),
            ("finish_reason", .string(summary.reason.name)),
            ("prompt_tokens", .integer(Int64(summary.promptTokenCount))),
            ("completion_tokens", .integer(Int64(summary.completionTokenCount))),
            ("ttft_ms", .rounded(firstTokenAge, digits: 1)),
            ("tokens_per_second", speed.map { .rounded($0, digits: 1) } ?? .null),
          ] + Self.members(scored)))
    } else {
      StandardOutput.write("\n")
    }
  }
}
