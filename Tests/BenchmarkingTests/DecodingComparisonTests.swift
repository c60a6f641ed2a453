import Benchmarking
import JSON
import Testing

@Suite struct DecodingComparisonTests {
  private func steps(_ microseconds: [Double], choosing: Double) -> [DecodingComparison.Step] {
    microseconds.map { DecodingComparison.Step(microseconds: $0, choosing: choosing) }
  }

  /// Three rounds of which the second was slow for both ways: the ratio is that of the steps of one round.
  private var comparison: DecodingComparison {
    var comparison = DecodingComparison(ways: [.greedy, .sampled, .guided], concurrency: 32)
    comparison.add([.greedy: steps([90, 100, 900], choosing: 1), .sampled: steps([104], choosing: 5)])
    comparison.add([.greedy: steps([400], choosing: 1), .sampled: steps([400, 440, 480], choosing: 45)])
    comparison.add([.greedy: steps([100], choosing: 4), .sampled: steps([103], choosing: 6)])
    return comparison
  }

  @Test func aWayIsHeldAgainstTheGreedyStepsOfItsRound() throws {
    let rows = comparison.rows
    try #require(rows.map(\.way) == [.greedy, .sampled])
    #expect(rows[0].microseconds == 100 && rows[0].ratio == 1 && rows[0].stepCount == 5)
    #expect(rows[1].microseconds == 104 && rows[1].ratio == 1.04 && rows[1].stepCount == 5)
    #expect(rows[1].choosing == 6 && rows[1].averageChoosing == 29.2)
  }

  @Test func aRoundWithoutGreedyStepsSaysNothing() {
    var comparison = DecodingComparison(ways: [.greedy, .sampled], concurrency: 1)
    #expect(comparison.rows.isEmpty && comparison.json["ways"]?.arrayValue?.isEmpty == true)
    comparison.add([.sampled: steps([1], choosing: 1)])
    #expect(comparison.rows.isEmpty)
  }

  @Test func peopleAndProgramsReadTheSameFigures() throws {
    let figures = Samples.figures(levels: [32], isSweep: false, decoding: comparison)
    let json = try JSONValue(parsing: Array(figures.json.serialized().utf8))["decoding"]
    #expect(json?["concurrency"]?.intValue == 32 && json?["rounds"]?.intValue == 3)
    let sampled = json?["ways"]?[1]
    #expect(sampled?["name"]?.stringValue == "sampled" && sampled?["of_greedy"]?.doubleValue == 1.04)
    #expect(sampled?["step_us"]?.doubleValue == 104 && sampled?["choosing_us"]?.doubleValue == 6)
    #expect(figures.words(withProfile: false).contains("steps of 32 requests that generate, medians of 3 rounds"))
    #expect(figures.words(withProfile: false).contains("1.040"))
    #expect(comparison.words.contains("guided: no step in which all 32 generated"))
    #expect(Samples.figures().json["decoding"] == nil)
  }
}
