package import JSON
package import Tensors

extension BenchFigures {
  /// For programs. The loop's members are those of the last level.
  package var json: JSONValue {
    let last = loops[loops.count - 1]
    var members: [(String, JSONValue)] = [
      ("prefill_tokens_per_second", .rounded(single.prefillTokensPerSecond, digits: 1)),
      ("decode_tokens_per_second", single.decodeTokensPerSecond.map { .rounded($0, digits: 1) } ?? .null),
    ]
    members += last.members
    members += [
      ("limits", limits.json),
      (
        "of_limit",
        .object([
          ("prefill", .rounded(prefillShare, digits: 3)),
          ("decode", decodeShare.map { .rounded($0, digits: 3) } ?? .null),
        ])
      ),
      ("peak_rss_bytes", .integer(Int64(peakResidentBytes))), ("threads", .integer(Int64(setting.threads))),
      ("prompt_tokens", .integer(Int64(setting.promptTokens))),
      ("output_tokens", .integer(Int64(setting.outputTokens))), ("concurrency", .integer(Int64(last.concurrency))),
      ("requests", .integer(Int64(last.requests))), ("model", .string(setting.model)),
      ("processor", .string(setting.processor)), ("kernels", .string(setting.kernels)),
    ]
    if isSweep { members.append(("sweep", .array(loops.map(\.json)))) }
    if let profile { members.append(("profile", profile.json)) }
    if let profile = loopWithProfile?.profile { members.append(("loop_profile", profile.json)) }
    if let comparison { members.append(("compare", comparison.json)) }
    if let decoding { members.append(("decoding", decoding.json)) }
    return .object(members)
  }

  /// For people.
  package func words(withProfile: Bool) -> String {
    var text = """
      \(setting.model), \(setting.threads) threads, \(setting.kernels)
      prefill \(pad(setting.promptTokens))\(rate(single.prefillTokensPerSecond)), \(Words.percent(prefillShare)) of \(prefillLimit)
      decode          \(Words.optional(single.decodeTokensPerSecond, rate))\
      \(decodeShare.map { ", \(Words.percent($0)) of the read bandwidth" } ?? "")

      """
    text += isSweep ? sweepWords : loopWords(loops[loops.count - 1])
    text += "peak memory     \(peakResidentBytes >> 20) MiB\n" + limits.words
    if let comparison { text += "\n" + comparison.words }
    if let decoding { text += "\n" + decoding.words }
    if withProfile {
      if let profile { text += "\nOne request at a time:\n" + profile.words }
      if let loop = loopWithProfile, let profile = loop.profile {
        text += "\n\(loop.concurrency) requests at a time:\n" + profile.words
      }
    }
    return text
  }

  /// The loop whose profile says more than that of requests alone; a sweep has those of all levels elsewhere.
  private var loopWithProfile: LoopFigures? { isSweep ? nil : loops.last { $0.concurrency > 1 } }

  private func loopWords(_ loop: LoopFigures) -> String {
    """
    \(loop.requests) requests of \(setting.promptTokens)+\(setting.outputTokens), \(loop.concurrency) at a time:
      output        \(rate(loop.outputTokensPerSecond)), total \(rate(loop.totalTokensPerSecond))
      first token   \(loop.timeToFirstToken?.words ?? "-") ms
      between       \(loop.interTokenLatency?.words ?? "-") ms
      step overhead \(loop.stepOverhead?.words ?? "-") µs

    """
  }

  private var sweepWords: String {
    "closed loops of \(setting.promptTokens)+\(setting.outputTokens) tokens:\n"
      + Words.table(Self.sweepHeader, loops.map(Self.sweepCells))
  }

  /// The header of a sweep's table.
  static let sweepHeader = [
    "at a time", "requests", "output tokens/s", "total tokens/s", "first token p50 ms", "p90", "p99", "between p50 ms",
    "p90", "p99", "overhead p50 µs", "p99",
  ]

  /// A level's row of that table.
  static func sweepCells(_ loop: LoopFigures) -> [String] {
    let (first, between, overhead) = (loop.timeToFirstToken, loop.interTokenLatency, loop.stepOverhead)
    return [
      "\(loop.concurrency)", "\(loop.requests)", Words.number(loop.outputTokensPerSecond),
      Words.number(loop.totalTokensPerSecond), Words.optional(first?.p50), Words.optional(first?.p90),
      Words.optional(first?.p99), Words.optional(between?.p50), Words.optional(between?.p90),
      Words.optional(between?.p99), Words.optional(overhead?.p50), Words.optional(overhead?.p99),
    ]
  }

  private func rate(_ value: Double) -> String { "\(Words.number(value)) tokens/s" }

  private func pad(_ value: Int) -> String {
    let digits = "\(value)"
    return digits + String(repeating: " ", count: max(1, 8 - digits.utf8.count))
  }
}

extension MachineLimits {
  /// Above this ``spread`` people are told that the machine is not steady.
  static let steadySpread = 0.1

  /// For programs.
  package var json: JSONValue {
    func range(_ rounds: [Double]) -> JSONValue {
      .array([.rounded(rounds.min() ?? 0, digits: 1), .rounded(rounds.max() ?? 0, digits: 1)])
    }
    return .object([
      ("read_gb_per_second", .rounded(readGigabytesPerSecond, digits: 1)),
      ("int8_gops", .rounded(int8Gops, digits: 1)), ("bf16_gflops", .rounded(bfloatGflops, digits: 1)),
      (
        "ranges",
        .object([
          ("read_gb_per_second", range(readRounds)), ("int8_gops", range(int8Rounds)),
          ("bf16_gflops", range(bfloatRounds)),
        ])
      ), ("spread", .rounded(spread, digits: 3)),
    ])
  }

  /// For people.
  package var words: String {
    """
    machine         reads \(Words.number(readGigabytesPerSecond)) GB/s, \(Words.number(int8Gops)) int8 GOPS, \
    \(Words.number(bfloatGflops)) bf16 GFLOPS (medians of \(readRounds.count) rounds)
    \(unsteadyWords.map { "                \($0)\n" } ?? "")
    """
  }

  /// A warning if the rounds differed much; nil otherwise.
  package var unsteadyWords: String? {
    guard spread > Self.steadySpread else { return nil }
    return "not steady: a quarter of the rounds were more than \(Words.percent(Self.steadySpread)) off the median "
      + "(reads \(Self.range(readRounds)) GB/s, int8 \(Self.range(int8Rounds)), bf16 \(Self.range(bfloatRounds)))"
  }

  /// The least and the greatest of some rounds.
  static func range(_ rounds: [Double]) -> String {
    "\(Words.number(rounds.min() ?? 0)) to \(Words.number(rounds.max() ?? 0))"
  }
}
