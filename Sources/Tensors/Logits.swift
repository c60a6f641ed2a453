internal import CKernels

/// A block of logits `[rows, vocabulary]` in float32, which an engine fills and a decoder reads.
///
/// An engine keeps one `Logits` and hands it out after every pass; its contents hold until the next pass begins.
/// Storage grows to the largest number of rows seen and is then reused, so that a warm step allocates nothing.
///
/// An engine of this package also notes the largest logit of every row, which is all of the work of greedy decoding, and of
/// every tile of 32 columns of it as it computes them.
public final class Logits {
  /// Number of entries of one row.
  public let vocabularySize: Int
  /// Number of rows that are valid now.
  public private(set) var rowCount: Int = 0

  /// The rows and, behind them, what is noted of them; in large pages where it is large, since a look at each row would
  /// otherwise be a walk through the page tables.
  private var memory = AlignedBuffer(byteCount: 0)
  /// Number of rows that there is memory for.
  private var capacity = 0
  /// `[capacity, vocabularySize]`.
  private var storage = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  /// The ordered keys of the largest logits of every tile, `[capacity, tileCount]`.
  private var tileKeys = UnsafeMutableBufferPointer<Int32>(start: nil, count: 0)
  /// The largest logit of every row with its place, `[capacity]`: see `ik_largest`.
  private var largest = UnsafeMutableBufferPointer<Int64>(start: nil, count: 0)
  /// Whether ``tileKeys`` and ``largest`` are those of the rows.
  private var isNoted = false

  /// Creates an empty block for rows of `vocabularySize` entries.
  public init(vocabularySize: Int) {
    precondition(vocabularySize > 0, "a vocabulary has at least one token")
    self.vocabularySize = vocabularySize
  }

  /// Bytes of `rowCount` rows, with what is noted beside them.
  package static func byteCount(rowCount: Int, vocabularySize: Int) -> Int {
    largestOffset(rowCount: rowCount, vocabularySize: vocabularySize)
      + rowCount * (MemoryLayout<Int64>.size + 4 * tileCount(vocabularySize: vocabularySize))
  }

  /// Bytes of the storage.
  package var byteCount: Int { memory.byteCount }

  /// Makes exactly `count` rows valid. What they contain is unspecified until written.
  public func resize(rowCount count: Int) {
    precondition(count >= 0)
    if count > capacity { allocate(rowCount: count) }
    rowCount = count
    isNoted = false
  }

  private func allocate(rowCount: Int) {
    let byteCount = Self.byteCount(rowCount: rowCount, vocabularySize: vocabularySize)
    memory = AlignedBuffer(byteCount: byteCount, largePages: byteCount >= AlignedBuffer.largePageBytes)
    capacity = rowCount
    storage = UnsafeMutableBufferPointer(start: memory.pointer(), count: rowCount * vocabularySize)
    let offset = Self.largestOffset(rowCount: rowCount, vocabularySize: vocabularySize)
    let places = memory.pointer(to: Int64.self) + offset / MemoryLayout<Int64>.size
    largest = UnsafeMutableBufferPointer(start: places, count: rowCount)
    let keys = memory.pointer(to: Int32.self) + offset / 4 + 2 * rowCount
    tileKeys = UnsafeMutableBufferPointer(start: keys, count: rowCount * tileCount)
  }

  /// Where ``largest`` begins behind the rows, in bytes: at a cache line.
  private static func largestOffset(rowCount: Int, vocabularySize: Int) -> Int {
    (4 * rowCount * vocabularySize + 63) / 64 * 64
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
    // What was noted about this row does not hold any more.
    if isNoted { largest[row] = .max }
    return try body(&span)
  }

  /// Replaces the contents of `keys` by the ordered keys of the largest logits of every tile of row `row`, `[tileCount]`.
  ///
  /// - Returns: false, and `keys` as they were, where ``indexOfMaximum(ofRow:)`` is nil.
  package func copyTileKeys(ofRow row: Int, to keys: inout [Int32]) -> Bool {
    guard indexOfMaximum(ofRow: row) != nil else { return false }
    keys.removeAll(keepingCapacity: true)
    keys.append(contentsOf: UnsafeBufferPointer(rebasing: tileKeys[row * tileCount..<(row + 1) * tileCount]))
    return true
  }

  /// The lowest index of the largest logit of row `row`; nil if the engine did not note it, or if the row has a value that is not
  /// a number or no finite maximum.
  package func indexOfMaximum(ofRow row: Int) -> Int? {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    guard isNoted else { return nil }
    let place = ik_largest_place(largest[row])
    return place < 0 ? nil : Int(place)
  }

  /// ``indexOfMaximum(ofRow:)``, and that logit.
  package func maximum(ofRow row: Int) -> (index: Int, value: Float)? {
    indexOfMaximum(ofRow: row).map { ($0, storage[row * vocabularySize + $0]) }
  }

  /// Number of columns of a tile.
  package static let tileColumns = Int(IK_TILE)
  /// Number of tiles of a row.
  package var tileCount: Int { Self.tileCount(vocabularySize: vocabularySize) }
  private static func tileCount(vocabularySize: Int) -> Int { (vocabularySize + tileColumns - 1) / tileColumns }

  /// Calls `body` with the places for the keys of all tiles and for the largest logits of the rows, which it must fill: see
  /// `ik_logits`.
  package func note(_ body: (_ keys: UnsafeMutablePointer<Int32>, _ largest: UnsafeMutablePointer<Int64>) -> Void) {
    guard let keys = tileKeys.baseAddress, let base = largest.baseAddress else { return }
    for row in 0..<rowCount { largest[row] = .min }
    body(keys, base)
    isNoted = true
  }

  /// Notes the largest logits of rows that something else than a product of this package wrote.
  package func noteLargest() {
    note { keys, largest in
      for row in 0..<rowCount {
        guard let base = storage.baseAddress else { return }
        largest[row] = ik_note_logits(
          base + row * vocabularySize, Int32(vocabularySize), keys + row * tileCount)
      }
    }
  }

  /// The whole block as a pointer, for the kernels of this package.
  package var unsafeRows: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: storage[0..<rowCount * vocabularySize])
  }
}
