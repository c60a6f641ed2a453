/// How figures are written for people.
package enum Words {
  /// A number with as many decimals as its size needs: three significant digits, or all of its integer.
  package static func number(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let size = abs(value)
    return decimals(value, size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : 2)
  }

  /// A number with exactly `count` decimals.
  package static func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    let scale = (0..<count).reduce(1.0) { power, _ in power * 10 }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard count > 0 else { return sign + String(scaled) }
    let digits = String(scaled)
    let padded = String(repeating: "0", count: max(0, count + 1 - digits.utf8.count)) + digits
    return sign + padded.dropLast(count) + "." + padded.suffix(count)
  }

  /// A share as a whole number of percent.
  package static func percent(_ share: Double) -> String {
    let digits = abs(share) < 0.0995 ? 1 : 0
    return decimals(share * 100, digits) + " %"
  }

  /// What `value` is, or a dash.
  package static func optional(_ value: Double?, _ words: (Double) -> String = number) -> String {
    value.map(words) ?? "-"
  }

  /// A table in columns that are aligned with spaces: the first to the left, the others to the right.
  package static func table(_ header: [String], _ rows: [[String]]) -> String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      line.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - line[column].count)
        return column == 0 ? line[column] + padding : padding + line[column]
      }.joined(separator: "  ") + "\n"
    }.joined()
  }
}
