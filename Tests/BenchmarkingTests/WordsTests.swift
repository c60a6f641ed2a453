import Benchmarking
import Testing

@Suite struct WordsTests {
  @Test func numbersHaveThreeDigitsOrAllOfTheirInteger() {
    let cases: [(Double, String)] = [
      (0, "0"), (1234.5, "1235"), (100, "100"), (99.96, "100"), (42.25, "42.3"), (9.996, "10.0"), (9.5, "9.50"),
      (0.126, "0.13"), (-3.14159, "-3.14"), (.nan, "-"), (.infinity, "-"), (1e300, "-"),
    ]
    for (value, words) in cases { #expect(Words.number(value) == words, "\(value)") }
  }

  @Test func sharesArePercent() {
    #expect(Words.percent(0.29) == "29 %")
    #expect(Words.percent(0.0123) == "1.2 %")
    #expect(Words.percent(0) == "0.0 %")
    #expect(Words.decimals(-0.001, 2) == "0.00")
    #expect(Words.decimals(0.05, 1) == "0.1")
  }

  @Test func columnsAreAligned() {
    #expect(
      Words.table(["", "b"], [["long name", "1"], ["x", "100"]]) == "             b\nlong name    1\nx          100\n")
  }

  @Test func percentilesAreValuesThatWereMeasured() {
    let distribution = Distribution((1...100).map(Double.init).shuffled())
    #expect(distribution?.p50 == 50 && distribution?.p90 == 90 && distribution?.p99 == 99)
    #expect(Distribution([7])?.p99 == 7)
    #expect(Distribution([]) == nil)
    #expect(median([3, 1, 2]) == 2 && median([4, 1]) == 2.5 && median([]) == nil)
  }
}
