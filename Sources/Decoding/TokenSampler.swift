package import Requests

/// Draws a token from a row of logits: temperature, min-p and top-k, then top-p of what they left, then locally typical
/// sampling of what that left, then one draw.
///
/// Where a control leaves few tokens, only they are weighed: they are found through the maxima of blocks, which takes no
/// sort and no second pass over the row. Otherwise all are. Keeps scratch memory of one row.
package struct TokenSampler: Sendable {
  private var candidates = Candidates()
  private var weights: [Float] = []
  private var blockSums: [Double] = []
  private var few: [Float] = []
  private var truncation = WeightTruncation()

  /// Number of weights whose sum is kept, so that a draw looks through one block and not through the whole row.
  private static let blockCount = 1024

  /// Creates a sampler; its first row allocates the scratch memory.
  package init() {}

  /// The token that the random number `uniform`, in `0 ..< 1`, draws from `row`, `[vocabulary]`.
  ///
  /// - Parameters:
  ///   - maxima: those of `row`.
  ///   - params: a temperature of more than 0, and what restricts the draw.
  package mutating func sample(
    _ row: Span<Float>, _ maxima: BlockMaxima, params: SamplingParams, uniform: Double
  ) -> Int {
    let largest = floatValue(ofOrderedKey: maxima.largestKey)
    let isTopK = params.topK > 0 && params.topK < row.count
    if isTopK || params.minP > 0 {
      selectBest(row, maxima, params, topK: isTopK ? params.topK : nil, largest)
    } else if params.topP < 1 || params.typicalP < 1 {
      selectNucleus(row, maxima, params, largest)
    } else {
      weighAll(row, largest, params.temperature)
      // A statement of its own: as an argument it would change the block sums after `draw` had taken its copy of them.
      let total = sumBlocks()
      return draw(uniform * total) ?? maxima.scan(of: row).argmax
    }
    if params.typicalP < 1 { keepTypical(params.typicalP) }
    return candidates.draw(uniform * candidates.mass) ?? maxima.scan(of: row).argmax
  }

  /// The candidates that min-p and top-k leave, best first, and of them what top-p leaves.
  private mutating func selectBest(
    _ row: Span<Float>, _ maxima: BlockMaxima, _ params: SamplingParams, topK: Int?, _ largest: Float
  ) {
    var threshold = topK.map { candidates.threshold(forBest: $0, maxima) } ?? .min
    if params.minP > 0 {
      // A little lower than the logit at which the weight is the limit, since both are rounded.
      let distance = -logarithm(Double(params.minP)) + 0.001
      threshold = max(threshold, orderedKey(Float(Double(largest) - Double(params.temperature) * distance).nextDown))
    }
    candidates.gather(row, maxima, threshold: threshold)
    if let topK {
      candidates.keepBest(topK)
    } else if params.topP < 1 {
      candidates.keepBest(.max)
    }
    candidates.weigh(largest: largest, temperature: params.temperature)
    if params.minP > 0 { candidates.dropBelow(params.minP) }
    if params.topP < 1 { candidates.keepFirst(mass: Double(params.topP) * candidates.mass) }
  }

  /// What top-p leaves of the whole row, in the order of the tokens.
  private mutating func selectNucleus(
    _ row: Span<Float>, _ maxima: BlockMaxima, _ params: SamplingParams, _ largest: Float
  ) {
    weighAll(row, largest, params.temperature)
    let mass = params.topP < 1 ? Double(params.topP) * sumBlocks() : .infinity
    // Most of the probability is in few tokens for most rows: look at those above a limit, and lower it until they have
    // enough. In the end, all that have any weight are looked at.
    var depth: Float = 8
    while true {
      let isLast = mass == .infinity || depth > 87
      let limit = isLast ? -.infinity : largest - params.temperature * depth
      candidates.gather(row, maxima, threshold: orderedKey(limit))
      candidates.weigh(largest: largest, temperature: params.temperature)
      if isLast || candidates.mass >= mass { break }
      depth *= 2
    }
    guard mass < .infinity else { return candidates.dropBelow(.leastNonzeroMagnitude) }
    few.removeAll(keepingCapacity: true)
    for place in candidates.list.indices { few.append(candidates.list[place].weight) }
    truncation.keepMass(mass, of: &few)
    candidates.takeWeights(few)
  }

  /// Keeps the candidates whose surprise `-ln q` is nearest to the entropy, up to the probability `mass`.
  private mutating func keepTypical(_ mass: Float) {
    candidates.dropBelow(.leastNonzeroMagnitude)
    let total = candidates.mass
    var entropy = 0.0
    for place in candidates.list.indices {
      let probability = Double(candidates.list[place].weight) / total
      entropy -= probability * logarithm(probability)
    }
    few.removeAll(keepingCapacity: true)
    for place in candidates.list.indices {
      few.append(Float(abs(-logarithm(Double(candidates.list[place].weight) / total) - entropy)))
    }
    candidates.keepSmallest(&few, mass: Double(mass) * total)
  }

  private mutating func weighAll(_ row: Span<Float>, _ largest: Float, _ temperature: Float) {
    if weights.count != row.count { weights = Array(repeating: 0, count: row.count) }
    var scaled = weights.mutableSpan
    for index in 0..<min(row.count, scaled.count) {
      scaled[index] = exponentialOfNonPositive((row[index] - largest) / temperature)
    }
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
