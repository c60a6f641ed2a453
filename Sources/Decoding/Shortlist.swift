internal import Requests

/// The tokens of a row above a limit, in the order of their identifiers: what is drawn from where they may be many. Flat
/// arrays, so that most of the work is done on several at a time; keeps its memory.
struct Shortlist: Sendable {
  /// The number of tokens; the arrays are longer.
  private var count = 0
  private var tokens: [TokenID] = []
  private var logits: [Float] = []
  /// `e^-distance`, or 0 for a token that was removed.
  private var weights: [Float] = []
  /// How far each logit is below the largest, divided by the temperature.
  private var distances: [Float] = []
  private var keys: [Int32] = []
  /// The sums of ``chunkSize`` weights each.
  private var chunkSums: [Double] = []
  private var selection = MassSelection()

  /// Number of weights whose sum is kept.
  private static let chunkSize = 64

  /// Lists the tokens of `row`, whose maxima are `maxima`, that are not masked and whose logits are `limit` or more.
  mutating func gather(_ row: Span<Float>, _ maxima: BlockMaxima, atLeast limit: Float) {
    if tokens.count < row.count {
      tokens = Array(repeating: 0, count: row.count)
      logits = Array(repeating: 0, count: row.count)
      weights = logits
      distances = logits
      keys = tokens
    }
    count = Self.gather(row, maxima, atLeast: max(limit, -.greatestFiniteMagnitude), &tokens, &logits)
  }

  /// Writes tokens and logits to the beginning of arrays that have room for all; returns how many.
  private static func gather(
    _ row: Span<Float>, _ maxima: BlockMaxima, atLeast limit: Float, _ tokens: inout [TokenID], _ logits: inout [Float]
  ) -> Int {
    let lowest = orderedKey(limit)
    var tokens = tokens.mutableSpan
    var logits = logits.mutableSpan
    var count = 0
    for block in maxima.keys.indices where maxima.keys[block] >= lowest {
      let range = BlockMaxima.range(ofBlock: block, count: row.count)
      let values = row.extracting(range)
      var found = BlockMaxima.bits(of: values, atLeast: limit)
      while found != 0 {
        let index = found.trailingZeroBitCount
        found &= found - 1
        tokens[count] = TokenID(truncatingIfNeeded: range.lowerBound + index)
        logits[count] = values[index]
        count += 1
      }
    }
    return count
  }

  /// Weighs every token: `e^((logit - largest) / temperature)`.
  mutating func weigh(largest: Float, temperature: Float) {
    Self.weigh(logits, count, largest, temperature, &distances, &weights)
  }

  private static func weigh(
    _ logits: [Float], _ count: Int, _ largest: Float, _ temperature: Float, _ distances: inout [Float],
    _ weights: inout [Float]
  ) {
    // With a count that is no larger than any, loops need no checks and do several at a time.
    let count = min(count, logits.count, distances.count, weights.count)
    let logits = logits.span
    var distances = distances.mutableSpan
    for index in 0..<count { distances[index] = (largest - logits[index]) / temperature }
    var weights = weights.mutableSpan
    for index in 0..<count { weights[index] = exponentialOfNonPositive(-distances[index]) }
  }

  /// The sum of all weights; also makes the sums that ``draw(_:)`` needs.
  mutating func sumWeights() -> Double { Self.sum(weights, count, &chunkSums) }

  private static func sum(_ weights: [Float], _ count: Int, _ chunkSums: inout [Double]) -> Double {
    let count = min(count, weights.count)
    let weights = weights.span
    chunkSums.removeAll(keepingCapacity: true)
    var total = 0.0
    for first in stride(from: 0, to: count, by: chunkSize) {
      let chunk = weights.extracting(first..<min(first + chunkSize, count))
      // Four sums at a time, since each addition waits for the one before.
      var sums = SIMD4<Double>()
      var index = 0
      while index + 4 <= chunk.count {
        sums += SIMD4(
          Double(chunk[index]), Double(chunk[index + 1]), Double(chunk[index + 2]), Double(chunk[index + 3]))
        index += 4
      }
      var sum = sums.sum()
      while index < chunk.count {
        sum += Double(chunk[index])
        index += 1
      }
      chunkSums.append(sum)
      total += sum
    }
    return total
  }

  /// Keeps the fewest tokens of largest weight, ties by lower identifiers, whose weights sum to `mass` or more.
  mutating func keepLargest(mass: Double) {
    Self.fillKeys(weights, count, &keys)
    keepSelected(mass: mass)
  }

  /// Makes keys that are the smaller the larger the weights are.
  private static func fillKeys(_ weights: [Float], _ count: Int, _ keys: inout [Int32]) {
    // The bits of a float that is not negative are ordered as the floats are.
    let largest = Int32(bitPattern: Float(1).bitPattern)
    let count = min(count, weights.count, keys.count)
    let weights = weights.span
    var keys = keys.mutableSpan
    for index in 0..<count { keys[index] = max(0, largest - Int32(bitPattern: weights[index].bitPattern)) }
  }

  /// Keeps the tokens whose surprise `-ln q` is nearest to its mean, the entropy, ties by lower identifiers, up to the
  /// probability `share`.
  mutating func keepTypical(_ share: Double) {
    let total = sumWeights()
    // The surprise is the distance and the logarithm of the total, which is in the mean as well.
    let mean = Self.product(weights, distances, count) / total
    Self.fillKeys(distances, count, mean: Float(mean), &keys)
    keepSelected(mass: share * total)
  }

  /// The sum of the products of the first `count` elements, where the first factor is not 0.
  private static func product(_ weights: [Float], _ distances: [Float], _ count: Int) -> Double {
    let count = min(count, weights.count, distances.count)
    let (weights, distances) = (weights.span, distances.span)
    var sums = SIMD4<Double>()
    var index = 0
    func term(_ index: Int) -> Double { weights[index] > 0 ? Double(weights[index] * distances[index]) : 0 }
    while index + 4 <= count {
      sums += SIMD4(term(index), term(index + 1), term(index + 2), term(index + 3))
      index += 4
    }
    var sum = sums.sum()
    while index < count {
      sum += term(index)
      index += 1
    }
    return sum
  }

  /// Makes keys that are the smaller the nearer the distances are to `mean`.
  private static func fillKeys(_ distances: [Float], _ count: Int, mean: Float, _ keys: inout [Int32]) {
    let count = min(count, distances.count, keys.count)
    let distances = distances.span
    var keys = keys.mutableSpan
    for index in 0..<count { keys[index] = Int32(bitPattern: abs(distances[index] - mean).bitPattern) }
  }

  private mutating func keepSelected(mass: Double) {
    selection.keep(mass, of: &weights, keys: keys, count: count)
  }

  /// The token at which the running sum of the weights exceeds the share `uniform`, in `0 ..< 1`, of all, or the last that
  /// has any weight.
  mutating func draw(_ uniform: Double) -> Int? {
    let target = uniform * sumWeights()
    var sum = 0.0
    var chunk = 0
    while chunk < chunkSums.count - 1, sum + chunkSums[chunk] <= target {
      sum += chunkSums[chunk]
      chunk += 1
    }
    for index in chunk * Self.chunkSize..<max(count, chunk * Self.chunkSize) where weights[index] > 0 {
      sum += Double(weights[index])
      if sum > target { return Int(tokens[index]) }
    }
    return weights[..<count].lastIndex { $0 > 0 }.map { Int(tokens[$0]) }
  }
}
