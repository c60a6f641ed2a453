internal import Executor
public import Requests
internal import Tokenization

/// A completion while it is generated: an asynchronous sequence of chunks, the last of which says how it ended. The chunks
/// of several samples come in between each other.
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
  private let params: SamplingParams
  private let text: SampleText
  private let executor: Executor
  private let reportsLogprobs: Bool

  /// Reads `submission`, which was made of `request`; `text` is that of a sample before its first token. Completions have
  /// log-probabilities if `reportsLogprobs`.
  init(
    _ submission: Executor.Submission, _ request: GenerationRequest, text: SampleText, executor: Executor,
    reportsLogprobs: Bool
  ) {
    id = submission.id
    promptTokenCount = request.promptTokens.count
    outputs = submission.outputs
    params = request.params
    self.text = text
    self.executor = executor
    self.reportsLogprobs = reportsLogprobs
  }

  /// Reads the chunks.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var outputs: RequestOutputs.AsyncIterator
    fileprivate var samples: [SampleText]
    fileprivate let id: RequestID
    fileprivate let executor: Executor

    /// The next chunk, or nil after the last.
    ///
    /// - Throws: ``InflightError`` if the request failed or was cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(InflightError) -> CompletionChunk? {
      while let output = await outputs.next(isolation: actor) {
        if let chunk = try chunk(output) { return chunk }
      }
      if Task.isCancelled { throw InflightError(.cancelled, "the request was cancelled") }
      return nil
    }

    /// The next chunk if it is there already; nil does not mean that it was the last.
    ///
    /// - Throws: ``InflightError`` if the request failed or was cancelled.
    package mutating func nextIfThere() throws(InflightError) -> CompletionChunk? {
      while let output = outputs.nextIfThere() {
        if let chunk = try chunk(output) { return chunk }
      }
      return nil
    }

    /// What an event of the executor's says; nil for one that says nothing.
    private mutating func chunk(_ output: RequestOutput) throws(InflightError) -> CompletionChunk? {
      switch output {
      case .promptLogprobs(let logprobs):
        return CompletionChunk(text: "", promptLogprobs: logprobs)
      case .token(let token):
        // The engine may be some tokens ahead when a stop string is found.
        guard samples[token.sampleIndex].stop == nil else { return nil }
        return try append(token)
      case .embedding: return nil
      case .sampleFinished(let summary):
        let index = summary.sampleIndex
        return CompletionChunk(
          sampleIndex: index, text: samples[index].finish(), promptLogprobs: [],
          finishReason: samples[index].stop.map(FinishReason.stopString) ?? summary.reason)
      case .finished(let summary): return try finish(summary)
      }
    }

    private mutating func append(_ token: TokenOutput) throws(InflightError) -> CompletionChunk {
      let index = token.sampleIndex
      let text: String
      do { text = try samples[index].append(token.token) } catch { throw InflightError(error) }
      if let stop = samples[index].stop { executor.endSample(index, of: id, for: .stopString(stop)) }
      return CompletionChunk(
        sampleIndex: index, text: text, token: token, promptLogprobs: [],
        heldCharacterCount: samples[index].heldCharacterCount)
    }

    private mutating func finish(_ summary: RequestSummary) throws(InflightError) -> CompletionChunk {
      var summary = summary
      // What the engine did after a stop string does not count.
      summary.completionTokenCount = samples.reduce(0) { $0 + $1.tokenCount }
      if samples.count > 1, !summary.reason.isFailure {
        return CompletionChunk(text: "", promptLogprobs: [], summary: summary)
      }
      if samples.count == 1, let stop = samples[0].stop { summary.reason = .stopString(stop) }
      switch summary.reason {
      case .failed(let failure): throw InflightError(failure)
      case .cancelled: throw InflightError(.cancelled, "the request was cancelled")
      case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length:
        return CompletionChunk(
          text: samples[0].finish(), promptLogprobs: [], finishReason: summary.reason, summary: summary)
      }
    }

    /// The next chunk, or nil after the last.
    public mutating func next() async throws -> CompletionChunk? { try await next(isolation: nil) }
  }

  /// Starts reading.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(
      outputs: outputs.makeAsyncIterator(), samples: Array(repeating: text, count: params.sampleCount), id: id,
      executor: executor)
  }

  /// Reads the whole stream of a request for one sample.
  ///
  /// - Throws: ``InflightError`` if the request failed or was cancelled, or asks for more than one sample.
  public func completion() async throws -> Completion {
    guard params.n == 1 else {
      throw InflightError(.request, "n is \(params.n), which makes more than one completion; use generateSamples")
    }
    return try await completions()[0]
  }

  /// Reads the whole stream: the completions that were asked for, in the order of their samples, or, if more were generated
  /// than asked for, the most probable ones, best first.
  ///
  /// - Throws: ``InflightError`` if the request failed or was cancelled.
  public func completions() async throws -> [Completion] {
    var completions = (0..<params.sampleCount).map { index in
      Completion(
        sampleIndex: index, text: "", tokens: [], logprobs: [], promptLogprobs: [], finishReason: .cancelled,
        promptTokenCount: promptTokenCount, seed: 0)
    }
    var promptLogprobs: [PromptTokenLogprobs] = []
    var summary: RequestSummary?
    for try await chunk in self {
      let index = chunk.sampleIndex
      completions[index].text += chunk.text
      promptLogprobs += chunk.promptLogprobs
      if let token = chunk.token {
        completions[index].tokens.append(token.token)
        if token.logprob != nil { completions[index].logprobs.append(token) }
      }
      if let reason = chunk.finishReason { completions[index].finishReason = reason }
      summary = chunk.summary ?? summary
    }
    // A stream that breaks off is not an answer.
    guard let summary else { throw InflightError(.failed, "the engine ended before the answer was complete") }
    if params.sampleCount > params.n { completions = completions.best(params.n) }
    for index in completions.indices {
      completions[index].promptLogprobs = promptLogprobs
      completions[index].seed = summary.seed
      if !reportsLogprobs { completions[index].logprobs = [] }
    }
    return completions
  }
}

extension [Completion] {
  /// The `count` completions with the largest mean log-probability, best first, ties by sample.
  fileprivate func best(_ count: Int) -> [Completion] {
    let ranked = map { (completion: $0, mean: $0.meanLogprob ?? -.infinity) }.sorted { left, right in
      left.mean != right.mean
        ? left.mean > right.mean : left.completion.sampleIndex < right.completion.sampleIndex
    }
    return ranked.prefix(count).map(\.completion)
  }
}

extension FinishReason {
  /// Whether there is no answer.
  fileprivate var isFailure: Bool {
    switch self {
    case .failed, .cancelled: true
    case .endOfSequence, .stopToken, .stopString, .constraintEnded, .length: false
    }
  }
}
