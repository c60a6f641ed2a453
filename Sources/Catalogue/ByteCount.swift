/// A number of bytes as people read it, in powers of 1000: `92.9 MB`.
package struct ByteCount: CustomStringConvertible, Sendable {
  /// The number.
  package let bytes: Int

  package init(_ bytes: Int) { self.bytes = max(0, bytes) }

  package var description: String {
    if bytes < 1000 { return "\(bytes) B" }
    var value = Double(bytes) / 1000
    for unit in ["kB", "MB", "GB"] {
      if value < 999.95 { return oneDecimal(value) + " " + unit }
      value /= 1000
    }
    return oneDecimal(value) + " TB"
  }
}

/// `value`, which is not negative, with one digit behind the point.
func oneDecimal(_ value: Double) -> String {
  let tenths = Int((min(value, 1e15) * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
