import Benchmarking
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct HTMLReportTests {
  /// What an XML parser finds in a page.
  private final class Contents: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var attributes: [(name: String, value: String)] = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements[name, default: 0] += 1
      self.attributes += attributes.map { ($0.key, $0.value) }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }

  private func contents(of markup: String) throws -> Contents {
    let parser = XMLParser(data: Data(markup.utf8))
    let contents = Contents()
    parser.delegate = contents
    try #require(parser.parse(), "\(String(describing: parser.parserError)) at line \(parser.lineNumber)")
    return contents
  }

  @Test(arguments: [[1], [1, 2, 8], [1, 2, 4, 8, 16, 32, 64]]) func thePageIsWellFormed(_ levels: [Int]) throws {
    let page = try contents(of: HTMLReport(Samples.figures(levels: levels)).markup)
    #expect(page.elements["svg"] == 5 && page.elements["h1"] == 1 && (page.elements["table"] ?? 0) >= 5)
    // Two series of points in each of the plots of latency, one in that of throughput.
    #expect(page.elements["circle"] == 5 * levels.count)
  }

  @Test func namesFromOutsideAreText() throws {
    let page = try contents(of: HTMLReport(Samples.figures()).markup)
    #expect(page.elements["script"] == nil && page.elements["fast"] == nil)
    #expect(page.text.contains("<script>alert(\"1\")</script>&amp;'\u{fffd}.gguf"))
    #expect(page.text.contains("A <fast> processor"))
  }

  @Test func thePageNeedsNothingElse() throws {
    let markup = HTMLReport(Samples.figures()).markup
    let page = try contents(of: markup)
    #expect(page.elements["link"] == nil && page.elements["img"] == nil && page.elements["iframe"] == nil)
    #expect(!page.attributes.contains { $0.name == "src" || $0.name == "href" || $0.name.hasPrefix("on") })
    #expect(!markup.contains("@import") && !markup.contains("url("))
    #expect(markup.contains("prefers-color-scheme: dark"))
  }

  @Test func everyCoordinateLiesInsideTheDrawing() throws {
    let page = try contents(of: HTMLReport(Samples.figures()).markup)
    for (name, value) in page.attributes {
      switch name {
      case "x", "cx", "x1", "x2": #expect((0...640).contains(try #require(Double(value))), "\(name)=\(value)")
      case "y", "cy", "y1", "y2": #expect((0...380).contains(try #require(Double(value))), "\(name)=\(value)")
      case "height", "width": #expect((0...640).contains(try #require(Double(value))), "\(name)=\(value)")
      default: break
      }
    }
  }

  @Test func everyLevelHasItsRow() throws {
    let page = try contents(of: HTMLReport(Samples.figures(levels: [3, 17])).markup)
    for figure in ["17", "34", "2.00", "GB/s", "p99", "µs per step", "2026-01-31 09:05 UTC"] {
      #expect(page.text.contains(figure), "\(figure)")
    }
  }

  @Test func barsAreAsHighAsTheirValues() throws {
    let plot = StackedBars(
      title: "t", xLabel: "x", yLabel: "y", parts: ["a", "b"],
      bars: [.init(name: "1", values: [10, 30]), .init(name: "2", values: [0, 20])])
    let page = try contents(of: plot.markup)
    let heights = page.attributes.filter { $0.name == "height" }.compactMap { Double($0.value) }
    // Three parts that are not nothing, and the legend's two squares.
    #expect(heights.count == 5)
    #expect(abs(heights[1] / heights[0] - 3) < 0.01 && abs(heights[2] / heights[0] - 2) < 0.01)
  }

  @Test func emptyPlotsAreDrawn() throws {
    _ = try contents(of: StackedBars(title: "t", xLabel: "x", yLabel: "y", parts: [], bars: []).markup)
    _ = try contents(of: LinePlot(title: "t", xLabel: "x", yLabel: "y", series: []).markup)
    let odd = LinePlot.Series(name: "<&>", points: [.init(x: .nan, y: .infinity), .init(x: 0, y: -1)])
    _ = try contents(of: LinePlot(title: "t", xLabel: "x", yLabel: "y", yKind: .logarithmic, series: [odd]).markup)
  }
}
