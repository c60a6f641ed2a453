internal import CKernels

/// A block of logits `[rows, vocabulary]` in float32, which an engine fills and a decoder reads.
///
/// An engine keeps one `Logits` and hands it out after every pass; its contents hold until the next pass begins.
/// Storage grows to the largest number of rows seen and is then reused, so that a warm step allocates nothing.
///
/// An engine of this package also notes the largest logit of every tile of 32 columns as it computes them, which is most
/// of the work of greedy decoding.
public final class Logits {
  /// Number of entries of one row.
  public let vocabularySize: Int
  /// Number of rows that are valid now.
  public private(set) var rowCount: Int = 0

  private var storage: UnsafeMutableBufferPointer<Float>
  /// The ordered keys of the largest logits of every tile, `[rows, tileCount]`.
  private var tileKeys = UnsafeMutableBufferPointer<Int32>(start: nil, count: 0)
  /// Whether ``tileKeys`` are those of the rows.
  private var hasTileKeys = false

  /// Creates an empty block for rows of `vocabularySize` entries.
  public init(vocabularySize: Int) {
    precondition(vocabularySize > 0, "a vocabulary has at least one token")
    self.vocabularySize = vocabularySize
    storage = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  deinit {
    storage.deallocate()
    tileKeys.deallocate()
  }

  /// Bytes of `rowCount` rows, with what is noted beside them.
  package static func byteCount(rowCount: Int, vocabularySize: Int) -> Int {
    4 * rowCount * (vocabularySize + (vocabularySize + tileColumns - 1) / tileColumns)
  }

  /// Bytes of the storage.
  package var byteCount: Int { 4 * (storage.count + tileKeys.count) }

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
    hasTileKeys = false
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
    // A key that no number has: what was noted about this row does not hold any more.
    if hasTileKeys { tileKeys[row * tileCount] = .max }
    return try body(&span)
  }

  /// Replaces the contents of `keys` by the ordered keys of the largest logits of every tile of row `row`, `[tileCount]`.
  ///
  /// - Returns: false, and `keys` as they were, if the engine did not note them or if the row has a value that is not a
  ///   number or no finite maximum.
  package func copyTileKeys(ofRow row: Int, to keys: inout [Int32]) -> Bool {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    guard hasTileKeys else { return false }
    let noted = UnsafeBufferPointer(rebasing: tileKeys[row * tileCount..<(row + 1) * tileCount])
    guard Self.isValid(largestKey: Self.largest(of: noted)) else { return false }
    keys.removeAll(keepingCapacity: true)
    keys.append(contentsOf: noted)
    return true
  }

  /// The lowest index of the largest logit of row `row`, and that logit; nil if the engine did not note it, or if the
  /// row has a value that is not a number or no finite maximum.
  package func maximum(ofRow row: Int) -> (index: Int, value: Float)? {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    guard hasTileKeys else { return nil }
    let keys = UnsafeBufferPointer(rebasing: tileKeys[row * tileCount..<(row + 1) * tileCount])
    // In pieces, so that the place of the largest is looked for in one of them only.
    var (largest, piece) = (Int32.min, 0)
    for first in stride(from: 0, to: keys.count, by: Self.pieceTiles) {
      let end = min(first + Self.pieceTiles, keys.count)
      let candidate = Self.largest(of: UnsafeBufferPointer(rebasing: keys[first..<end]))
      if candidate > largest { (largest, piece) = (candidate, first) }
    }
    guard Self.isValid(largestKey: largest), let tile = keys[piece...].firstIndex(of: largest) else { return nil }
    let value = Float(bitPattern: UInt32(bitPattern: largest ^ ((largest >> 31) & .max)))
    let first = tile * Self.tileColumns
    for index in first..<min(first + Self.tileColumns, vocabularySize) {
      let logit = storage[row * vocabularySize + index]
      if logit == value { return (index, logit) }
    }
    return nil
  }

  private static func largest(of keys: UnsafeBufferPointer<Int32>) -> Int32 {
    var largest = Int32.min
    for key in keys { largest = key > largest ? key : largest }
    return largest
  }

  /// Whether a row whose largest key is `key` has numbers only and a finite maximum.
  private static func isValid(largestKey key: Int32) -> Bool {
    // Keys of infinity and beyond are positive, that of negative infinity is the inverse of infinity's.
    let infinity = Int32(bitPattern: Float.infinity.bitPattern)
    return key < infinity && key > ~infinity
  }

  /// Number of tiles whose keys ``maximum(ofRow:)`` looks at together.
  private static let pieceTiles = 64

  /// Number of columns of a tile.
  package static let tileColumns = Int(IK_TILE)
  /// Number of tiles of a row.
  package var tileCount: Int { (vocabularySize + Self.tileColumns - 1) / Self.tileColumns }

  /// Calls `body` with the place for the keys of all tiles, `[rows, tileCount]`, which it must fill.
  package func fillTileKeys(_ body: (UnsafeMutablePointer<Int32>) -> Void) {
    let needed = rowCount * tileCount
    if needed > tileKeys.count {
      tileKeys.deallocate()
      tileKeys = .allocate(capacity: needed)
      tileKeys.initialize(repeating: 0)
    }
    guard let base = tileKeys.baseAddress else { return }
    body(base)
    hasTileKeys = true
  }

  /// The whole block as a pointer, for the kernels of this package.
  package var unsafeRows: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: storage[0..<rowCount * vocabularySize])
  }
}
