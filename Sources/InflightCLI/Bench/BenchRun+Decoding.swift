internal import Benchmarking
internal import Inflight

extension BenchRun {
  /// Runs the closed loop with each of the plan's ways to choose tokens, in turns; the greedy loops are the benchmark's.
  func compareWays(rounds: Int, _ guided: TokenControls, _ measured: inout Measured) async throws {
    let level = plan.levels[0]
    var comparison = DecodingComparison(ways: plan.ways, concurrency: level)
    var greedy = BenchDriver.LoopResult(timelines: [], seconds: 0)
    var contents = StepRecorder.Contents()
    for round in 1...rounds {
      // All ways of a round begin with the same prompts.
      let numbers = takeNumbers(plan.requests(level: level))
      var samples: [DecodingComparison.Way: [DecodingComparison.Step]] = [:]
      for way in plan.ways {
        try await reset()
        let result = try await driver.closedLoop(numbers, concurrency: level, BenchDriver.Choice(way, guided))
        let steps = try await steps().executor
        samples[way] = steps.decodeSteps[level]
        guard way == .greedy else { continue }
        greedy.timelines += result.timelines
        greedy.seconds += result.seconds
        contents.overheads += steps.overheads
      }
      comparison.add(samples)
      let words = plan.ways.map { way in
        "\(way.rawValue) \(Words.optional(median((samples[way] ?? []).map(\.microseconds))))"
      }
      Terminal.write("round \(round): \(words.joined(separator: ", ")) µs per step\n")
    }
    measured.loops = [(level, greedy, Steps(executor: contents, operations: nil))]
    measured.decoding = comparison
  }
}

extension BenchDriver.Choice {
  /// What requests ask for that choose tokens in this way; `guided` says what guided texts look like.
  fileprivate init(_ way: DecodingComparison.Way, _ guided: TokenControls) {
    self.init()
    if way == .guided || way == .sampledAndGuided {
      controls = guided
      // A text that is complete has no token left but this one.
      params.ignoreEndOfSequence = false
    }
    if way == .sampled || way == .sampledAndGuided {
      params.temperature = 0.8
      params.topK = 50
      params.topP = 0.9
      params.repetitionPenalty = 1.1
      params.presencePenalty = 0.2
      params.frequencyPenalty = 0.1
    }
  }
}
