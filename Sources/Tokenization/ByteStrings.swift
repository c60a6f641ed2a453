/// A list of byte strings in one block of memory: a vocabulary without an allocation per token.
package struct ByteStrings: Sendable {
  /// All strings, one after the other.
  private(set) var bytes: [UInt8] = []
  /// Where each string ends in ``bytes``; it starts where the one before it ends.
  private var ends: [Int] = []

  /// Creates an empty list.
  package init() {}

  /// The number of strings.
  package var count: Int { ends.count }

  /// Makes room for `count` strings of `byteCount` bytes together.
  package mutating func reserveCapacity(count: Int, byteCount: Int) {
    ends.reserveCapacity(count)
    bytes.reserveCapacity(byteCount)
  }

  /// Adds a string at the end.
  @inline(__always)
  package mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }

  /// Adds a string at the end.
  package mutating func append(_ string: RawSpan) {
    // The pointer does not leave the closure, which copies what it points to.
    unsafe string.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    ends.append(bytes.count)
  }

  /// Where string `index` lies in ``bytes``.
  @inline(__always)
  func range(of index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// String `index`.
  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(of: index)] }
}
