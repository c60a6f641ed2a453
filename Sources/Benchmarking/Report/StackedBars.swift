/// Bars of parts on top of each other.
package struct StackedBars: Sendable {
  /// One bar; its parts are those of ``StackedBars/parts``, in their order.
  package struct Bar: Sendable {
    package var name: String
    package var values: [Double]

    package init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  package var title: String
  package var xLabel: String
  package var yLabel: String
  /// The names of the parts, the lowest first.
  package var parts: [String]
  package var bars: [Bar]

  package init(title: String, xLabel: String, yLabel: String, parts: [String], bars: [Bar]) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.parts = parts
    self.bars = bars
  }

  /// The plot as a figure of a page.
  package var markup: String {
    var plot = SVGPlot(title: title, xLabel: xLabel, yLabel: yLabel)
    let y = PlotScale(
      .linear, values: bars.map { $0.values.reduce(0, +) }, places: (SVGPlot.bottom, SVGPlot.top))
    plot.addGrid(y: y)
    let pitch = (SVGPlot.right - SVGPlot.left) / Double(max(1, bars.count))
    let width = min(64, pitch * 0.7)
    for (index, bar) in bars.enumerated() {
      let middle = SVGPlot.left + (Double(index) + 0.5) * pitch
      let total = bar.values.reduce(0, +)
      var sum = 0.0
      for (part, value) in bar.values.enumerated() where part < parts.count && value > 0 {
        let (low, high) = (y.place(sum), y.place(sum + value))
        sum += value
        plot.add(
          plot.rectangle(
            middle - width / 2, high, width, low - high, "fill\(part % HTMLStyle.colourCount)",
            hint: "\(bar.name): \(parts[part]) \(Words.number(value)) (\(Words.percent(value / total)))"))
      }
      plot.add(plot.text(Words.number(total), middle, y.place(total) - 5, "mark", anchor: "middle"))
      plot.add(plot.text(bar.name, middle, SVGPlot.bottom + 18, "tick", anchor: "middle"))
    }
    plot.addLegend(parts.enumerated().map { .init(name: $1, colour: $0 % HTMLStyle.colourCount) })
    return plot.markup
  }
}
