/// Writes little-endian integers.
struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}

/// Reads a file from front to back; never beyond its end.
struct ByteReader {
  let path: String
  let byteCount: Int
  /// Where the next fill begins.
  private(set) var offset = 0
  /// The bytes of the record so far, and how many of them were read.
  private var bytes: [UInt8] = []
  private var position = 0
  private var piece: [UInt8] = []

  init(path: String, byteCount: Int) { (self.path, self.byteCount) = (path, byteCount) }

  /// What was taken of the record so far.
  var taken: [UInt8] { Array(bytes[..<position]) }

  mutating func beginRecord() {
    bytes.removeAll(keepingCapacity: true)
    position = 0
  }

  /// Makes `count` more bytes available.
  mutating func fill(
    _ count: Int, _ read: (_ range: Range<Int>, _ bytes: inout [UInt8]) throws(CacheFileError) -> Void
  ) throws(CacheFileError) {
    guard count <= byteCount - offset else { throw damage("it ends in the middle, at byte \(byteCount)") }
    try read(offset..<offset + count, &piece)
    bytes += piece
    offset += count
  }

  mutating func take(_ count: Int) -> [UInt8] {
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
    var value: Value = 0
    for (place, byte) in bytes[position..<position + Value.bitWidth / 8].enumerated() {
      value |= Value(truncatingIfNeeded: byte) << (8 * place)
    }
    position += Value.bitWidth / 8
    return value
  }

  func damage(_ reason: String) -> CacheFileError { .damaged(path: path, reason: reason) }
}
