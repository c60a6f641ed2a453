/// A block of logits `[rows, vocabulary]` in float32, which an engine fills and a decoder reads.
///
/// An engine keeps one `Logits` and hands it out after every pass; its contents hold until the next pass begins.
/// Storage grows to the largest number of rows seen and is then reused, so that a warm step allocates nothing.
public final class Logits {
  /// Number of entries of one row.
  public let vocabularySize: Int
  /// Number of rows that are valid now.
  public private(set) var rowCount: Int = 0

  private var storage: UnsafeMutableBufferPointer<Float>

  /// Creates an empty block for rows of `vocabularySize` entries.
  public init(vocabularySize: Int) {
    precondition(vocabularySize > 0, "a vocabulary has at least one token")
    self.vocabularySize = vocabularySize
    storage = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  deinit { storage.deallocate() }

  /// Makes exactly `count` rows valid. What they contain is unspecified until written.
  public func resize(rowCount count: Int) {
    precondition(count >= 0)
    let needed = count * vocabularySize
    if needed > storage.count {
      storage.deallocate()
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: needed * MemoryLayout<Float>.stride, alignment: 64)
      storage = bytes.bindMemory(to: Float.self)
      storage.initialize(repeating: 0)
    }
    rowCount = count
  }

  /// Calls `body` with row `row`, `[vocabularySize]`.
  public func withRow<Result, Failure: Error>(
    _ row: Int, _ body: (Span<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    let slice = UnsafeBufferPointer(rebasing: storage[row * vocabularySize..<(row + 1) * vocabularySize])
    return try body(slice.span)
  }

  /// Calls `body` with row `row`, `[vocabularySize]`, for writing.
  public func withMutableRow<Result, Failure: Error>(
    _ row: Int, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    let slice = UnsafeMutableBufferPointer(rebasing: storage[row * vocabularySize..<(row + 1) * vocabularySize])
    var span = slice.mutableSpan
    return try body(&span)
  }

  /// The lowest index of the largest logit of row `row`, and that logit, if the engine noted it and it is finite.
  package func maximum(ofRow row: Int) -> (index: Int, value: Float)? { nil }

  /// The whole block as a pointer, for the kernels of this package.
  package var unsafeRows: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: storage[0..<rowCount * vocabularySize])
  }
}
