internal import JSON
internal import Requests

/// The tables of the fields that routes know.
package enum RouteFields {
  /// The longest text that a field takes; the body's own limit is lower unless it is raised.
  static let textLimit = 1 << 30
  /// The longest name, salt or identifier.
  static let nameLimit = 1024

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
    RequestField("stop", .any, use: .only([.array([])], reason: unsupported), "Texts that end the answer."),
    RequestField("n", .any, use: .only([1], reason: unsupported), "Number of answers."),
    RequestField("presence_penalty", .any, use: .only([0], reason: unsupported), "Penalty of tokens that were there."),
    RequestField("frequency_penalty", .any, use: .only([0], reason: unsupported), "Penalty by how often they were."),
    RequestField(
      "repetition_penalty", .any, use: .only([1], reason: unsupported), "Divisor of logits that were there."),
    RequestField("logit_bias", .any, use: .only([.object([])], reason: unsupported), "Added to logits."),
    RequestField("min_p", .any, use: .only([0], reason: unsupported), "Least probability relative to the best."),
    RequestField("typical_p", .any, use: .only([1], reason: unsupported), "Locally typical sampling."),
    RequestField("min_tokens", .any, use: .only([0], reason: unsupported), "Fewest tokens."),
    RequestField("use_beam_search", .any, use: .only([false], reason: unsupported), "Beam search."),
    RequestField("skip_special_tokens", .any, use: .only([true], reason: unsupported), "Leave special tokens out."),
  ]

  /// What every route that generates takes besides.
  static let serving: [RequestField] = [
    RequestField("model", .string(maximumBytes: nameLimit), "The model's name, as /v1/models tells it."),
    RequestField("stream", .boolean, "Send the answer as server-sent events while it is generated."),
    RequestField(
      "stream_options",
      .record([RequestField("include_usage", .boolean, "End the stream with an event that has the usage.")]),
      "Only with stream."),
    RequestField(
      "priority", .integer(-1_000_000...1_000_000), "Requests of a higher priority go first. Default 0."),
    RequestField(
      "cache_salt", .string(maximumBytes: nameLimit),
      "Prompts share what is cached of them only with prompts of the same salt."),
    RequestField("user", .string(maximumBytes: nameLimit), use: .noEffect, "A name for the caller's end user."),
  ]

  /// `/v1/completions`
  package static let completions: [RequestField] =
    serving + [
      RequestField(
        "prompt",
        .anyOf([
          .string(maximumBytes: textLimit),
          .array(.string(maximumBytes: textLimit), count: 1...maximumPrompts),
          .array(.integer(0...Int(Int32.max)), count: 1...maximumPromptTokens),
          .array(.array(.integer(0...Int(Int32.max)), count: 1...maximumPromptTokens), count: 1...maximumPrompts),
        ]), isRequired: true, "One or several texts or lists of tokens to go on from."),
      RequestField(
        "max_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.maxTokens = $1.wholeNumber },
        "Most tokens to generate. Default 16."),
      RequestField(
        "logprobs", .integer(0...20), use: .sampling { $0.logprobs = $1.wholeNumber },
        "Log-probabilities of the tokens and of this many alternatives."),
      RequestField("echo", .any, use: .only([false], reason: unsupported), "Repeat the prompt."),
      RequestField("suffix", .any, use: .only([""], reason: unsupported), "Text after the answer."),
      RequestField("best_of", .any, use: .only([1], reason: unsupported), "Answers to choose from."),
    ] + sampling

  /// The most prompts of one request.
  static let maximumPrompts = 256
  /// The most tokens of one prompt in a request; what the model takes is checked later.
  static let maximumPromptTokens = 1 << 24

  /// Why a known field is refused.
  static let unsupported = "this server does not do that yet; leave the field out"
}
