internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Threads for what computes on text without waiting: parsing bodies, rendering templates, tokenizing, compiling grammars,
/// writing large answers. What they do keeps no stream and no probe waiting, and one lane keeps no other.
package final class TextWork: Sendable {
  /// A queue with a thread of its own.
  package enum Lane: Int, CaseIterable, Sendable {
    /// What takes milliseconds at most.
    case short
    /// Large bodies.
    case long
    /// Grammars, whose size says little about their work.
    case grammar
    /// Large answers.
    case answer

    /// The lane for a text of so many bytes.
    package init(byteCount: Int) { self = byteCount > 1 << 16 ? .long : .short }
  }

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: Lane.allCases.count)
  private let executors: [LoopExecutor]
  private let counts = Mutex([Int](repeating: 0, count: Lane.allCases.count))
  private let limit: Int

  /// Starts the threads. So many jobs may wait for each, the running one included.
  package init(limit: Int = 256) {
    self.limit = limit
    var executors: [LoopExecutor] = []
    for loop in group.makeIterator() { executors.append(LoopExecutor(loop)) }
    self.executors = executors
  }

  /// Jobs that wait for a lane or are at work there.
  package func count(in lane: Lane) -> Int { counts.withLock { $0[lane.rawValue] } }

  deinit { group.shutdownGracefully { _ in } }

  /// Does something for a request, unless too much waits already, or nobody wants it any more when it is its turn.
  ///
  /// - Throws: ``APIError`` (503, 504, 499), and what `body` throws.
  package func run<Value: Sendable>(
    _ lane: Lane, isWanted: @Sendable () throws(APIError) -> Void = {},
    _ body: @Sendable () throws(APIError) -> Value
  ) async throws(APIError) -> Value {
    let isFull = counts.withLock { counts in
      guard counts[lane.rawValue] < limit else { return true }
      counts[lane.rawValue] += 1
      return false
    }
    guard !isFull else { throw .unavailable("too many texts wait to be read; try again later", retryAfter: 1) }
    defer { counts.withLock { $0[lane.rawValue] -= 1 } }
    return try await withTaskExecutorPreference(executors[lane.rawValue]) { () throws(APIError) -> Value in
      try isWanted()
      return try body()
    }
  }

  /// Writes an answer that is about `count` tokens or numbers, at once if it is small. It is not refused: there are no more
  /// answers than requests that were accepted.
  package func write<Value: Sendable>(count: Int, _ body: @Sendable () -> Value) async -> Value {
    guard count > 1024 else { return body() }
    return await withTaskExecutorPreference(executors[Lane.answer.rawValue]) { body() }
  }
}
