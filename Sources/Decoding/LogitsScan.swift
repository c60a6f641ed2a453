package import Tensors

/// The first pass over a row of logits: is it valid, and where is its maximum?
package struct LogitsScan: Sendable, Equatable {
  /// The lowest index of the largest logit.
  package let argmax: Int
  /// The largest logit; finite.
  package let maximum: Float

  /// Creates the result of a scan.
  init(argmax: Int, maximum: Float) {
    self.argmax = argmax
    self.maximum = maximum
  }

  /// Scans `row`, `[vocabulary]`. Negative infinity marks a masked token.
  ///
  /// - Throws: ``DecodingError`` if a logit is not a number or positive infinity, or if all are masked.
  package init(_ row: Span<Float>) throws(DecodingError) {
    var best = Int32.min
    var lowest = Int32.max
    var bestBlock = 0
    var start = 0
    while start < row.count {
      let end = min(start + Self.blockCount, row.count)
      let extremes = Self.extremes(row.extracting(start..<end))
      if extremes.largest > best { (best, bestBlock) = (extremes.largest, start) }
      lowest = min(lowest, extremes.smallest)
      start = end
    }
    let negativeInfinity = orderedKey(-.infinity)
    if lowest < negativeInfinity { throw .notANumber }
    if best >= orderedKey(.infinity) { throw best == orderedKey(.infinity) ? .infinite : .notANumber }
    if best == negativeInfinity { throw .everyTokenMasked }
    var index = bestBlock
    while index < row.count, orderedKey(row[index]) != best { index += 1 }
    argmax = index
    maximum = row[index]
  }

  /// Scans row `row` of `logits`, or takes the answer from the engine if it noted where the row's maximum is.
  ///
  /// - Throws: as ``init(_:)``.
  package init(_ logits: Logits, row: Int) throws(DecodingError) {
    if let maximum = logits.maximum(ofRow: row) {
      argmax = maximum.index
      self.maximum = maximum.value
    } else {
      self = try logits.withRow(row) { (values) throws(DecodingError) in try LogitsScan(values) }
    }
  }

  /// Number of logits that are searched at once.
  private static let blockCount = 1024

  /// The largest and the smallest key of a block; a plain loop over integers, which the compiler turns into vectors.
  private static func extremes(_ block: Span<Float>) -> (largest: Int32, smallest: Int32) {
    var largest = Int32.min
    var smallest = Int32.max
    for index in block.indices {
      let key = orderedKey(block[index])
      largest = key > largest ? key : largest
      smallest = key < smallest ? key : smallest
    }
    return (largest, smallest)
  }
}
