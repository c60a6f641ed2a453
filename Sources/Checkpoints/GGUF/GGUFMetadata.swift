package import Tensors

/// The key-value metadata of a GGUF file, read in place.
///
/// Opening makes one bounds-checked pass that records where every value is; values are made when they are asked for.
/// A key that is absent is nil; a key that has another type than the one asked for is an error that names it.
package struct GGUFMetadata: Sendable {
  /// Where one value is.
  struct Entry: Sendable {
    /// The key.
    let key: String
    /// The type of the value.
    let type: GGUFValueType
    /// Offset of the value: of a scalar's bytes, of a string's length, of an array's first element.
    let offset: Int
    /// The type of an array's elements.
    let elementType: GGUFValueType?
    /// The number of an array's elements.
    let count: Int
    /// Of an array of strings, where each begins.
    let stringStarts: [Int]
  }

  /// The mapped file.
  package let file: MappedFile
  /// The version of the format.
  package let version: Int
  /// Sorted by the bytes of the key.
  let entries: [Entry]

  init(file: MappedFile, version: Int, entries: [Entry]) throws(CheckpointError) {
    self.file = file
    self.version = version
    self.entries = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    for (left, right) in zip(self.entries, self.entries.dropFirst()) where left.key.utf8.elementsEqual(right.key.utf8) {
      throw .malformed(file: file.path, offset: nil, problem: "the metadata key \(left.key) occurs twice")
    }
  }

  /// The keys, sorted by their bytes.
  package var keys: [String] { entries.map(\.key) }

  /// Whether there is a value for `key`.
  package func contains(_ key: String) -> Bool { entry(key) != nil }

  func entry(_ key: String) -> Entry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key.utf8.lexicographicallyPrecedes(key.utf8) { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].key.utf8.elementsEqual(key.utf8) else { return nil }
    return entries[low]
  }

  func wrongType(_ entry: Entry, expected: String) -> CheckpointError {
    let found = entry.elementType.map { "an array whose elements are each \($0.description)" } ?? entry.type.description
    return .invalidConfiguration(file: file.path, key: entry.key, problem: "must be \(expected), and is \(found)")
  }
}

/// An array of strings in a GGUF file, read in place: the bytes of an element are anything at all, not always UTF-8.
package struct GGUFStringArray: Sendable, RandomAccessCollection {
  /// The mapped file.
  package let file: MappedFile
  /// `starts[i]` is the offset of the first byte of element `i`; one more entry follows the last element.
  let starts: [Int]

  /// Always 0.
  package var startIndex: Int { 0 }
  /// The number of elements.
  package var endIndex: Int { starts.count - 1 }

  /// Where element `index` lies in ``file``.
  package func byteRange(of index: Int) -> Range<Int> {
    // The length field of the next element, 8 bytes, lies between two elements.
    starts[index]..<(starts[index + 1] - 8)
  }

  /// Calls `body` with the bytes of element `index`.
  package func withBytes<Result, Failure: Error>(
    of index: Int, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try file.withBytes(in: byteRange(of: index), body)
  }

  /// Element `index` as text; nil if it is not UTF-8.
  package subscript(index: Int) -> String? {
    withBytes(of: index) { bytes in bytes.text(0..<bytes.byteCount) }
  }
}
