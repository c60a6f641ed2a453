extension RawSpan {
  /// The byte at `offset`; traps outside of the span.
  func byte(_ offset: Int) -> UInt8 {
    // Checked by the span; any bit pattern is a valid integer.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The little-endian integer at `offset`; traps outside of the span.
  func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
    // Checked by the span; any bit pattern is a valid integer.
    Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  /// The half-precision float at `offset`; traps outside of the span.
  func half(_ offset: Int) -> Float { Float(halfPattern: integer(offset, as: UInt16.self)) }

  /// The text of `range`, which must lie within the span, or nil if it is not UTF-8.
  func text(_ range: Range<Int>) -> String? {
    // The pointer does not leave the closure, which copies what it points to.
    unsafe extracting(range).withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
  }
}

extension Float {
  /// The value of an IEEE 754 half-precision number; exact. `Float16` is not available on every platform.
  init(halfPattern: UInt16) {
    let magnitude = UInt32(halfPattern & 0x7fff)
    let sign = UInt32(halfPattern & 0x8000) << 16
    if magnitude < 0x0400 {
      // Zero and the subnormals count in units of 2^-24.
      self = Float(bitPattern: (Float(magnitude) * 0x1p-24).bitPattern | sign)
    } else if magnitude >= 0x7c00 {
      self = Float(bitPattern: sign | 0x7f80_0000 | (magnitude & 0x03ff) << 13)
    } else {
      // The exponent's bias grows from 15 to 127.
      self = Float(bitPattern: sign | (magnitude << 13) + (127 - 15) << 23)
    }
  }
}
