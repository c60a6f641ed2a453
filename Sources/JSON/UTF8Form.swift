/// The forms of well-formed UTF-8 (Unicode 3.9, table 3-7).
package enum UTF8Form {
  /// What may follow a lead byte: how many continuation bytes, and the bounds of the first of them; nil for a byte that
  /// leads nothing.
  @inlinable
  package static func form(_ lead: UInt8) -> (count: Int, second: ClosedRange<UInt8>)? {
    switch lead {
    case 0xC2...0xDF: (1, 0x80...0xBF)
    case 0xE0: (2, 0xA0...0xBF)
    case 0xED: (2, 0x80...0x9F)
    case 0xE1...0xEF: (2, 0x80...0xBF)
    case 0xF0: (3, 0x90...0xBF)
    case 0xF1...0xF3: (3, 0x80...0xBF)
    case 0xF4: (3, 0x80...0x8F)
    default: nil
    }
  }
}
