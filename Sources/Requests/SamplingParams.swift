/// How a request's tokens are chosen and when it ends.
///
/// The defaults are greedy decoding until the end of the sequence or the model's limit, without log-probabilities.
/// Values are checked by ``validated()`` at the door; nothing out of range is clamped or ignored.
///
/// The controls work on a row of logits `x` in this order: the constraint's mask, the user's processors, what is
/// forbidden (``minTokens``, ``badWords``, ``noRepeatNGramSize``), ``logitBias``, ``repetitionPenalty``,
/// ``frequencyPenalty`` and ``presencePenalty``, ``temperature``; then on the distribution `p = softmax(x)`: ``minP``,
/// ``topK``, ``topP``, ``typicalP``, and one draw from what is left. Reported log-probabilities are those of the model's own
/// logits, before all of that.
public struct SamplingParams: Sendable, Equatable {
  /// Most tokens to generate, at least 1; nil means until the longest sequence that the engine can hold.
  public var maxTokens: Int?
  /// Fewest tokens to generate: before, end-of-sequence tokens and ``stopTokenIDs`` are forbidden, and ``stop`` strings
  /// are not looked for. 0 is the default.
  public var minTokens: Int = 0
  /// Number of samples to return; they differ from each other, since sample `i` draws with the random numbers of
  /// (``seed``, `i`, position).
  public var n: Int = 1
  /// Number of samples to generate, of which the ``n`` with the largest mean log-probability per token are returned; nil
  /// means ``n``. Such samples cannot be streamed.
  public var bestOf: Int?
  /// Divisor of the logits, `x(i) / temperature`; 0 (the default) is greedy decoding: the most probable token, ties to the
  /// lowest identifier.
  public var temperature: Float
  /// Sample from the `topK` most probable tokens only, ties to the lowest identifiers; 0 (the default) is no limit.
  public var topK: Int
  /// Sample from the smallest set of most probable tokens that holds this much of the probability that ``minP`` and
  /// ``topK`` left; 1 (the default) is all.
  public var topP: Float
  /// Sample from tokens with `p(i) >= minP * max p` only; 0 (the default) is all.
  public var minP: Float = 0
  /// Locally typical sampling: of what ``topP`` left, renormalized to `q`, the smallest set that holds this much
  /// probability in the order of `|-ln q(i) - H|`, where `H = -sum q ln q`; 1 (the default) is all.
  public var typicalP: Float = 1
  /// For every token that is in the prompt or in the output: `x(i) > 0 ? x(i) / penalty : x(i) * penalty`. 1 (the default)
  /// changes nothing; above 1 discourages repetition.
  public var repetitionPenalty: Float = 1
  /// `x(i) - penalty` for every token that is in the output; -2 to 2, 0 (the default) changes nothing.
  public var presencePenalty: Float = 0
  /// `x(i) - penalty * count(i)`, where `count` counts in the output; -2 to 2, 0 (the default) changes nothing.
  public var frequencyPenalty: Float = 0
  /// Forbid every token that would make a run of this many tokens, prompt included, that is in the sequence already; 0
  /// (the default) forbids none.
  public var noRepeatNGramSize: Int = 0
  /// `x(i) + bias(i)`; -100 to 100, at most ``maximumLogitBiases`` tokens.
  public var logitBias: [TokenID: Float] = [:]
  /// Words that are not generated: the last token of a word is forbidden where the output ends with those before it. Every
  /// word is made tokens as it is and, where that is one word as well, with a space before it.
  public var badWords: [String] = []
  /// Texts that end the request when the output contains them, found across the borders of tokens. The text is cut before
  /// the first of them.
  public var stop: [String] = []
  /// Whether the text keeps the ``stop`` string that ended it.
  public var includesStop: Bool = false
  /// The seed of the request's random numbers; nil draws one, which the output reports.
  public var seed: UInt64?
  /// Tokens that end the request when they are generated, besides the model's own end-of-sequence tokens.
  public var stopTokenIDs: [TokenID]
  /// Whether to go on past the model's end-of-sequence tokens; ``stopTokenIDs`` still end the request.
  public var ignoreEndOfSequence: Bool
  /// Report the log-probability of each generated token and of this many best alternatives; 0 reports only the chosen
  /// token's, nil (the default) none.
  public var logprobs: Int?
  /// The same for the tokens of the prompt.
  public var promptLogprobs: Int?
  /// Use the last tokens of the prompt only, at most this many; nil (the default) refuses a prompt that is too long.
  public var truncatePrompt: Int?
  /// Whether special tokens are left out of the text; true is the default.
  public var skipSpecialTokens: Bool = true
  /// Whether the text begins with the prompt's; false is the default.
  public var echo: Bool = false

  /// The most alternatives that ``logprobs`` and ``promptLogprobs`` may ask for.
  public static let maximumLogprobs = 256
  /// The most entries of ``stopTokenIDs``.
  public static let maximumStopTokens = 256
  /// The most samples of a request.
  public static let maximumSamples = 128
  /// The most entries of ``logitBias``.
  public static let maximumLogitBiases = 1024
  /// The most entries of ``badWords``, and of ``stop``.
  public static let maximumWords = 256
  /// The most bytes of one entry of ``badWords`` or ``stop``.
  public static let maximumWordBytes = 4096
  /// The most bytes of all entries of ``badWords`` together, and of ``stop``: what looks for them takes a few times as much
  /// while the request waits.
  public static let maximumBytesOfWords = 1 << 16
  /// The largest ``noRepeatNGramSize``.
  public static let maximumNGramSize = 256

  /// Creates parameters; every default is stated at its property, and what is not an argument here is set there.
  public init(
    maxTokens: Int? = nil, temperature: Float = 0, topK: Int = 0, topP: Float = 1, seed: UInt64? = nil,
    stopTokenIDs: [TokenID] = [], ignoreEndOfSequence: Bool = false, logprobs: Int? = nil, promptLogprobs: Int? = nil
  ) {
    self.maxTokens = maxTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.stopTokenIDs = stopTokenIDs
    self.ignoreEndOfSequence = ignoreEndOfSequence
    self.logprobs = logprobs
    self.promptLogprobs = promptLogprobs
  }

  /// Number of samples that are generated.
  public var sampleCount: Int { bestOf ?? n }

  /// Whether everything is equal, texts byte by byte.
  public static func == (left: SamplingParams, right: SamplingParams) -> Bool {
    left.maxTokens == right.maxTokens && left.minTokens == right.minTokens && left.n == right.n
      && left.bestOf == right.bestOf && left.temperature == right.temperature && left.topK == right.topK
      && left.topP == right.topP && left.minP == right.minP && left.typicalP == right.typicalP
      && left.repetitionPenalty == right.repetitionPenalty && left.presencePenalty == right.presencePenalty
      && left.frequencyPenalty == right.frequencyPenalty && left.noRepeatNGramSize == right.noRepeatNGramSize
      && left.logitBias == right.logitBias && left.seed == right.seed && left.stopTokenIDs == right.stopTokenIDs
      && left.ignoreEndOfSequence == right.ignoreEndOfSequence && left.logprobs == right.logprobs
      && left.promptLogprobs == right.promptLogprobs && left.truncatePrompt == right.truncatePrompt
      && left.skipSpecialTokens == right.skipSpecialTokens && left.echo == right.echo
      && left.includesStop == right.includesStop && areSameBytes(left.badWords, right.badWords)
      && areSameBytes(left.stop, right.stop)
  }

  private static func areSameBytes(_ left: [String], _ right: [String]) -> Bool {
    left.elementsEqual(right) { $0.utf8.elementsEqual($1.utf8) }
  }
}
