extension RawSpan {
  /// The little-endian integer at `offset`, or nil if it does not lie wholly inside the span.
  package func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Value.Type = Value.self
  ) -> Value? {
    let size = MemoryLayout<Value>.size
    guard offset >= 0, offset <= byteCount - size else { return nil }
    // In bounds by the check above; any bit pattern is a valid integer.
    return Value(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
  }
}
