/// Where a request is in its life. Each case carries the only values from which the next case can be made, so that a
/// transition that the life does not have cannot be written down:
///
/// ```
/// waiting -> context -> context ... -> generating -> generating ... -> finished
///               ^---------- paused ---------|
/// ```
///
/// Any state may go to `finished`.
package enum RequestState: Sendable, Equatable {
  /// Holds nothing and waits to be scheduled for the first time, or again after a pause.
  case waiting(Waiting)
  /// Part of its known tokens (prompt, and after a pause what it had generated) is in the cache.
  case context(Progress)
  /// All known tokens but the one generated last are in the cache.
  case generating(Progress)
  /// Over.
  case finished(FinishReason)

  /// The state of a new request.
  package static var new: RequestState { .waiting(Waiting()) }

  /// The right to start computing.
  package struct Waiting: Sendable, Equatable {
    fileprivate init() {}

    /// Starts with the first `cached` tokens in the cache already.
    package func started(cached: Int) -> RequestState { .context(Progress(processed: cached)) }
  }

  /// How many of a request's known tokens are in the cache.
  package struct Progress: Sendable, Equatable {
    /// Number of tokens whose keys and values are in the cache.
    package let processed: Int

    fileprivate init(processed: Int) { self.processed = processed }

    /// `count` more tokens of `known` were computed. The state stays `context` until none is left.
    package func advanced(by count: Int, of known: Int) -> RequestState {
      let next = Progress(processed: processed + count)
      precondition(count > 0 && next.processed <= known, "\(next.processed) of \(known) tokens processed")
      return next.processed == known ? .generating(next) : .context(next)
    }

    /// Everything in the cache was given back.
    package func paused() -> RequestState { .waiting(Waiting()) }
  }

  /// Number of tokens whose keys and values are in the cache.
  @inlinable
  package var processedTokenCount: Int {
    switch self {
    case .context(let progress), .generating(let progress): progress.processed
    case .waiting, .finished: 0
    }
  }

  /// Whether the request holds resources.
  @inlinable
  package var isRunning: Bool {
    switch self {
    case .context, .generating: true
    case .waiting, .finished: false
    }
  }

  /// Whether the request is over.
  @inlinable
  package var isFinished: Bool {
    if case .finished = self { true } else { false }
  }
}
