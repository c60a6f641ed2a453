import Benchmarking
import Testing

@Suite struct PlotScaleTests {
  @Test(arguments: [0.003, 0.9, 1, 7, 12.5, 49, 50, 999, 1001, 123_456]) func aLinearAxisBeginsAtZeroAndHoldsEverything(
    _ most: Double
  ) {
    let scale = PlotScale(.linear, values: [most / 3, most], places: (100, 0))
    #expect(scale.domain.low == 0 && scale.domain.high >= most && scale.domain.high <= most * 1.7)
    #expect((2...11).contains(scale.ticks.count))
    #expect(scale.place(0) == 100)
    #expect(scale.place(scale.domain.high) == 0)
    #expect(abs(scale.place(scale.domain.high / 2) - 50) < 1e-9)
  }

  @Test func aLogarithmicAxisHasRoundNumbersAroundTheValues() {
    let scale = PlotScale(.logarithmic, values: [13, 420], places: (0, 300))
    #expect(scale.ticks.map { $0.rounded() } == [10, 20, 50, 100, 200, 500])
    #expect(scale.place(13) > 0 && scale.place(420) < 300)
    // Equal ratios are equal distances.
    #expect(abs((scale.place(20) - scale.place(10)) - (scale.place(200) - scale.place(100))) < 1e-9)
  }

  @Test func ticksThatAreGivenAreKeptAndLieInside() {
    let scale = PlotScale(.logarithmic, values: [1, 64], places: (0, 100), ticks: [1, 8, 64])
    #expect(scale.ticks == [1, 8, 64])
    #expect(scale.place(1) > 0 && scale.place(64) < 100)
  }

  @Test(arguments: [[Double]](arrayLiteral: [], [0], [5], [.nan, .infinity], [-3, -1], [1e-300, 1e300]))
  func oddValuesGiveFinitePlaces(_ values: [Double]) {
    for kind in [PlotScale.Kind.linear, .logarithmic] {
      let scale = PlotScale(kind, values: values, places: (10, 20))
      for value in values + [0, 1, -1, .nan, .infinity, -.infinity] {
        #expect((10...20).contains(scale.place(value)))
      }
      #expect(scale.ticks.allSatisfy { $0.isFinite })
    }
  }
}
