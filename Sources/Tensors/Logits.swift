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

  /// The rows and, behind them, what is noted of them; in large pages where it is large, since a look at each row would
  /// otherwise be a walk through the page tables.
  private var memory = AlignedBuffer(byteCount: 0)
  /// Number of rows that there is memory for.
  private var capacity = 0
  /// `[capacity, vocabularySize]`.
  private var storage = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  /// The ordered keys of the largest logits of every tile and, behind them, of every few tiles, `[capacity, keyCount]`.
  private var tileKeys = UnsafeMutableBufferPointer<Int32>(start: nil, count: 0)
  /// Whether ``tileKeys`` are those of the rows.
  private var hasTileKeys = false

  /// Creates an empty block for rows of `vocabularySize` entries.
  public init(vocabularySize: Int) {
    precondition(vocabularySize > 0, "a vocabulary has at least one token")
    self.vocabularySize = vocabularySize
  }

  /// Bytes of `rowCount` rows, with what is noted beside them.
  package static func byteCount(rowCount: Int, vocabularySize: Int) -> Int {
    4 * rowCount * (vocabularySize + keyCount(vocabularySize: vocabularySize))
  }

  /// Bytes of the storage.
  package var byteCount: Int { memory.byteCount }

  /// Makes exactly `count` rows valid. What they contain is unspecified until written.
  public func resize(rowCount count: Int) {
    precondition(count >= 0)
    if count > capacity { allocate(rowCount: count) }
    rowCount = count
    hasTileKeys = false
  }

  private func allocate(rowCount: Int) {
    let byteCount = Self.byteCount(rowCount: rowCount, vocabularySize: vocabularySize)
    memory = AlignedBuffer(byteCount: byteCount, largePages: byteCount >= AlignedBuffer.largePageBytes)
    capacity = rowCount
    storage = UnsafeMutableBufferPointer(start: memory.pointer(), count: rowCount * vocabularySize)
    tileKeys = UnsafeMutableBufferPointer(
      start: memory.pointer(to: Int32.self) + storage.count, count: rowCount * keyCount)
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
    if hasTileKeys {
      tileKeys[row * keyCount] = .max
      tileKeys[row * keyCount + tileCount] = .max
    }
    return try body(&span)
  }

  /// Replaces the contents of `keys` by the ordered keys of the largest logits of every tile of row `row`, `[tileCount]`.
  ///
  /// - Returns: false, and `keys` as they were, if the engine did not note them or if the row has a value that is not a
  ///   number or no finite maximum.
  package func copyTileKeys(ofRow row: Int, to keys: inout [Int32]) -> Bool {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    guard hasTileKeys else { return false }
    let noted = UnsafeBufferPointer(rebasing: tileKeys[row * keyCount..<row * keyCount + tileCount])
    guard Self.isValid(largestKey: Self.largest(of: noted)) else { return false }
    keys.removeAll(keepingCapacity: true)
    keys.append(contentsOf: noted)
    return true
  }

  /// The lowest index of the largest logit of row `row`, and that logit; nil if the engine did not note it, or if the
  /// row has a value that is not a number or no finite maximum.
  package func maximum(ofRow row: Int) -> (index: Int, value: Float)? {
    var place: Int32 = -1
    withUnsafePointer(to: Int32(row)) { findMaxima(UnsafeBufferPointer(start: $0, count: 1), &place, on: nil) }
    return place < 0 ? nil : (Int(place), storage[row * vocabularySize + Int(place)])
  }

  /// Replaces the contents of `places` by the lowest index of the largest logit of each of `rows`, -1 where
  /// ``maximum(ofRow:)`` is nil. Many rows are divided among the threads of `pool`.
  package func findMaxima(ofRows rows: [Int32], into places: inout [Int32], on pool: WorkerPool?) {
    places.removeAll(keepingCapacity: true)
    for _ in rows.indices { places.append(-1) }
    rows.withUnsafeBufferPointer { rows in
      places.withUnsafeMutableBufferPointer { places in
        if let base = places.baseAddress { findMaxima(rows, base, on: pool) }
      }
    }
  }

  private func findMaxima(
    _ rows: UnsafeBufferPointer<Int32>, _ places: UnsafeMutablePointer<Int32>, on pool: WorkerPool?
  ) {
    for row in rows { precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)") }
    guard hasTileKeys else { return }
    var task = ik_largest_logits(
      keys: tileKeys.baseAddress, logits: storage.baseAddress, tiles: Int32(tileCount),
      columns: Int32(vocabularySize), rows: rows.baseAddress, places: places)
    if let pool, rows.count >= Self.sharedRows {
      let grain = (rows.count + pool.threadCount - 1) / pool.threadCount
      pool.run(ik_largest_logits_task, &task, count: rows.count, grain: grain)
    } else {
      ik_largest_logits_task(&task, 0, Int32(rows.count))
    }
  }

  /// The fewest rows that are worth handing some of them to other threads, which takes as long as some rows.
  private static let sharedRows = 8

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

  /// Number of columns of a tile.
  package static let tileColumns = Int(IK_TILE)
  /// Number of tiles of a row.
  package var tileCount: Int { (vocabularySize + Self.tileColumns - 1) / Self.tileColumns }

  /// Number of keys of a row: of its tiles, and of groups of them.
  private var keyCount: Int { Self.keyCount(vocabularySize: vocabularySize) }
  private static func keyCount(vocabularySize: Int) -> Int {
    Int(ik_key_count(Int32((vocabularySize + tileColumns - 1) / tileColumns)))
  }

  /// Calls `body` with the place for the keys of all tiles and groups of them, which it must fill: see `ik_logits`.
  package func fillTileKeys(_ body: (UnsafeMutablePointer<Int32>) -> Void) {
    guard let base = tileKeys.baseAddress else { return }
    body(base)
    hasTileKeys = true
  }

  /// Notes the largest logits of rows that something else than a product of this package wrote.
  package func noteLargest() {
    fillTileKeys { keys in
      for row in 0..<rowCount {
        guard let base = storage.baseAddress else { return }
        ik_note_logits(base + row * vocabularySize, Int32(vocabularySize), keys + row * keyCount)
      }
    }
  }

  /// The whole block as a pointer, for the kernels of this package.
  package var unsafeRows: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: storage[0..<rowCount * vocabularySize])
  }
}
