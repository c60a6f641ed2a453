package import Requests
internal import Tensors

/// Draws a token from a row of logits: temperature, min-p and top-k, then top-p of what they left, then locally typical
/// sampling of what that left, then one draw.
///
/// Where a control leaves few tokens, only they are weighed: they are found through the maxima of blocks, which takes no
/// sort and no second pass over the row. Otherwise the sum of all weights is needed as well. Keeps scratch memory.
package struct TokenSampler: Sendable {
  private var candidates = Candidates()
  private var blockSums: [Double] = []
  private let sums = ExponentialSums()
  private var few: [Float] = []
  private var shortlist = Shortlist()
  private var masses: [Double] = []

  /// Creates a sampler; its first rows allocate the scratch memory.
  package init() {}

  /// The token that the random number `uniform`, in `0 ..< 1`, draws from `row`, `[vocabulary]`.
  ///
  /// - Parameters:
  ///   - maxima: those of `row`.
  ///   - params: a temperature of more than 0, and what restricts the draw.
  package mutating func sample(
    _ row: Span<Float>, _ maxima: BlockMaxima, params: SamplingParams, uniform: Double
  ) -> Int {
    let limit = params.isTopK(of: row.count) ? candidates.threshold(forBest: params.topK, maxima) : .min
    return sample(row, maxima, params, uniform, bestFrom: limit)
  }

  /// The token that the random number `uniform` draws from what `row` makes of `values`; settles no more of it than it must.
  ///
  /// - Throws: ``DecodingError`` if nothing is left.
  package mutating func sample(
    _ row: inout EditedRow, of values: Span<Float>, params: SamplingParams, uniform: Double
  ) throws(DecodingError) -> Int {
    var limit = Int32.min
    if params.isTopK(of: values.count) {
      limit = try row.settle(forBest: params.topK, of: values, &candidates)
    } else if params.minP > 0 {
      try row.settleBest(values)
      row.settle(atLeast: params.leastKey(floatValue(ofOrderedKey: row.maxima.largestKey)), of: values)
    } else {
      try row.settleAll(values)
    }
    return sample(row.logits.span, row.maxima, params, uniform, bestFrom: limit)
  }

  /// - Parameter limit: a key that the best `topK` reach, if they are asked for.
  private mutating func sample(
    _ row: Span<Float>, _ maxima: BlockMaxima, _ params: SamplingParams, _ uniform: Double, bestFrom limit: Int32
  ) -> Int {
    let largest = floatValue(ofOrderedKey: maxima.largestKey)
    if params.isTopK(of: row.count) || params.minP > 0 {
      selectBest(row, maxima, params, from: limit, largest)
    } else if params.topP < 1 || params.typicalP < 1 {
      selectNucleus(row, maxima, params, largest)
      if params.typicalP < 1 { shortlist.keepTypical(Double(params.typicalP)) }
      return shortlist.draw(uniform) ?? maxima.scan(of: row).argmax
    } else {
      sums.fill(&blockSums, row, maximum: largest, temperature: params.temperature)
      let target = uniform * ExponentialSums.total(blockSums)
      return draw(target, row, largest, params.temperature) ?? maxima.scan(of: row).argmax
    }
    if params.typicalP < 1 { keepTypical(params.typicalP) }
    return candidates.draw(uniform * candidates.mass) ?? maxima.scan(of: row).argmax
  }

  /// The candidates that min-p and top-k leave, best first, and of them what top-p leaves.
  private mutating func selectBest(
    _ row: Span<Float>, _ maxima: BlockMaxima, _ params: SamplingParams, from limit: Int32, _ largest: Float
  ) {
    candidates.gather(row, maxima, threshold: params.minP > 0 ? max(limit, params.leastKey(largest)) : limit)
    if params.isTopK(of: row.count) {
      candidates.keepBest(params.topK)
    } else if params.topP < 1 {
      candidates.keepBest(.max)
    }
    candidates.weigh(largest: largest, temperature: params.temperature)
    if params.minP > 0 { candidates.dropBelow(params.minP) }
    if params.topP < 1 { candidates.keepFirst(mass: Double(params.topP) * candidates.mass) }
  }

  /// What top-p leaves of the whole row.
  private mutating func selectNucleus(
    _ row: Span<Float>, _ maxima: BlockMaxima, _ params: SamplingParams, _ largest: Float
  ) {
    guard params.topP < 1 else {
      shortlist.gather(row, maxima, atLeast: -.infinity)
      shortlist.weigh(largest: largest, temperature: params.temperature)
      return
    }
    sums.fill(&blockSums, row, maximum: largest, temperature: params.temperature)
    let total = ExponentialSums.total(blockSums)
    let mass = Double(params.topP) * total
    var depth = probableDepth(row, largest, params.temperature, rest: total - mass)
    while true {
      let isLast = depth > Self.deepest
      let limit = isLast ? -.infinity : largest - params.temperature * depth
      shortlist.gather(row, maxima, atLeast: limit)
      shortlist.weigh(largest: largest, temperature: params.temperature)
      if isLast || shortlist.sumWeights() >= mass { return shortlist.keepLargest(mass: mass) }
      depth = depth * 1.5 + 1
    }
  }

  /// Weights of tokens that are this many temperatures below the best are 0.
  private static let deepest: Float = 87
  /// Blocks that a row is judged by.
  private static let sampledBlockCount = 64
  /// Depths are told apart up to 32, in quarters.
  private static let depthCount = 128

  /// How many temperatures below the best the tokens are that probably have all weight of the row but `rest`: from the
  /// weights of some of its blocks, and rather too deep.
  private mutating func probableDepth(
    _ row: Span<Float>, _ largest: Float, _ temperature: Float, rest: Double
  ) -> Float {
    if masses.isEmpty { masses = Array(repeating: 0, count: Self.depthCount) }
    for place in masses.indices { masses[place] = 0 }
    let blockCount = (row.count + BlockMaxima.blockCount - 1) / BlockMaxima.blockCount
    let step = max(1, blockCount / Self.sampledBlockCount)
    var sampled = 0
    for block in stride(from: step / 2, to: blockCount, by: step) {
      sampled += 1
      for index in BlockMaxima.range(ofBlock: block, count: row.count) {
        let distance = (largest - row[index]) / temperature
        guard distance < Float(Self.depthCount) / 4 else { continue }
        masses[Int(distance * 4)] += Double(exponentialOfNonPositive(-distance))
      }
    }
    var left = 0.75 * rest * Double(sampled) / Double(blockCount)
    var depth = Self.depthCount
    while depth > 1, masses[depth - 1] <= left {
      left -= masses[depth - 1]
      depth -= 1
    }
    return Float(depth) / 4
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

  /// The first token at which the running sum of weights exceeds `target`. If rounding keeps the sum below, the last
  /// token that has any weight. Only the weights of the block in which that is are looked at, unless rounding differs.
  private func draw(_ target: Double, _ row: Span<Float>, _ largest: Float, _ temperature: Float) -> Int? {
    var sum = 0.0
    var block = 0
    while block < blockSums.count - 1, sum + blockSums[block] <= target {
      sum += blockSums[block]
      block += 1
    }
    for index in block * ExponentialSums.blockSize..<row.count {
      let weight = exponentialOfNonPositive((row[index] - largest) / temperature)
      sum += Double(weight)
      if weight > 0, sum > target { return index }
    }
    return row.indices.last { exponentialOfNonPositive((row[$0] - largest) / temperature) > 0 }
  }
}

extension SamplingParams {
  /// Whether top-k restricts a draw from `count` tokens.
  fileprivate func isTopK(of count: Int) -> Bool { topK > 0 && topK < count }

  /// A key that the tokens reach that min-p leaves, where `largest` is the largest logit.
  fileprivate func leastKey(_ largest: Float) -> Int32 {
    // A little lower than the logit at which the weight is the limit, since both are rounded.
    let distance = -logarithm(Double(minP)) + 0.001
    return orderedKey(Float(Double(largest) - Double(temperature) * distance).nextDown)
  }
}
