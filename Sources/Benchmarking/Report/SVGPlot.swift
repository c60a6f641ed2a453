/// The frame that plots share: axes with units, grid, legend. Drawn as SVG that takes its colours from the page's style.
package struct SVGPlot: Sendable {
  /// One named colour of the legend.
  struct LegendEntry {
    let name: String
    let colour: Int
  }

  static let width = 640.0
  static let height = 380.0
  static let left = 68.0
  static let right = width - 14
  static let top = 44.0
  static let bottom = height - 52

  let title: String
  let xLabel: String
  let yLabel: String
  private(set) var content = ""

  init(title: String, xLabel: String, yLabel: String) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
  }

  /// Adds markup.
  mutating func add(_ markup: String) { content += markup + "\n" }

  /// Adds lines and numbers for the ticks of the vertical axis.
  mutating func addGrid(y: PlotScale) {
    for tick in y.ticks {
      let place = y.place(tick)
      add(line(Self.left, place, Self.right, place, "grid"))
      add(text(Words.tick(tick), Self.left - 8, place + 4, "tick", anchor: "end"))
    }
  }

  /// Adds lines and numbers for the ticks of the horizontal axis.
  mutating func addGrid(x: PlotScale) {
    for tick in x.ticks {
      let place = x.place(tick)
      add(line(place, Self.top, place, Self.bottom, "grid"))
      add(text(Words.tick(tick), place, Self.bottom + 18, "tick", anchor: "middle"))
    }
  }

  /// Adds the names of the colours above the plot, on as many lines as they need.
  mutating func addLegend(_ entries: [LegendEntry]) {
    var (x, y) = (Self.left, 14.0)
    for entry in entries {
      let width = 28 + 7 * Double(entry.name.count)
      if x + width > Self.right, x > Self.left {
        x = Self.left
        y += 18
      }
      add(rectangle(x, y - 9, 11, 11, "fill\(entry.colour)"))
      add(text(entry.name, x + 16, y, "legend", anchor: "start"))
      x += width
    }
  }

  /// The whole plot.
  var markup: String {
    let middle = (Self.top + Self.bottom) / 2
    let frame = [
      line(Self.left, Self.bottom, Self.right, Self.bottom, "axis"),
      line(Self.left, Self.top, Self.left, Self.bottom, "axis"),
      text(xLabel, (Self.left + Self.right) / 2, Self.height - 12, "label", anchor: "middle"),
      Markup.element(
        "text",
        [
          ("class", "label"), ("text-anchor", "middle"),
          ("transform", "translate(16 \(coordinate(middle))) rotate(-90)"),
        ], Markup.escape(yLabel)),
    ].joined(separator: "\n")
    let drawing = Markup.element(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("viewBox", "0 0 \(Int(Self.width)) \(Int(Self.height))"),
        ("role", "img"), ("aria-label", title),
      ], "\n" + content + frame + "\n")
    return Markup.element(
      "figure", [], Markup.element("figcaption", [], Markup.escape(title)) + "\n" + drawing + "\n") + "\n"
  }

  func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
    Markup.empty(
      "line",
      [
        ("class", style), ("x1", coordinate(x1)), ("y1", coordinate(y1)), ("x2", coordinate(x2)),
        ("y2", coordinate(y2)),
      ])
  }

  func text(_ words: String, _ x: Double, _ y: Double, _ style: String, anchor: String) -> String {
    Markup.element(
      "text", [("class", style), ("x", coordinate(x)), ("y", coordinate(y)), ("text-anchor", anchor)],
      Markup.escape(words))
  }

  /// A rectangle; `hint` is shown when the pointer rests on it.
  func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, hint: String? = nil
  ) -> String {
    Markup.element(
      "rect",
      [
        ("class", style), ("x", coordinate(x)), ("y", coordinate(y)), ("width", coordinate(max(0, width))),
        ("height", coordinate(max(0, height))),
      ], hint.map { Markup.element("title", [], Markup.escape($0)) } ?? "")
  }

  /// A number of pixels with one decimal.
  func coordinate(_ value: Double) -> String { Words.decimals(value, 1) }
}

extension Words {
  /// A number at an axis: short, and no zeros behind the point.
  package static func tick(_ value: Double) -> String {
    for digits in 0..<4 {
      let scale = [1.0, 10, 100, 1000][digits]
      let isExact = abs((value * scale).rounded() - value * scale) < 1e-6 * max(1, abs(value * scale))
      if isExact { return decimals(value, digits) }
    }
    return number(value)
  }
}
