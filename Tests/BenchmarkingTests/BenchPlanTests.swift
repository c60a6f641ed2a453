import Benchmarking
import Testing

@Suite struct BenchPlanTests {
  private func plan(_ change: (inout BenchOptions) -> Void) throws -> BenchPlan {
    var options = BenchOptions()
    change(&options)
    return try BenchPlan(options)
  }

  @Test func withoutOptionsOneRequestRunsAtATime() throws {
    let plan = try plan { _ in }
    #expect(plan.levels == [1] && plan.requests(level: 1) == 2)
    #expect(!plan.isSweep && !plan.isProfiled && plan.report == nil && plan.rounds == nil)
  }

  @Test func aSweepHasLevelsAReportAndEnoughRequests() throws {
    let all = try plan { $0.sweep = BenchPlan.defaultLevels }
    #expect(all.levels == [1, 2, 4, 8, 16, 32, 64] && all.report == "inflight-bench.html" && all.isProfiled)
    #expect(all.requests(level: 1) == 4 && all.requests(level: 64) == 128)
    let some = try plan {
      $0.sweep = "1,8"
      $0.requests = 2
      $0.report = "x.html"
    }
    #expect(some.levels == [1, 8] && some.report == "x.html")
    #expect(some.requests(level: 1) == 2 && some.requests(level: 8) == 8)
  }

  @Test func aComparisonHasThreeRoundsUnlessToldOtherwise() throws {
    let three = try plan { $0.compare = "llama.cpp" }
    #expect(three.rounds == 3)
    let five = try plan {
      $0.compare = "llama.cpp"
      $0.rounds = 5
    }
    #expect(five.rounds == 5)
  }

  @Test func waysToChooseTokensTakeTurns() throws {
    let sampled = try plan { $0.sampling = true }
    #expect(sampled.ways == [.greedy, .sampled] && sampled.rounds == 3 && sampled.levels == [1])
    let guided = try plan { ($0.jsonSchema, $0.rounds, $0.concurrency) = ("x.json", 5, 32) }
    #expect(guided.ways == [.greedy, .guided] && guided.rounds == 5 && guided.requests(level: 32) == 64)
    #expect(try plan { ($0.sampling, $0.jsonSchema) = (true, "x.json") }.ways == DecodingComparison.Way.allCases)
    // Another engine runs only where it was asked for.
    #expect(!sampled.hasPeer && !guided.hasPeer)
    #expect(try plan { $0.compare = "llama.cpp" }.hasPeer)
    #expect(try plan { _ in }.ways.isEmpty)
  }

  @Test(arguments: ["", "0", "1,", ",1", "1,1", "2,1", "x", "1, 2", "1025", "99999999999999999999", "-1"])
  func wrongLevelsAreRefused(_ sweep: String) {
    #expect(throws: BenchOptionError.self) { try plan { $0.sweep = sweep } }
  }

  @Test func numbersOutOfRangeAreRefused() {
    let changes: [(inout BenchOptions) -> Void] = [
      { $0.promptTokens = 0 }, { $0.outputTokens = -1 }, { $0.concurrency = 0 }, { $0.concurrency = 1025 },
      { $0.requests = 0 }, { $0.threads = 0 }, { $0.threads = 1025 }, { $0.promptTokens = .max },
    ]
    for change in changes { #expect(throws: BenchOptionError.self) { try plan(change) } }
  }

  @Test func optionsThatDoNotGoTogetherAreNamed() {
    let cases: [(String, (inout BenchOptions) -> Void)] = [
      ("--report needs --sweep", { $0.report = "x" }),
      ("--python needs --compare", { $0.python = "x" }),
      ("--rounds needs --compare or --sampling or --json-schema", { $0.rounds = 2 }),
      ("--sampling does not go with --sweep", { ($0.sampling, $0.sweep) = (true, "1") }),
      ("--sampling does not go with --profile", { ($0.sampling, $0.profile) = (true, true) }),
      ("--json-schema does not go with --compare", { ($0.jsonSchema, $0.compare) = ("x", "llama.cpp") }),
      ("--limits runs no model; it does not go with --sampling", { ($0.limits, $0.sampling) = (true, true) }),
      ("--sweep does not go with --concurrency", { ($0.sweep, $0.concurrency) = ("1", 2) }),
      ("--sweep does not go with --compare", { ($0.sweep, $0.compare) = ("1", "llama.cpp") }),
      ("--compare does not go with --profile", { ($0.compare, $0.profile) = ("llama.cpp", true) }),
      ("--limits runs no model; it does not go with --sweep", { ($0.limits, $0.sweep) = (true, "1") }),
      ("--compare is 'vllm'", { $0.compare = "vllm" }),
      ("--report is empty", { ($0.sweep, $0.report) = ("1", "") }),
    ]
    for (words, change) in cases {
      do {
        _ = try plan(change)
        Issue.record("'\(words)' was not refused")
      } catch {
        #expect("\(error)".contains(words))
      }
    }
  }
}
