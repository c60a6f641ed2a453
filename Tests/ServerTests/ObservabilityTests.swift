import JSON
import Logging
import Server
import Testing

@Suite struct ObservabilityTests {
  @Test func histogramsCountUpToTheirBounds() {
    let histogram = Histogram(bounds: [1, 2, 5])
    for value in [0.5, 1, 1.5, 5, 7] { histogram.observe(value) }
    histogram.observe(2, count: 3)
    #expect(histogram.snapshot.counts == [2, 4, 1, 1])
    #expect(histogram.snapshot.sum == 21)
    var text = MetricsText()
    text.histogram("h_seconds", "Help.", histogram, labels: [("model_name", "a")])
    #expect(
      text.text == """
        # HELP h_seconds Help.
        # TYPE h_seconds histogram
        h_seconds_bucket{model_name="a",le="1"} 2
        h_seconds_bucket{model_name="a",le="2"} 6
        h_seconds_bucket{model_name="a",le="5"} 7
        h_seconds_bucket{model_name="a",le="+Inf"} 8
        h_seconds_sum{model_name="a"} 21
        h_seconds_count{model_name="a"} 8

        """)
  }

  @Test func labelsCannotEndTheirQuotes() {
    var text = MetricsText()
    text.gauge("g", "Help.", 0.5, labels: [("a", "x\"y\\z\nw")])
    #expect(text.text.hasSuffix("g{a=\"x\\\"y\\\\z\\nw\"} 0.5\n"))
  }

  @Test func latencyBoundsAscend() {
    for bounds in [Histogram.latencyBounds, Histogram.tokenBounds] {
      #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    }
  }

  @Test func nobodyCanWriteALogLineOfTheirOwn() throws {
    let pairs = [("path", "/a\nb level=error"), ("ms", "12"), ("request_id", "12"), ("empty", "")]
    let line = LineLogHandler.line(.text, level: .info, message: "request", pairs: pairs, time: "T")
    #expect(line == "T info request path=\"/a\\nb level=error\" ms=12 request_id=12 empty=\"\"\n")
    let json = LineLogHandler.line(.json, level: .info, message: "request", pairs: pairs, time: "T")
    #expect(json.utf8.count { $0 == 10 } == 1)
    let object = try JSONValue(parsing: json)
    #expect(object["ms"] == .integer(12))
    // What a client may have chosen stays text.
    #expect(object["request_id"] == .string("12"))
  }

  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
    (1_709_251_199, "2024-02-29T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.000Z"),
  ])
  func timesAreThoseOfTheCalendar(seconds: Int64, words: String) {
    #expect(Timestamp.words(seconds: seconds, milliseconds: 0) == words)
    #expect(Timestamp.words(seconds: 0, milliseconds: 7).hasSuffix("00.007Z"))
  }

  @Test func eventsAreFramed() {
    func text(_ frame: [UInt8]) -> String { String(decoding: frame, as: UTF8.self) }
    #expect(text(EventWriter.frame(.object([("a", 1)]))) == "data: {\"a\":1}\n\n")
    #expect(text(EventWriter.frame("a\n\r\nb", id: 7, name: "x")) == "id: 7\nevent: x\ndata: \"a\\n\\r\\nb\"\n\n")
  }

  @Test func keysAreComparedWhole() {
    let keys = APIKeys(["alpha", "beta"])
    #expect(keys.accepts("alpha") && keys.accepts("beta"))
    for wrong in ["", "alph", "alphaa", "Alpha", "alphaalpha", "betabeta", "gamma"] { #expect(!keys.accepts(wrong)) }
    #expect(keys.accepts(authorization: "Bearer alpha") && keys.accepts(authorization: "bearer  beta"))
    for wrong in [nil, "alpha", "Basic alpha", "Bearer", "Bearer alpha beta"] as [String?] {
      #expect(!keys.accepts(authorization: wrong))
    }
    #expect(APIKeys([]).accepts(authorization: nil))
  }
}
