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
  /// Whether the last token ended the text.
  public var hasEnded: Bool
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
    try await beams(tokens: prompt, params).value().completions
  }

  /// A search that is under way when this returns.
  ///
  /// - Throws: ``InflightError`` if the request is refused.
  package func beams(
    tokens prompt: [TokenID], _ params: BeamSearchParams, priority: Int = 0, cache: CacheOptions = CacheOptions()
  ) throws(InflightError) -> PendingBeams {
    let request = GenerationRequest(
      promptTokens: prompt, beams: params, priority: priority, endOfSequenceTokenIDs: endOfSequenceTokenIDs,
      cache: cache)
    do {
      let submission = try executor.submit(request)
      return PendingBeams(
        id: submission.id, outputs: submission.outputs, params: params, endTokens: request.endTokens,
        tokenizer: tokenizer)
    } catch {
      throw InflightError(error)
    }
  }
}

/// A beam search that is under way. To drop it cancels the request.
package struct PendingBeams: Sendable {
  /// Names the request.
  package let id: RequestID
  let outputs: RequestOutputs
  let params: BeamSearchParams
  let endTokens: Set<TokenID>
  let tokenizer: Tokenizer

  /// Ends the waiting from any thread, and the request with it, whether or not the engine ever makes another step.
  package var abandonment: @Sendable () -> Void { outputs.abandonment }

  /// Nanoseconds that the request waited before it first held resources; nil as long as it waits.
  package var queueNanoseconds: UInt64? { outputs.queueNanoseconds }

  /// Waits for the sequences, best first; may be called once.
  ///
  /// - Throws: ``InflightError`` if the request failed or was cancelled.
  package func value() async throws(InflightError) -> (completions: [BeamCompletion], summary: RequestSummary) {
    var found: [TokenizedBeam] = []
    var iterator = outputs.makeAsyncIterator()
    while let output = await iterator.next() {
      switch output {
      case .promptLogprobs, .embedding, .sampleFinished: continue
      case .token(let token):
        if token.sampleIndex == found.count { found.append(TokenizedBeam()) }
        found[token.sampleIndex].add(token)
      case .finished(let summary):
        switch summary.reason {
        case .failed(let failure): throw InflightError(failure)
        case .cancelled: throw InflightError(.cancelled, "the request was cancelled")
        case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length: break
        }
        var completions: [BeamCompletion] = []
        for beam in found { completions.append(try completion(beam)) }
        return (completions, summary)
      }
    }
    throw InflightError(.cancelled, "the request was cancelled")
  }

  private func completion(_ beam: TokenizedBeam) throws(InflightError) -> BeamCompletion {
    let hasEnded = beam.tokens.last.map(endTokens.contains) ?? false
    do {
      return BeamCompletion(
        text: try tokenizer.decode(hasEnded ? beam.tokens.dropLast() : beam.tokens[...], skipSpecialTokens: true),
        tokens: beam.tokens, hasEnded: hasEnded, logprob: beam.logprob,
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
