internal import Decoding
internal import Executor
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
  /// The beams are computed together, each from a fork of the sequence that it goes on from: they share whole blocks of the
  /// cache, and only the last one is copied.
  ///
  /// - Throws: ``InflightError``.
  public func beamSearch(_ prompt: String, _ params: BeamSearchParams) async throws -> [BeamCompletion] {
    try await beamSearch(tokens: try encode(prompt), params)
  }

  /// The same for a prompt of tokens.
  ///
  /// - Throws: ``InflightError``.
  public func beamSearch(tokens prompt: [TokenID], _ params: BeamSearchParams) async throws -> [BeamCompletion] {
    let request = GenerationRequest(
      promptTokens: prompt, beams: params, endOfSequenceTokenIDs: endOfSequenceTokenIDs)
    let submission: Executor.Submission
    do { submission = try executor.submit(request) } catch { throw InflightError(error) }
    var found: [TokenizedBeam] = []
    for await output in submission.outputs {
      switch output {
      case .promptLogprobs, .embedding: break
      case .token(let token):
        if token.sampleIndex == found.count { found.append(TokenizedBeam()) }
        found[token.sampleIndex].add(token)
      case .sampleFinished: break
      case .finished(let summary):
        switch summary.reason {
        case .failed(let failure): throw InflightError(failure)
        case .cancelled: throw InflightError(.cancelled, "the request was cancelled")
        case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length:
          return try found.map { try completion($0, params, request.endTokens) }
        }
      }
    }
    throw InflightError(.cancelled, "the request was cancelled")
  }

  private func completion(
    _ beam: TokenizedBeam, _ params: BeamSearchParams, _ endTokens: Set<TokenID>
  ) throws(InflightError) -> BeamCompletion {
    let shown = beam.tokens.last.map(endTokens.contains) == true ? beam.tokens.dropLast() : beam.tokens[...]
    do {
      return BeamCompletion(
        text: try tokenizer.decode(shown, skipSpecialTokens: true), tokens: beam.tokens, logprob: beam.logprob,
        score: params.score(logprob: beam.logprob, length: beam.tokens.count))
    } catch {
      throw InflightError(error)
    }
  }
}

/// A sequence that was found, as its tokens come.
private struct TokenizedBeam {
  var tokens: [TokenID] = []
  var logprob = 0.0

  mutating func add(_ output: TokenOutput) {
    tokens.append(output.token)
    logprob += Double(output.logprob ?? 0)
  }
}
