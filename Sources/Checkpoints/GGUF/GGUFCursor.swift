/// A place in a GGUF file that moves forward over checked fields.
///
/// The bytes are passed to every call, because a span cannot be stored here; they are always the whole file.
struct GGUFCursor {
  /// The path, for messages.
  let file: String
  /// The offset of the next byte; never beyond the file.
  private(set) var offset: Int

  init(file: String, offset: Int = 0) {
    self.file = file
    self.offset = offset
  }

  /// The next fixed-width integer.
  mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, as type: Value.Type, of what: String
  ) throws(CheckpointError) -> Value {
    let start = offset
    try skip(bytes, byteCount: MemoryLayout<Value>.size, of: what)
    return bytes.integer(start, as: type)
  }

  /// A 64-bit count of things that take at least `minimumBytes` each, which therefore must fit what is left.
  mutating func count(
    _ bytes: RawSpan, minimumBytes: Int, of what: String
  ) throws(CheckpointError) -> Int {
    let start = offset
    let value = try integer(bytes, as: UInt64.self, of: what)
    guard value <= UInt64((bytes.byteCount - offset) / minimumBytes) else {
      throw .malformed(file: file, offset: start, problem: "\(what) is \(value), more than the file can hold,")
    }
    return Int(value)
  }

  /// Steps over a string and says where its bytes are.
  mutating func string(_ bytes: RawSpan, of what: String) throws(CheckpointError) -> Range<Int> {
    let length = try count(bytes, minimumBytes: 1, of: what)
    let start = offset
    offset += length
    return start..<offset
  }

  /// Steps over a string and makes it; it must be UTF-8.
  mutating func text(_ bytes: RawSpan, of what: String) throws(CheckpointError) -> String {
    let range = try string(bytes, of: what)
    guard let text = bytes.text(range) else {
      throw .malformed(file: file, offset: range.lowerBound, problem: "\(what) is not UTF-8")
    }
    return text
  }

  /// Steps over `byteCount` bytes.
  mutating func skip(_ bytes: RawSpan, byteCount: Int, of what: String) throws(CheckpointError) {
    guard byteCount >= 0, byteCount <= bytes.byteCount - offset else {
      throw .malformed(file: file, offset: offset, problem: "the file ends inside \(what)")
    }
    offset += byteCount
  }

  /// Steps over `count` strings and records where each begins, as ``GGUFStringArray`` wants it.
  ///
  /// `count` was checked against the file: every string takes at least 8 bytes.
  mutating func stringStarts(_ bytes: RawSpan, count: Int, of what: String) throws(CheckpointError) -> [Int] {
    var starts: [Int] = []
    starts.reserveCapacity(count + 1)
    for _ in 0..<count {
      guard bytes.byteCount - offset >= 8,
        bytes.integer(offset, as: UInt64.self) <= UInt64(bytes.byteCount - offset - 8)
      else {
        throw .malformed(file: file, offset: offset, problem: "a string of \(what) runs beyond the end of the file")
      }
      let length = Int(bytes.integer(offset, as: UInt64.self))
      starts.append(offset + 8)
      offset += 8 + length
    }
    starts.append(offset + 8)
    return starts
  }
}
