/// Draws a token from a row of logits: temperature, then top-k, then top-p of what top-k left, then one draw.
///
/// Keeps scratch memory of one row.
package struct TokenSampler: Sendable {
  private var weights: [Float] = []
  private var blockSums: [Double] = []
  private var truncation = WeightTruncation()

  /// Number of weights whose sum is kept, so that a draw looks through one block and not through the whole row.
  private static let blockCount = 1024

  /// Creates a sampler; its first row allocates the scratch memory.
  package init() {}

  /// The token that the random number `uniform`, in `0 ..< 1`, draws from `row`, `[vocabulary]`.
  ///
  /// - Parameters:
  ///   - scan: the scan of `row`.
  ///   - temperature: more than 0.
  ///   - topK: 0 for no limit.
  ///   - topP: 1 for no limit.
  package mutating func sample(
    _ row: Span<Float>, scan: LogitsScan, temperature: Float, topK: Int, topP: Float, uniform: Double
  ) -> Int {
    if weights.count != row.count { weights = Array(repeating: 0, count: row.count) }
    let largest = scan.maximum
    var scaled = weights.mutableSpan
    for index in 0..<min(row.count, scaled.count) {
      scaled[index] = exponentialOfNonPositive((row[index] - largest) / temperature)
    }
    if topK > 0, topK < row.count { truncation.keepLargest(topK, of: &weights) }
    if topP < 1 { truncation.keepMass(Double(topP) * sumBlocks(), of: &weights) }
    // A statement of its own: as an argument it would change the block sums after `draw` had taken its copy of them.
    let total = sumBlocks()
    return draw(uniform * total) ?? scan.argmax
  }

  /// Sums the weights block by block and returns the sum of all.
  private mutating func sumBlocks() -> Double {
    blockSums.removeAll(keepingCapacity: true)
    var total = 0.0
    var start = 0
    while start < weights.count {
      let end = min(start + Self.blockCount, weights.count)
      let sum = orderedSum(weights.span.extracting(start..<end))
      blockSums.append(sum)
      total += sum
      start = end
    }
    return total
  }

  /// The first token at which the running sum of weights exceeds `target`. If rounding keeps the sum below, the last
  /// token that has any weight.
  private func draw(_ target: Double) -> Int? {
    var sum = 0.0
    var block = 0
    while block < blockSums.count - 1, sum + blockSums[block] <= target {
      sum += blockSums[block]
      block += 1
    }
    for index in block * Self.blockCount..<weights.count where weights[index] > 0 {
      sum += Double(weights[index])
      if sum > target { return index }
    }
    return weights.lastIndex { $0 > 0 }
  }
}
