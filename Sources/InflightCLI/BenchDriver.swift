internal import Inflight
internal import Synchronization

/// Sends the requests of a benchmark and notes when their tokens arrive.
struct BenchDriver: Sendable {
  let llm: LLM
  let promptTokens: Int
  let outputTokens: Int

  /// When the tokens of one request came, in seconds after it was sent.
  struct Timeline: Sendable {
    var tokenTimes: [Double] = []
    var timeToFirstToken: Double { tokenTimes.first ?? 0 }
    var interTokenLatencies: [Double] { zip(tokenTimes.dropFirst(), tokenTimes).map { $0 - $1 } }
    /// Seconds from the first token to the last.
    var decodeSeconds: Double { (tokenTimes.last ?? 0) - timeToFirstToken }
  }

  /// Many requests, a fixed number at a time.
  struct LoopResult: Sendable {
    var timelines: [Timeline]
    var seconds: Double
  }

  /// Sends one request and reads it to its end.
  func request(number: Int) async throws -> Timeline {
    var timeline = Timeline()
    let clock = ContinuousClock()
    let start = clock.now
    let params = SamplingParams(maxTokens: outputTokens, ignoreEndOfSequence: true)
    for try await chunk in try llm.stream(tokens: prompt(number), params) where chunk.token != nil {
      timeline.tokenTimes.append((clock.now - start).inSeconds)
    }
    return timeline
  }

  /// Sends `requests` requests so that `concurrency` are under way until no more are left.
  func closedLoop(requests: Int, concurrency: Int) async throws -> LoopResult {
    let counter = RequestCounter(limit: requests)
    let clock = ContinuousClock()
    let start = clock.now
    let timelines = try await withThrowingTaskGroup(of: [Timeline].self) { group in
      for _ in 0..<min(concurrency, requests) {
        group.addTask {
          var timelines: [Timeline] = []
          while let number = counter.next() { timelines.append(try await request(number: 1000 + number)) }
          return timelines
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    return LoopResult(timelines: timelines, seconds: (clock.now - start).inSeconds)
  }

  /// Random tokens; every request has others, so that none profits from another's.
  private func prompt(_ number: Int) -> [TokenID] {
    var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    return (0..<promptTokens).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return TokenID(truncatingIfNeeded: (state >> 33) % UInt64(llm.information.vocabularySize))
    }
  }
}

/// Hands out the numbers of a loop's requests to the tasks that send them.
private final class RequestCounter: Sendable {
  private let limit: Int
  private let issued = Mutex(0)

  init(limit: Int) { self.limit = limit }

  func next() -> Int? {
    issued.withLock { issued in
      guard issued < limit else { return nil }
      defer { issued += 1 }
      return issued
    }
  }
}

extension Duration {
  /// The duration as a number of seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
