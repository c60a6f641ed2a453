internal import Executor
public import Requests
internal import Tokenization

/// A completion while it is generated: an asynchronous sequence of chunks, the last of which says how it ended.
///
/// It can be read once. To leave the loop early, to drop the stream, or to cancel the reading task cancels the request,
/// which frees what it holds within a step.
public struct CompletionStream: AsyncSequence, Sendable {
  /// A chunk.
  public typealias Element = CompletionChunk

  /// Names the request.
  public let id: RequestID
  /// Number of tokens of the prompt.
  public let promptTokenCount: Int

  let outputs: RequestOutputs
  private let detokenizer: StreamingDetokenizer
  private let stopTokens: Set<TokenID>

  init(_ submission: Executor.Submission, promptTokenCount: Int, tokenizer: Tokenizer, stopTokens: Set<TokenID>) {
    id = submission.id
    self.promptTokenCount = promptTokenCount
    outputs = submission.outputs
    detokenizer = tokenizer.makeDetokenizer(skipSpecialTokens: true)
    self.stopTokens = stopTokens
  }

  /// Reads the chunks.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var outputs: RequestOutputs.AsyncIterator
    fileprivate var detokenizer: StreamingDetokenizer
    fileprivate let stopTokens: Set<TokenID>

    /// The next chunk, or nil after the last.
    ///
    /// - Throws: ``InflightError`` if the request failed or was cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(InflightError) -> CompletionChunk? {
      guard let output = await outputs.next(isolation: actor) else {
        if Task.isCancelled { throw InflightError(.cancelled, "the request was cancelled") }
        return nil
      }
      switch output {
      case .promptLogprobs(let logprobs):
        return CompletionChunk(text: "", token: nil, promptLogprobs: logprobs, summary: nil)
      case .token(let token):
        var text = ""
        if !stopTokens.contains(token.token) {
          do { text = try detokenizer.append(token.token) } catch { throw InflightError(error) }
        }
        return CompletionChunk(text: text, token: token, promptLogprobs: [], summary: nil)
      case .finished(let summary):
        switch summary.reason {
        case .failed(let failure): throw InflightError(failure)
        case .cancelled: throw InflightError(.cancelled, "the request was cancelled")
        case .endOfSequence, .stopToken, .length:
          return CompletionChunk(text: detokenizer.finish(), token: nil, promptLogprobs: [], summary: summary)
        }
      }
    }

    /// The next chunk, or nil after the last.
    public mutating func next() async throws -> CompletionChunk? { try await next(isolation: nil) }
  }

  /// Starts reading.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(outputs: outputs.makeAsyncIterator(), detokenizer: detokenizer, stopTokens: stopTokens)
  }

  /// Reads the whole stream.
  ///
  /// - Throws: ``InflightError`` if the request failed or was cancelled.
  public func completion() async throws -> Completion {
    var completion = Completion(
      text: "", tokens: [], logprobs: [], promptLogprobs: [], finishReason: .cancelled,
      promptTokenCount: promptTokenCount, seed: 0)
    var hasEnded = false
    for try await chunk in self {
      completion.text += chunk.text
      completion.promptLogprobs += chunk.promptLogprobs
      if let token = chunk.token {
        completion.tokens.append(token.token)
        if token.logprob != nil { completion.logprobs.append(token) }
      }
      if let summary = chunk.summary {
        completion.finishReason = summary.reason
        completion.seed = summary.seed
        hasEnded = true
      }
    }
    // A stream that breaks off is not an answer.
    guard hasEnded else { throw InflightError(.failed, "the engine ended before the answer was complete") }
    return completion
  }
}
