internal import Decoding
public import Requests
internal import Tokenization

/// A sequence that a beam search has found.
public struct BeamCompletion: Sendable, Equatable {
  /// The text, without special tokens.
  public var text: String
  /// The tokens, with the one that ended the text if there is one.
  public var tokens: [TokenID]
  /// The sum of the log-probabilities of the tokens.
  public var logprob: Double
  /// The sum divided by the length to the power of the length penalty.
  public var score: Double
}

extension LLM {
  /// Searches for the most probable completions of a prompt, best first.
  ///
  /// Every beam asks the engine for one token at a time and finds what it has in common with others in the cache of
  /// prefixes; only what does not fill a block is computed again.
  ///
  /// - Throws: ``InflightError``.
  public func beamSearch(_ prompt: String, _ params: BeamSearchParams) async throws -> [BeamCompletion] {
    try await beamSearch(tokens: try encode(prompt), params)
  }

  /// The same for a prompt of tokens.
  ///
  /// - Throws: ``InflightError``.
  public func beamSearch(tokens prompt: [TokenID], _ params: BeamSearchParams) async throws -> [BeamCompletion] {
    let endTokens = Set(endOfSequenceTokenIDs + params.stopTokenIDs)
    do { _ = try params.validated(endTokenCount: endTokens.count) } catch { throw InflightError(error) }
    var search = BeamSearch(params, endTokens: endTokens)
    let step = SamplingParams(maxTokens: 1, logprobs: search.alternativeCount)
    while !search.isOver {
      // All beams at a time, so that they are one batch.
      var streams: [CompletionStream] = []
      for beam in search.running { streams.append(try stream(tokens: prompt + beam.tokens, step)) }
      var alternatives: [[TokenLogprob]] = []
      for stream in streams {
        guard let output = try await stream.completion().logprobs.first else {
          throw InflightError(.failed, "the engine ended before the answer was complete")
        }
        alternatives.append(output.top)
      }
      search.advance(alternatives)
    }
    return try search.finished.prefix(params.n).map { beam in
      let shown = beam.tokens.last.map(endTokens.contains) == true ? beam.tokens.dropLast() : beam.tokens[...]
      return BeamCompletion(
        text: try tokenizer.decode(shown, skipSpecialTokens: true), tokens: beam.tokens, logprob: beam.logprob,
        score: beam.score)
    }
  }
}
