internal import ArgumentParser
internal import Inflight

/// How tokens are chosen.
struct SamplingArguments: ParsableArguments {
  @Option(name: [.customShort("n"), .long], help: "Most tokens to generate.")
  var maxTokens: Int = 256

  @Option(help: "Fewest tokens to generate.")
  var minTokens: Int = 0

  @Option(name: [.short, .long], help: "0 always takes the most probable token; higher is more varied.")
  var temperature: Float = 0

  @Option(help: "Sample from this many most probable tokens; 0 is all of them.")
  var topK: Int = 0

  @Option(help: "Sample from the most probable tokens that hold this much probability; 1 is all of them.")
  var topP: Float = 1

  @Option(help: "Sample from tokens that are at least this part as probable as the most probable; 0 is all of them.")
  var minP: Float = 0

  @Option(help: "Sample from the tokens that are most typical and hold this much probability; 1 is all of them.")
  var typicalP: Float = 1

  @Option(help: "Divides the logits of tokens that are in the prompt or the text; 1 is none.")
  var repetitionPenalty: Float = 1

  @Option(parsing: .unconditional, help: "Subtracted from the logits of tokens that are in the text.")
  var presencePenalty: Float = 0

  @Option(
    parsing: .unconditional, help: "Subtracted from the logits of tokens for each time that they are in the text.")
  var frequencyPenalty: Float = 0

  @Option(help: "No run of this many tokens comes twice; 0 is no limit.")
  var noRepeatNgramSize: Int = 0

  @Option(help: ArgumentHelp("Add a number to the logit of a token; may be given again.", valueName: "token=bias"))
  var logitBias: [LogitBias] = []

  @Option(help: ArgumentHelp("A word that is not generated; may be given again.", valueName: "word"))
  var badWord: [String] = []

  @Option(help: ArgumentHelp("The text ends before this; may be given again.", valueName: "text"))
  var stop: [String] = []

  @Flag(help: "Keep the text of --stop that ended the answer.")
  var includeStop = false

  @Option(help: ArgumentHelp("A token that ends the text; may be given again.", valueName: "token"))
  var stopTokenId: [Int32] = []

  @Flag(help: "Go on past the end-of-sequence token.")
  var ignoreEos = false

  @Flag(help: "Show special tokens in the text.")
  var showSpecialTokens = false

  @Option(help: "Use the last tokens of the prompt only, at most this many.")
  var truncatePrompt: Int?

  @Option(name: [.short, .long], help: "Seed of the random numbers: the same seed gives the same text.")
  var seed: UInt64?

  /// A token and what is added to its logit, as `TOKEN=BIAS`.
  struct LogitBias: ExpressibleByArgument {
    let token: TokenID
    let bias: Float

    init?(argument: String) {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let token = TokenID(parts[0]), let bias = Float(parts[1]) else { return nil }
      (self.token, self.bias) = (token, bias)
    }
  }

  func validate() throws {
    if let twice = Dictionary(grouping: logitBias, by: \.token).filter({ $1.count > 1 }).keys.min() {
      throw ValidationError("--logit-bias is given twice for token \(twice)")
    }
    do throws(SamplingParamsError) { _ = try params.validated() } catch { throw error.usage }
  }

  /// The parameters, not validated.
  var params: SamplingParams {
    var params = SamplingParams(
      maxTokens: maxTokens, temperature: temperature, topK: topK, topP: topP, seed: seed, stopTokenIDs: stopTokenId,
      ignoreEndOfSequence: ignoreEos)
    params.minTokens = minTokens
    params.minP = minP
    params.typicalP = typicalP
    params.repetitionPenalty = repetitionPenalty
    params.presencePenalty = presencePenalty
    params.frequencyPenalty = frequencyPenalty
    params.noRepeatNGramSize = noRepeatNgramSize
    params.logitBias = Dictionary(logitBias.map { ($0.token, $0.bias) }, uniquingKeysWith: { $1 })
    params.badWords = badWord
    params.stop = stop
    params.includesStop = includeStop
    params.skipSpecialTokens = !showSpecialTokens
    params.truncatePrompt = truncatePrompt
    return params
  }
}

extension SamplingParamsError {
  /// The error in the words of the command line. Most options are called as the parameters are.
  var usage: ValidationError {
    let names = [
      "n": "samples", "beam_width": "beams", "bad_words": "bad-word", "stop_token_ids": "stop-token-id",
      "include_stop_str_in_output": "include-stop", "truncate_prompt_tokens": "truncate-prompt",
    ]
    let name = names[parameter] ?? String(parameter.map { $0 == "_" ? "-" : $0 })
    return ValidationError("--\(name) is \(value); it must be \(allowed)")
  }
}
