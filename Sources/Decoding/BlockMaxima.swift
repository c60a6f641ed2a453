package import Requests
package import Tensors

/// The largest logit of every block of 32 of a row, as an ordered integer: what a sampler needs to look at few of the
/// others. An engine that notes them as it computes logits saves the pass over the row.
package struct BlockMaxima: Sendable {
  /// Number of logits of a block: ``Logits/tileColumns``, as a number that the compiler knows, which makes loops over
  /// blocks several times as fast.
  package static let blockCount = 32
  /// For each block the ordered key of its largest logit.
  package private(set) var keys: [Int32] = []
  /// The largest key; after a fill that of a finite logit.
  package private(set) var largestKey = Int32.min
  private var stamps: [UInt32] = []
  private var stamp: UInt32 = 0

  /// Creates maxima of nothing.
  package init() {}

  /// Takes the maxima of row `row` of `logits` from the engine, or finds them.
  ///
  /// - Throws: ``DecodingError`` if a logit is not a number or positive infinity, or if all are masked.
  package mutating func fill(_ logits: Logits, row: Int) throws(DecodingError) {
    if logits.copyTileKeys(ofRow: row, to: &keys) {
      try findLargest()
    } else {
      try logits.withRow(row) { (values) throws(DecodingError) in try fill(values) }
    }
  }

  /// Finds the maxima of `row`, `[vocabulary]`.
  ///
  /// - Throws: as ``fill(_:row:)``.
  package mutating func fill(_ row: Span<Float>) throws(DecodingError) {
    keys.removeAll(keepingCapacity: true)
    var lowest = Int32.max
    var start = 0
    while start + Self.blockCount <= row.count {
      let block = row.extracting(start..<start + Self.blockCount)
      var largest = Int32.min
      for index in 0..<Self.blockCount {
        let key = orderedKey(block[index])
        largest = key > largest ? key : largest
        lowest = key < lowest ? key : lowest
      }
      keys.append(largest)
      start += Self.blockCount
    }
    if start < row.count {
      keys.append(Self.largestKey(row.extracting(start..<row.count)))
      for index in start..<row.count { lowest = min(lowest, orderedKey(row[index])) }
    }
    if lowest < orderedKey(-.infinity) { throw .notANumber }
    try findLargest()
  }

  /// Finds the maxima again of the blocks of `tokens`, whose logits in `row` have changed.
  ///
  /// - Throws: as ``fill(_:row:)``, where a value that is not a number and negative is not noticed.
  package mutating func refresh(_ tokens: [TokenID], in row: [Float]) throws(DecodingError) {
    if stamps.count != keys.count {
      stamps = Array(repeating: 0, count: keys.count)
      stamp = 0
    }
    stamp &+= 1
    for token in tokens {
      let block = Int(token) / Self.blockCount
      guard stamps[block] != stamp else { continue }
      stamps[block] = stamp
      refresh(block, in: row)
    }
    try findLargest()
  }

  /// Writes to `row` what `mask` leaves of block `block` of `values`, whose maximum its bound is, and finds the maximum of that.
  mutating func apply(_ mask: [UInt64], to values: Span<Float>, block: Int, into row: inout [Float]) {
    var row = row.mutableSpan
    MaskedLogits.apply(mask, to: values, block: block, into: &row, keys: &keys)
  }

  /// Finds the maximum of block `block` again, but not the largest of all.
  mutating func refresh(_ block: Int, in row: [Float]) {
    keys[block] = Self.largestKey(row.span.extracting(Self.range(ofBlock: block, count: row.count)))
  }

  /// Notes that nothing is left of the blocks whose bits in `mask` are 0, but not the largest of all.
  mutating func clear(whereZero mask: [UInt64]) {
    let nothing = orderedKey(-.infinity)
    let mask = mask.span
    var keys = keys.mutableSpan
    for block in keys.indices {
      let bits = UInt32(truncatingIfNeeded: mask[block >> 1] >> (UInt64(block & 1) << 5))
      // No branch, which would be guessed wrongly often.
      keys[block] = bits == 0 ? nothing : keys[block]
    }
  }

  /// Finds the largest key.
  ///
  /// - Throws: ``DecodingError`` if it is not that of a finite logit.
  mutating func findLargest() throws(DecodingError) {
    largestKey = Int32.min
    for index in keys.indices {
      let key = keys[index]
      largestKey = key > largestKey ? key : largestKey
    }
    if largestKey > orderedKey(.infinity) { throw .notANumber }
    if largestKey == orderedKey(.infinity) { throw .infinite }
    if largestKey <= orderedKey(-.infinity) { throw .everyTokenMasked }
  }

  /// The positions of block `block` in a row of `count` logits.
  static func range(ofBlock block: Int, count: Int) -> Range<Int> {
    block * blockCount..<min((block + 1) * blockCount, count)
  }

  /// Bit `i` is 1 if value `i` of a block is `limit` or more.
  @inline(__always)
  static func bits(of values: Span<Float>, atLeast limit: Float) -> UInt32 {
    var found: UInt32 = 0
    guard values.count == blockCount else {
      for index in values.indices where values[index] >= limit { found |= 1 << UInt32(index) }
      return found
    }
    var bits = SIMD8<UInt32>(1, 2, 4, 8, 16, 32, 64, 128)
    var sums = SIMD8<UInt32>()
    for first in stride(from: 0, to: blockCount, by: 8) {
      let eight = SIMD8(
        values[first], values[first + 1], values[first + 2], values[first + 3], values[first + 4], values[first + 5],
        values[first + 6], values[first + 7])
      sums |= SIMD8<UInt32>().replacing(with: bits, where: eight .>= limit)
      bits &<<= 8
    }
    // Every bit is in one of them only.
    return sums.wrappedSum()
  }

  private static func largestKey(_ block: Span<Float>) -> Int32 {
    var largest = Int32.min
    for index in block.indices {
      let key = orderedKey(block[index])
      largest = key > largest ? key : largest
    }
    return largest
  }

  /// The lowest index of the largest logit of `row`, whose maxima these are, and that logit.
  package func scan(of row: Span<Float>) -> LogitsScan {
    let block = keys.firstIndex(of: largestKey) ?? 0
    var index = block * Self.blockCount
    while index < row.count - 1, orderedKey(row[index]) != largestKey { index += 1 }
    return LogitsScan(argmax: index, maximum: row[index])
  }
}

/// An integer that is ordered as the floats are. Both zeros get the same key; NaN lies outside of the infinities.
@inline(__always)
func orderedKey(_ value: Float) -> Int32 {
  // Adding positive zero turns negative zero into it and changes nothing else.
  let bits = Int32(bitPattern: (value + 0).bitPattern)
  return bits ^ ((bits >> 31) & 0x7FFF_FFFF)
}

/// The float of which `key` is the ordered key; positive zero for that of the zeros.
@inline(__always)
func floatValue(ofOrderedKey key: Int32) -> Float {
  Float(bitPattern: UInt32(bitPattern: key ^ ((key >> 31) & 0x7FFF_FFFF)))
}
