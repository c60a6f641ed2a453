/// A list of byte strings in one block of memory: a vocabulary without an allocation per token.
package struct ByteStrings: Sendable {
  /// All strings, one after the other, with ``gap`` bytes that belong to none between two of them.
  private(set) var bytes: [UInt8] = []
  /// Where each string starts in ``bytes``; and one more entry, where the next would start.
  private var starts: [Int] = [0]
  private var gap = 0

  /// Creates an empty list.
  package init() {}

  /// Takes over strings that lie in `bytes` already.
  ///
  /// - Parameters:
  ///   - starts: where each string starts, ascending, and one more entry: where another would start, whose gap before
  ///     it need not lie in `bytes` any more.
  ///   - gap: how many bytes before the start of the next a string ends.
  init(bytes: [UInt8], starts: [Int], gap: Int) {
    precondition(!starts.isEmpty && gap >= 0)
    self.bytes = bytes
    self.starts = starts
    self.gap = gap
  }

  /// The number of strings.
  package var count: Int { starts.count - 1 }

  /// Makes room for `count` strings of `byteCount` bytes together.
  package mutating func reserveCapacity(count: Int, byteCount: Int) {
    starts.reserveCapacity(count + 1)
    bytes.reserveCapacity(byteCount)
  }

  /// Adds a string at the end.
  @inline(__always)
  package mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    if gap > 0 { bytes.append(contentsOf: repeatElement(0, count: gap)) }
    starts.append(bytes.count)
  }

  /// Adds the string that `first` and `second` make together at the end.
  mutating func append(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) {
    bytes.append(contentsOf: first)
    append(second)
  }

  /// Where string `index` lies in ``bytes``.
  @inline(__always)
  func range(of index: Int) -> Range<Int> { starts[index]..<starts[index + 1] - gap }

  /// String `index`.
  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(of: index)] }
}
