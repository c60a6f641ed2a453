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
      """)

  @Argument(help: "The prompt. Default: standard input.")
  var prompt: String?
  @OptionGroup var model: ModelArgument
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var engine: EngineArguments

  @Flag(help: "The prompt is a message of the user: apply the model's chat template.")
  var chat = false

  @Flag(help: "Print one JSON object with the text, the tokens and the speed.")
  var json = false

  func run() async throws {
    let prompt = try prompt ?? StandardInput.readText()
    let params = try sampling.params.validated()
    let llm = try await LLM.load(model, engine)
    let stream = try chat ? llm.streamChat([.user(prompt)], params) : llm.stream(prompt, params)

    var text = ""
    var tokens: [TokenID] = []
    var firstTokenAge: Double?
    var summary: RequestSummary?
    for try await chunk in stream {
      if chunk.token != nil, firstTokenAge == nil { firstTokenAge = ProcessAge.milliseconds }
      if !json { StandardOutput.write(chunk.text) }
      text += chunk.text
      if let token = chunk.token { tokens.append(token.token) }
      summary = chunk.summary ?? summary
    }
    guard let summary, let firstTokenAge else { throw CommandFailure("the engine ended without an answer") }
    if json {
      let seconds = (ProcessAge.milliseconds - firstTokenAge) / 1000
      let speed = tokens.count > 1 && seconds > 0 ? Double(tokens.count - 1) / seconds : nil
      StandardOutput.write(
        .object([
          ("text", .string(text)),
          ("token_ids", .array(tokens.map { .integer(Int64($0)) })),
          ("finish_reason", .string(summary.reason.name)),
          ("prompt_tokens", .integer(Int64(summary.promptTokenCount))),
          ("completion_tokens", .integer(Int64(summary.completionTokenCount))),
          ("ttft_ms", .rounded(firstTokenAge, digits: 1)),
          ("tokens_per_second", speed.map { .rounded($0, digits: 1) } ?? .null),
        ]))
    } else {
      StandardOutput.write("\n")
    }
    await llm.close()
  }
}
