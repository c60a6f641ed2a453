package import Tensors

/// The key-value metadata of a GGUF file, read in place.
///
/// Opening makes one bounds-checked pass that records where every value is; values are made when they are asked for.
/// A key that is absent is nil; a key that has another type than the one asked for is an error that names it.
package struct GGUFMetadata: Sendable {
  /// The mapped file.
  package let file: MappedFile
  /// The keys, sorted by their bytes.
  package var keys: [String] { [] }

  /// Whether there is a value for `key`.
  package func contains(_ key: String) -> Bool { false }
  /// The string at `key`; refused if it is not valid UTF-8.
  package func string(_ key: String) throws(CheckpointError) -> String? { nil }
  /// The integer of any width at `key`, if it fits an `Int`.
  package func integer(_ key: String) throws(CheckpointError) -> Int? { nil }
  /// The float or integer of any width at `key`.
  package func number(_ key: String) throws(CheckpointError) -> Double? { nil }
  /// The Boolean at `key`.
  package func bool(_ key: String) throws(CheckpointError) -> Bool? { nil }
  /// The array of strings at `key`, in place.
  package func strings(_ key: String) throws(CheckpointError) -> GGUFStringArray? { nil }
  /// The array of integers of any width at `key`.
  package func integers(_ key: String) throws(CheckpointError) -> [Int]? { nil }
  /// The array of floats of either width, or integers, at `key`, as float32.
  package func floats(_ key: String) throws(CheckpointError) -> [Float]? { nil }
  /// The array of Booleans at `key`.
  package func bools(_ key: String) throws(CheckpointError) -> [Bool]? { nil }
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

  /// Element `index` as text; bytes that are not UTF-8 are replaced.
  package subscript(index: Int) -> String { "" }
}
