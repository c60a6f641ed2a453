internal import Benchmarking
internal import Inflight
internal import Synchronization

/// Sends the requests of a benchmark and notes when their tokens arrive.
struct BenchDriver: Sendable {
  let llm: LLM
  let promptTokens: Int
  let outputTokens: Int

  /// Many requests, a fixed number at a time.
  struct LoopResult: Sendable {
    var timelines: [Timeline]
    var seconds: Double
  }

  /// How the tokens of requests are chosen.
  struct Choice: Sendable {
    var params = SamplingParams(ignoreEndOfSequence: true)
    var controls = TokenControls()
  }

  /// Sends the request with a number and reads it to its end. Every number has a prompt of its own.
  func request(_ number: Int, _ choice: Choice = Choice()) async throws -> Timeline {
    let prompt = prompt(number)
    var timeline = Timeline()
    let clock = ContinuousClock()
    let start = clock.now
    var params = choice.params
    params.maxTokens = outputTokens
    if params.temperature > 0 { params.seed = UInt64(number) }
    for try await chunk in try llm.stream(tokens: prompt, params, controls: choice.controls) where chunk.token != nil {
      timeline.tokenTimes.append((clock.now - start).inSeconds)
    }
    return timeline
  }

  /// Sends the requests with these numbers so that `concurrency` are under way until no more are left.
  func closedLoop(
    _ numbers: Range<Int>, concurrency: Int, _ choice: Choice = Choice()
  ) async throws -> LoopResult {
    let counter = RequestCounter(numbers)
    let clock = ContinuousClock()
    let start = clock.now
    let timelines = try await withThrowingTaskGroup(of: [Timeline].self) { group in
      for _ in 0..<min(concurrency, numbers.count) {
        group.addTask {
          var timelines: [Timeline] = []
          while let number = counter.next() { timelines.append(try await request(number, choice)) }
          return timelines
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    return LoopResult(timelines: timelines, seconds: (clock.now - start).inSeconds)
  }

  /// Random tokens; every request has others, so that none profits from another's.
  func prompt(_ number: Int) -> [TokenID] {
    var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    return (0..<promptTokens).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return TokenID(truncatingIfNeeded: (state >> 33) % UInt64(llm.information.vocabularySize))
    }
  }
}

/// Hands out the numbers of a loop's requests to the tasks that send them.
private final class RequestCounter: Sendable {
  private let numbers: Mutex<Range<Int>>

  init(_ numbers: Range<Int>) { self.numbers = Mutex(numbers) }

  func next() -> Int? { numbers.withLock { $0.popFirst() } }
}

extension Duration {
  /// The duration as a number of seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
