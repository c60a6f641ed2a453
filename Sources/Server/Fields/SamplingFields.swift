internal import JSON
internal import Requests

/// The tables of the fields that routes know.
package enum RouteFields {
  /// The longest text that a field takes; the body's own limit is lower unless it is raised.
  static let textLimit = 1 << 30
  /// The longest name, salt or identifier.
  static let nameLimit = 1024
  /// The longest word that is looked for, so that its bytes are as few as they must be whatever its characters are.
  static let wordLimit = SamplingParams.maximumWordBytes / 4

  /// How tokens are chosen and when the answer ends, for every route that generates.
  static let sampling: [RequestField] = [
    RequestField(
      "temperature", .number(0...2), use: .sampling { $0.temperature = Float($1.doubleValue ?? 1) },
      "Divisor of the logits; 0 always takes the most probable token. Default 1."),
    RequestField(
      "top_p", .number(0...1, isOpen: true), use: .sampling { $0.topP = Float($1.doubleValue ?? 1) },
      "Sample from the most probable tokens that hold this much probability. Default 1."),
    RequestField(
      "top_k", .integer(0...Int(Int32.max)), use: .sampling { $0.topK = $1.wholeNumber ?? 0 },
      "Sample from this many most probable tokens; 0, the default, is all of them."),
    RequestField(
      "seed", .integer(Int.min...Int.max),
      use: .sampling { $0.seed = $1.wholeNumber.map { UInt64(bitPattern: Int64($0)) } },
      "The same seed gives the same answer, whatever else the server does. Default: drawn."),
    RequestField(
      "stop_token_ids", .array(.integer(0...Int(Int32.max)), count: 0...SamplingParams.maximumStopTokens),
      use: .sampling { $0.stopTokenIDs = ($1.arrayValue ?? []).compactMap { $0.wholeNumber.map(TokenID.init) } },
      "Tokens that end the answer besides the model's own."),
    RequestField(
      "ignore_eos", .boolean, use: .sampling { $0.ignoreEndOfSequence = $1.boolValue ?? false },
      "Go on past the model's own end. Default false."),
    RequestField(
      "stop",
      .anyOf([
        .string(1...wordLimit),
        .array(.string(1...wordLimit), count: 0...SamplingParams.maximumWords),
      ]), use: .sampling { $0.stop = $1.stringValue.map { [$0] } ?? $1.strings },
      "Texts that end the answer, which is cut before them."),
    RequestField(
      "include_stop_str_in_output", .boolean, use: .sampling { $0.includesStop = $1.boolValue ?? false },
      "Whether the answer keeps the text of stop that ended it. Default false."),
    RequestField(
      "n", .integer(1...SamplingParams.maximumSamples), use: .sampling { $0.n = $1.wholeNumber ?? 1 },
      "Number of answers to a prompt. Default 1."),
    RequestField(
      "presence_penalty", .number(-2...2), use: .sampling { $0.presencePenalty = Float($1.doubleValue ?? 0) },
      "Subtracted from the logits of tokens that are in the answer. Default 0."),
    RequestField(
      "frequency_penalty", .number(-2...2), use: .sampling { $0.frequencyPenalty = Float($1.doubleValue ?? 0) },
      "Subtracted from the logits of tokens for each time that they are in the answer. Default 0."),
    RequestField(
      "repetition_penalty", .number(0.01...100),
      use: .sampling { $0.repetitionPenalty = Float($1.doubleValue ?? 1) },
      "Divisor of the logits of tokens that are in the prompt or the answer, if they are positive, and else a factor. Default 1."
    ),
    RequestField(
      "logit_bias", .tokenNumbers(-100...100, count: SamplingParams.maximumLogitBiases),
      use: .sampling { $0.logitBias = $1.tokenNumbers }, "Numbers by token, added to its logit."),
    RequestField(
      "min_p", .number(0...1), use: .sampling { $0.minP = Float($1.doubleValue ?? 0) },
      "Sample from tokens that have this part of the best one's probability. Default 0."),
    RequestField(
      "typical_p", .number(0...1, isOpen: true), use: .sampling { $0.typicalP = Float($1.doubleValue ?? 1) },
      "Sample from the most typical tokens that hold this much probability. Default 1."),
    RequestField(
      "min_tokens", .integer(0...Int(Int32.max)), use: .sampling { $0.minTokens = $1.wholeNumber ?? 0 },
      "Fewest tokens before the answer may end. Default 0."),
    RequestField(
      "no_repeat_ngram_size", .integer(0...SamplingParams.maximumNGramSize),
      use: .sampling { $0.noRepeatNGramSize = $1.wholeNumber ?? 0 },
      "No run of this many tokens comes twice; 0, the default, is no limit."),
    RequestField(
      "bad_words",
      .array(.string(1...wordLimit), count: 0...SamplingParams.maximumWords),
      use: .sampling { $0.badWords = $1.strings }, "Words that are not in the answer."),
    RequestField(
      "skip_special_tokens", .boolean, use: .sampling { $0.skipSpecialTokens = $1.boolValue ?? true },
      "Leave special tokens out of the text. Default true."),
    RequestField(
      "truncate_prompt_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.truncatePrompt = $1.wholeNumber },
      "Use the last tokens of the prompt only, at most this many."),
    RequestField("prompt_logprobs", .any, use: .only([], reason: "use echo with logprobs"), "Those of the prompt."),
  ]

  /// Beam search, for routes that can answer with several sequences.
  static let beams: [RequestField] = [
    RequestField(
      "use_beam_search", .boolean,
      "Search for the n most probable answers instead of drawing them, with n beams or, where it is there, best_of. Default false."
    ),
    RequestField(
      "length_penalty", .number(-16...16),
      "Only with use_beam_search: above 0 prefers longer answers, below 0 shorter ones. Default 1."),
  ]

  /// What every route that generates takes besides.
  static let serving: [RequestField] = [
    RequestField("model", .string(0...nameLimit), "The model's name, as /v1/models tells it."),
    RequestField("stream", .boolean, "Send the answer as server-sent events while it is generated."),
    RequestField(
      "stream_options",
      .record([RequestField("include_usage", .boolean, "End the stream with an event that has the usage.")]),
      "Only with stream."),
    RequestField(
      "priority", .integer(-1_000_000...1_000_000), "Requests of a higher priority go first. Default 0."),
    RequestField(
      "cache_salt", .string(0...nameLimit),
      "Prompts share what is cached of them only with prompts of the same salt."),
    RequestField("user", .string(0...nameLimit), use: .noEffect, "A name for the caller's end user."),
  ]

  /// `/v1/completions`
  package static let completions: [RequestField] =
    serving + [
      RequestField(
        "prompt", .anyOf(prompts(count: maximumPrompts)), isRequired: true,
        "One or several texts or lists of tokens to go on from."),
      RequestField(
        "max_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.maxTokens = $1.wholeNumber },
        "Most tokens to generate. Default 16."),
      RequestField(
        "logprobs", .integer(0...20), use: .sampling { $0.logprobs = $1.wholeNumber },
        "Log-probabilities of the tokens and of this many alternatives."),
      RequestField(
        "echo", .boolean, use: .sampling { $0.echo = $1.boolValue ?? false },
        "Begin the text with the prompt, and the log-probabilities with those of the prompt. Default false."),
      RequestField("suffix", .any, use: .only([""], reason: unsupported), "Text after the answer."),
      RequestField(
        "best_of", .integer(1...SamplingParams.maximumSamples), use: .sampling { $0.bestOf = $1.wholeNumber },
        "Number of answers to generate, of which the n most probable are returned; not with stream. Default n."),
    ] + guided + beams + sampling

  /// One or several texts or lists of tokens, at most `count`.
  static func prompts(count: Int) -> [FieldType] {
    let text = FieldType.string(0...textLimit)
    let tokens = FieldType.array(.integer(0...Int(Int32.max)), count: 1...maximumPromptTokens)
    return [text, .array(text, count: 1...count), tokens, .array(tokens, count: 1...count)]
  }

  /// The most prompts of one request.
  static let maximumPrompts = 256
  /// The most tokens of one prompt in a request; what the model takes is checked later.
  static let maximumPromptTokens = 1 << 24

  /// Why a known field is refused.
  static let unsupported = "this server does not do that yet; leave the field out"
}
