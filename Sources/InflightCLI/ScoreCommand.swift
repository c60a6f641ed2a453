internal import ArgumentParser
internal import Inflight
internal import JSON

/// `inflight score`
struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "How probable is the text on standard input, token by token?",
    discussion: """
      Prints the perplexity and, with --json, the natural logarithm of the probability of every token given those before
      it, with the --top K best tokens at each place.

      EXAMPLES:
        inflight score < text.txt
        inflight score --top 64 --json < text.txt
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var engine: EngineArguments

  @Option(help: "How many of the most probable tokens to print at each place, 0 to 256.")
  var top: Int = 0

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (0...SamplingParams.maximumLogprobs).contains(top) else {
      throw ValidationError("--top is \(top); it must be between 0 and \(SamplingParams.maximumLogprobs)")
    }
  }

  func run() async throws {
    let text = try StandardInput.readText()
    let llm = try await LLM.load(model, engine)
    let score = try await llm.score(text, top: top)
    if json {
      StandardOutput.write(
        .object([
          ("token_ids", .array(score.tokens.map { .integer(Int64($0)) })),
          ("logprobs", .array(score.logprobs.map { $0.map(JSONValue.float) ?? .null })),
          ("perplexity", score.perplexity.map(JSONValue.number) ?? .null),
          ("top", .array(score.top.map { $0.map(JSONValue.list(of:)) ?? .null })),
        ]))
    } else if let perplexity = score.perplexity {
      StandardOutput.write("perplexity \(perplexity) over \(score.tokens.count) tokens\n")
    } else {
      StandardOutput.write("one token alone has no perplexity\n")
    }
    await llm.close()
  }
}

extension JSONValue {
  /// Tokens with their log-probabilities, as commands print them.
  static func list(of top: [TokenLogprob]) -> JSONValue {
    .array(top.map { .object([("id", .integer(Int64($0.token))), ("logprob", .float($0.logprob))]) })
  }
}
