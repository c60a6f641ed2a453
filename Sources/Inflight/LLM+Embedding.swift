internal import Executor
public import Requests

/// A text as a point in the model's space.
public struct Embedding: Sendable, Equatable {
  /// The pooled hidden state after the model's final norm, as long as the model is wide.
  public var values: [Float]
  /// Number of tokens of the text.
  public var promptTokenCount: Int
  /// Number of those that were found in the cache and not computed.
  public var cachedTokenCount: Int

  /// The values divided by their length, so that the dot product of two embeddings is their cosine. Zeros stay zeros.
  public var normalized: [Float] {
    let square = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    guard square > 0, square.isFinite else { return values }
    let length = square.squareRoot()
    return values.map { Float(Double($0) / length) }
  }
}

extension LLM {
  /// The embedding of a text: the same bits whatever else the engine does.
  ///
  /// - Parameters:
  ///   - text: at least one token, at most the longest sequence.
  ///   - pooling: what becomes of the hidden states of its tokens.
  /// - Throws: ``InflightError``, in particular for an engine without hidden states.
  public func embed(_ text: String, pooling: Pooling = .last) async throws -> Embedding {
    try await embedding(tokens: encode(text), pooling: pooling).value()
  }

  /// The embedding of a prompt of tokens, which is under way when this returns.
  ///
  /// - Throws: ``InflightError`` if the request is refused.
  package func embedding(
    tokens: [TokenID], pooling: Pooling, priority: Int = 0, cache: CacheOptions = CacheOptions()
  ) throws(InflightError) -> PendingEmbedding {
    var request = GenerationRequest(promptTokens: tokens, priority: priority, cache: cache)
    request.pooling = pooling
    do {
      let submission = try executor.submit(request)
      return PendingEmbedding(id: submission.id, outputs: submission.outputs)
    } catch {
      throw InflightError(error)
    }
  }

  /// Whether the engine has hidden states to make embeddings of.
  package var hasEmbeddings: Bool { executor.hiddenSize != nil }
}

/// An embedding that is being computed. To drop it cancels the request.
package struct PendingEmbedding: Sendable {
  /// Names the request.
  package let id: RequestID
  let outputs: RequestOutputs

  /// Ends the waiting from any thread, and the request with it, whether or not the engine ever makes another step.
  package var abandonment: @Sendable () -> Void { outputs.abandonment }

  /// Nanoseconds that the request waited before it first held resources; nil as long as it waits.
  package var queueNanoseconds: UInt64? { outputs.queueNanoseconds }

  /// Waits for the embedding; may be called once.
  ///
  /// - Throws: ``InflightError`` if the request failed or was cancelled.
  package func value() async throws(InflightError) -> Embedding {
    var values: [Float]?
    var iterator = outputs.makeAsyncIterator()
    while let output = await iterator.next() {
      switch output {
      case .promptLogprobs, .token, .sampleFinished: continue
      case .embedding(let found): values = found
      case .finished(let summary):
        switch summary.reason {
        case .failed(let failure): throw InflightError(failure)
        case .cancelled: throw InflightError(.cancelled, "the request was cancelled")
        case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length: break
        }
        guard let values else { throw InflightError(.failed, "the engine ended without an embedding") }
        return Embedding(
          values: values, promptTokenCount: summary.promptTokenCount, cachedTokenCount: summary.cachedTokenCount)
      }
    }
    throw InflightError(.cancelled, "the request was cancelled")
  }
}
