/// What the options of `inflight bench` say, as they were given.
package struct BenchOptions: Sendable, Equatable {
  package var promptTokens = 512
  package var outputTokens = 128
  package var concurrency: Int?
  package var requests: Int?
  package var threads: Int?
  package var limits = false
  package var profile = false
  /// Levels of concurrency, separated by commas.
  package var sweep: String?
  package var report: String?
  package var compare: String?
  package var python: String?
  package var rounds: Int?
  package var sampling = false
  /// The file of a JSON schema.
  package var jsonSchema: String?

  package init() {}
}

/// Options of which nothing sensible can be done.
package struct BenchOptionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line: which option, and what to do.
  package let description: String

  init(_ description: String) { self.description = description }
}

/// What a benchmark measures: checked options.
package struct BenchPlan: Sendable, Equatable {
  /// The levels of `--sweep` without a list.
  package static let defaultLevels = "1,2,4,8,16,32,64"
  /// Where `--sweep` writes its report without `--report`.
  package static let defaultReport = "inflight-bench.html"
  /// Most requests at a time.
  package static let maximumConcurrency = 1024

  package let promptTokens: Int
  package let outputTokens: Int
  /// Requests at a time of each closed loop.
  package let levels: [Int]
  /// Where the report goes; nil without a sweep.
  package let report: String?
  /// Rounds of a comparison, with another engine or of ways to choose tokens; nil without one.
  package let rounds: Int?
  /// Whether another engine runs in turns with ours.
  package let hasPeer: Bool
  /// The ways to choose tokens that take turns; none if they are not compared.
  package let ways: [DecodingComparison.Way]
  /// Whether the tables of the profile are printed.
  package let printsProfile: Bool
  private let requests: Int?

  /// - Throws: ``BenchOptionError`` for a value out of range or options that do not go together.
  package init(_ options: BenchOptions) throws(BenchOptionError) {
    try Self.checkRanges(options)
    try Self.checkCombinations(options)
    promptTokens = options.promptTokens
    outputTokens = options.outputTokens
    requests = options.requests
    if let sweep = options.sweep {
      levels = try Self.levels(sweep)
      report = options.report ?? Self.defaultReport
    } else {
      levels = [options.concurrency ?? 1]
      report = nil
    }
    ways = Self.ways(options)
    hasPeer = options.compare != nil
    rounds = !hasPeer && ways.isEmpty ? nil : options.rounds ?? 3
    printsProfile = options.profile
  }

  /// Whether the closed loop runs at several levels.
  package var isSweep: Bool { report != nil }

  /// Whether operations are timed.
  package var isProfiled: Bool { printsProfile || isSweep }

  /// Requests of the closed loop of `level` at a time.
  package func requests(level: Int) -> Int {
    if isSweep { return max(level, requests ?? max(4, 2 * level)) }
    return requests ?? 2 * level
  }

  private static func ways(_ options: BenchOptions) -> [DecodingComparison.Way] {
    switch (options.sampling, options.jsonSchema != nil) {
    case (false, false): []
    case (true, false): [.greedy, .sampled]
    case (false, true): [.greedy, .guided]
    case (true, true): [.greedy, .sampled, .guided, .sampledAndGuided]
    }
  }

  private static func checkRanges(_ options: BenchOptions) throws(BenchOptionError) {
    for (name, value, most) in [
      ("--prompt-tokens", options.promptTokens, 1 << 20), ("--output-tokens", options.outputTokens, 1 << 20),
      ("--concurrency", options.concurrency ?? 1, maximumConcurrency), ("--requests", options.requests ?? 1, 1 << 20),
      ("--threads", options.threads ?? 1, 1024), ("--rounds", options.rounds ?? 1, 1000),
    ] where !(1...most).contains(value) {
      throw BenchOptionError("\(name) is \(value); it must be 1 to \(most)")
    }
    if let peer = options.compare, peer != "llama.cpp" {
      throw BenchOptionError("--compare is '\(peer)'; the only engine to compare with is llama.cpp")
    }
    if options.report?.isEmpty == true { throw BenchOptionError("--report is empty; it must name a file") }
  }

  private static func checkCombinations(_ options: BenchOptions) throws(BenchOptionError) {
    let given = [
      ("--sweep", options.sweep != nil), ("--compare", options.compare != nil), ("--profile", options.profile),
      ("--report", options.report != nil), ("--python", options.python != nil), ("--rounds", options.rounds != nil),
      ("--concurrency", options.concurrency != nil), ("--requests", options.requests != nil),
      ("--sampling", options.sampling), ("--json-schema", options.jsonSchema != nil),
    ].filter(\.1).map(\.0)
    if options.limits, let other = given.first {
      throw BenchOptionError("--limits runs no model; it does not go with \(other)")
    }
    let alone = "run one after the other"
    let excluded = [
      ("--sweep", "--concurrency", "the sweep's levels are --sweep 1,8,32"), ("--sweep", "--compare", alone),
      ("--compare", "--profile", alone), ("--sampling", "--compare", alone), ("--sampling", "--sweep", alone),
      ("--sampling", "--profile", alone), ("--json-schema", "--compare", alone), ("--json-schema", "--sweep", alone),
      ("--json-schema", "--profile", alone),
    ]
    for (one, other, advice) in excluded where given.contains(one) && given.contains(other) {
      throw BenchOptionError("\(one) does not go with \(other): \(advice)")
    }
    let needs = [
      ("--report", ["--sweep"]), ("--python", ["--compare"]),
      ("--rounds", ["--compare", "--sampling", "--json-schema"]),
    ]
    for (option, needed) in needs where given.contains(option) && !needed.contains(where: given.contains) {
      throw BenchOptionError("\(option) needs \(needed.joined(separator: " or "))")
    }
  }

  private static func levels(_ text: String) throws(BenchOptionError) -> [Int] {
    var levels: [Int] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let level = Int(word), (1...maximumConcurrency).contains(level) else {
        throw BenchOptionError(
          "--sweep has '\(word)'; it is a list of numbers from 1 to \(maximumConcurrency), such as 1,8,32")
      }
      guard levels.last.map({ $0 < level }) ?? true else {
        throw BenchOptionError("--sweep has \(level) after \(levels.last ?? 0); its numbers must grow")
      }
      levels.append(level)
    }
    return levels
  }
}
