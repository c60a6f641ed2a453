internal import JSON

/// Turns bytes that arrive in parts into text. What is not UTF-8 becomes U+FFFD, one for each maximal subpart of an
/// ill-formed sequence (Unicode 3.9, "U+FFFD substitution of maximal subparts"), wherever the parts were cut.
struct LossyUTF8Decoder: Sendable {
  /// The beginning of a character that the next bytes may complete; at most 3 bytes.
  private var pending: [UInt8] = []
  /// How many more bytes it needs.
  private var missing = 0
  /// What its next byte may be.
  private var next: ClosedRange<UInt8> = 0x80...0xBF

  /// Creates a decoder at the beginning of a text.
  init() {}

  /// Appends the characters that `bytes` complete to `output`, as UTF-8.
  mutating func append(_ bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
    for byte in bytes {
      if missing > 0 {
        if next.contains(byte) {
          pending.append(byte)
          missing -= 1
          next = 0x80...0xBF
          if missing == 0 {
            output.append(contentsOf: pending)
            pending.removeAll(keepingCapacity: true)
          }
          continue
        }
        replacePending(in: &output)
      }
      if byte < 0x80 {
        output.append(byte)
      } else if let form = UTF8Form.form(byte) {
        pending.append(byte)
        missing = form.count
        next = form.second
      } else {
        output.append(contentsOf: Self.replacement)
      }
    }
  }

  /// Ends the text: a character that was not completed becomes one U+FFFD.
  mutating func finish(to output: inout [UInt8]) {
    if missing > 0 { replacePending(in: &output) }
  }

  private mutating func replacePending(in output: inout [UInt8]) {
    output.append(contentsOf: Self.replacement)
    pending.removeAll(keepingCapacity: true)
    missing = 0
    next = 0x80...0xBF
  }

  private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
}
