/// Lines through points: one or several series over a common axis.
package struct LinePlot: Sendable {
  /// A point; `label` is written beside it if it is not empty, and `hint` is shown when the pointer rests on it.
  package struct Point: Sendable {
    package var x: Double
    package var y: Double
    package var label: String
    package var hint: String

    package init(x: Double, y: Double, label: String = "", hint: String = "") {
      self.x = x
      self.y = y
      self.label = label
      self.hint = hint
    }
  }

  /// A line.
  package struct Series: Sendable {
    package var name: String
    package var points: [Point]

    package init(name: String, points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  package var title: String
  package var xLabel: String
  package var yLabel: String
  package var xKind: PlotScale.Kind
  package var yKind: PlotScale.Kind
  /// What is written at the horizontal axis; nil for round numbers.
  package var xTicks: [Double]?
  package var series: [Series]

  package init(
    title: String, xLabel: String, yLabel: String, xKind: PlotScale.Kind = .linear, yKind: PlotScale.Kind = .linear,
    xTicks: [Double]? = nil, series: [Series]
  ) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.xKind = xKind
    self.yKind = yKind
    self.xTicks = xTicks
    self.series = series
  }

  /// The plot as a figure of a page.
  package var markup: String {
    var plot = SVGPlot(title: title, xLabel: xLabel, yLabel: yLabel)
    let points = series.flatMap(\.points)
    let x = PlotScale(xKind, values: points.map(\.x), places: (SVGPlot.left, SVGPlot.right), ticks: xTicks)
    let y = PlotScale(yKind, values: points.map(\.y), places: (SVGPlot.bottom, SVGPlot.top))
    plot.addGrid(x: x)
    plot.addGrid(y: y)
    for (index, series) in series.enumerated() where !series.points.isEmpty {
      let colour = index % HTMLStyle.colourCount
      let places = series.points.map { (x: x.place($0.x), y: y.place($0.y)) }
      plot.add(
        Markup.empty(
          "polyline",
          [
            ("class", "stroke\(colour)"),
            ("points", places.map { "\(plot.coordinate($0.x)),\(plot.coordinate($0.y))" }.joined(separator: " ")),
          ]))
      for (point, place) in zip(series.points, places) {
        plot.add(
          Markup.element(
            "circle",
            [
              ("class", "fill\(colour)"), ("cx", plot.coordinate(place.x)), ("cy", plot.coordinate(place.y)),
              ("r", "3.5"),
            ], Markup.element("title", [], Markup.escape(point.hint))))
        guard !point.label.isEmpty else { continue }
        plot.add(plot.text(point.label, place.x, place.y - 8, "mark", anchor: "middle"))
      }
    }
    plot.addLegend(series.enumerated().map { .init(name: $1.name, colour: $0 % HTMLStyle.colourCount) })
    return plot.markup
  }
}
