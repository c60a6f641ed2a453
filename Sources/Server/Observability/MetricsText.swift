/// Prometheus' text format, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
package struct MetricsText {
  /// What was written.
  package private(set) var text = ""

  /// Creates an empty text.
  package init() {}

  /// Adds a counter; its name ends in `_total`.
  package mutating func counter(_ name: String, _ help: String, _ values: [(labels: [(String, String)], value: Double)])
  {
    begin(name, help, "counter")
    for (labels, value) in values { line(name, labels, value) }
  }

  /// Adds a gauge.
  package mutating func gauge(_ name: String, _ help: String, _ value: Double, labels: [(String, String)] = []) {
    begin(name, help, "gauge")
    line(name, labels, value)
  }

  /// Adds a histogram.
  package mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram, labels: [(String, String)]) {
    begin(name, help, "histogram")
    let (counts, sum) = histogram.snapshot
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total += count
      let bound = index < histogram.bounds.count ? Self.words(histogram.bounds[index]) : "+Inf"
      line("\(name)_bucket", labels + [("le", bound)], Double(total))
    }
    line("\(name)_sum", labels, sum)
    line("\(name)_count", labels, Double(total))
  }

  private mutating func begin(_ name: String, _ help: String, _ type: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
    text += name
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
    }
    text += " \(Self.words(value))\n"
  }

  /// A number as short as it can be said.
  private static func words(_ value: Double) -> String {
    if let whole = Int64(exactly: value) { return String(whole) }
    return value.isFinite ? value.description : value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf"
  }

  /// The value of a label as it may stand in quotes.
  private static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
