package import JSON

/// When the tokens of one request came, in seconds after it was sent.
package struct Timeline: Sendable, Equatable {
  package var tokenTimes: [Double]

  package init(tokenTimes: [Double] = []) { self.tokenTimes = tokenTimes }

  package var timeToFirstToken: Double { tokenTimes.first ?? 0 }
  package var interTokenLatencies: [Double] { zip(tokenTimes.dropFirst(), tokenTimes).map { $0 - $1 } }
  /// Seconds from the first token to the last.
  package var decodeSeconds: Double { (tokenTimes.last ?? 0) - timeToFirstToken }
}

/// The speed of requests that ran alone, one after the other.
package struct SingleFigures: Sendable, Equatable {
  /// Tokens of the prompt per second until the first token came: the median of the requests.
  package let prefillTokensPerSecond: Double
  /// Tokens per second from the first to the last; nil if the answers have one token.
  package let decodeTokensPerSecond: Double?

  /// The medians of `timelines`; nil if there are none or one of them has no token.
  package init?(_ timelines: [Timeline], promptTokens: Int) {
    guard let prefill = median(timelines.map { Double(promptTokens) / $0.timeToFirstToken }), prefill.isFinite else {
      return nil
    }
    prefillTokensPerSecond = prefill
    decodeTokensPerSecond = median(
      timelines.filter { $0.decodeSeconds > 0 }.map { Double($0.tokenTimes.count - 1) / $0.decodeSeconds })
  }

  package init(prefillTokensPerSecond: Double, decodeTokensPerSecond: Double?) {
    self.prefillTokensPerSecond = prefillTokensPerSecond
    self.decodeTokensPerSecond = decodeTokensPerSecond
  }
}

/// The figures of a closed loop: requests of which a fixed number run at a time.
package struct LoopFigures: Sendable, Equatable {
  package let concurrency: Int
  package let requests: Int
  package let seconds: Double
  /// Generated tokens per second, all requests together.
  package let outputTokensPerSecond: Double
  /// Tokens of prompts and answers per second.
  package let totalTokensPerSecond: Double
  /// Milliseconds from sending a request to its first token.
  package let timeToFirstToken: Distribution?
  /// Milliseconds between one token of a request and the next.
  package let interTokenLatency: Distribution?
  /// Microseconds of each step that were neither model nor decoder.
  package let stepOverhead: Distribution?
  /// Where the steps' time went.
  package let profile: StepProfile?

  package init(
    _ timelines: [Timeline], seconds: Double, concurrency: Int, promptTokens: Int, stepOverheads: [Double],
    profile: StepProfile?
  ) {
    self.concurrency = concurrency
    self.seconds = seconds
    self.profile = profile
    requests = timelines.count
    let output = timelines.reduce(0) { $0 + $1.tokenTimes.count }
    outputTokensPerSecond = Double(output) / seconds
    totalTokensPerSecond = Double(output + timelines.count * promptTokens) / seconds
    timeToFirstToken = Distribution(timelines.map { $0.timeToFirstToken * 1000 })
    interTokenLatency = Distribution(timelines.flatMap { $0.interTokenLatencies.map { $0 * 1000 } })
    stepOverhead = Distribution(stepOverheads)
  }

  /// The members that describe the loop; those of a benchmark's JSON and of each level of a sweep.
  package var members: [(String, JSONValue)] {
    [
      ("output_tokens_per_second", .rounded(outputTokensPerSecond, digits: 1)),
      ("total_tokens_per_second", .rounded(totalTokensPerSecond, digits: 1)),
      ("ttft_ms", timeToFirstToken?.json ?? .null), ("itl_ms", interTokenLatency?.json ?? .null),
      ("step_overhead_us", stepOverhead?.json ?? .null),
    ]
  }

  /// For programs, as a level of a sweep.
  package var json: JSONValue {
    .object(
      [("concurrency", .integer(Int64(concurrency))), ("requests", .integer(Int64(requests)))] + members
        + (profile.map { [("steps", $0.json)] } ?? []))
  }
}
