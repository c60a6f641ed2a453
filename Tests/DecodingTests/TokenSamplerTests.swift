import Decoding
import Foundation
import Requests
import Testing

@Suite struct TokenSamplerTests {
  /// A row in which a few tokens far from each other have all the probability.
  static func row(_ chosen: [Int], count: Int) -> [Float] {
    var row = [Float](repeating: -200, count: count)
    for token in chosen { row[token] = 3 }
    return row
  }

  private func sample(
    _ sampler: inout TokenSampler, _ row: [Float], _ params: SamplingParams, uniform: Double
  ) throws -> Int {
    var maxima = BlockMaxima()
    try maxima.fill(row.span)
    return sampler.sample(row.span, maxima, params: params, uniform: uniform)
  }

  /// What a row draws must not depend on the rows before it, in a vocabulary of many blocks too.
  @Test(arguments: [64, 1024, 5000, 49_152]) func everyRowDrawsFromItself(_ count: Int) throws {
    var sampler = TokenSampler()
    for round in 0..<50 {
      let chosen = [round % count, (round * 613 + 7) % count, count - 1 - round % 3]
      let row = Self.row(chosen, count: count)
      for uniform in [0, 0.2, 0.5, 0.8, 0.999_999] {
        let token = try sample(&sampler, row, SamplingParams(temperature: 0.9), uniform: uniform)
        #expect(chosen.contains(token), "row \(round), \(uniform) of \(count) tokens")
      }
    }
  }

  @Test func theDrawWalksThroughTheTokensInOrder() throws {
    var sampler = TokenSampler()
    let row = Self.row([10, 3000, 6000, 9000], count: 10_000)
    let drawn = try [0.1, 0.3, 0.6, 0.9].map {
      try sample(&sampler, row, SamplingParams(temperature: 1), uniform: $0)
    }
    #expect(drawn == [10, 3000, 6000, 9000])
  }

  /// Every combination of controls keeps exactly the tokens that a plain implementation keeps, over rows of all kinds.
  @Test func keepsWhatAPlainImplementationKeeps() throws {
    var generator = SeededGenerator(seed: 77)
    var sampler = TokenSampler()
    for round in 0..<400 {
      let count = [5, 31, 32, 33, 100, 1000, 3000].randomElement(using: &generator) ?? 5
      // Few values, so that there are ties; some masked; some flat and some steep.
      let scale = Float.random(in: 0.05...3, using: &generator)
      var row = (0..<count).map { _ in Float(Int.random(in: -40...40, using: &generator)) / 8 * scale }
      for _ in 0..<count / 4 where count > 5 { row[Int.random(in: 0..<count, using: &generator)] = -.infinity }
      var params = SamplingParams(temperature: Float.random(in: 0.2...2, using: &generator))
      if round % 2 == 0 { params.topK = Int.random(in: 1...60, using: &generator) }
      if round % 3 == 0 { params.topP = Float.random(in: 0.05..<1, using: &generator) }
      if round % 5 == 0 { params.minP = Float.random(in: 0.001..<0.5, using: &generator) }
      if round % 7 == 0 { params.typicalP = Float.random(in: 0.1..<1, using: &generator) }
      let kept = PlainSampler.kept(row, params)
      var drawn: Set<Int> = []
      for step in 0..<64 {
        let token = try sample(&sampler, row, params, uniform: (Double(step) + 0.5) / 64)
        #expect(kept[token] != nil, "round \(round): \(token) of \(kept.count) kept, \(params)")
        drawn.insert(token)
      }
      for (token, probability) in kept where probability > 1.0 / 60 { #expect(drawn.contains(token)) }
    }
  }

  /// The limit of a nucleus in a vocabulary where most of the probability is in many tokens, and where it is in few.
  @Test(arguments: [0.02, 0.5, 4] as [Float]) func nucleiOfAnySizeAreExact(scale: Float) throws {
    var generator = SeededGenerator(seed: 5)
    let row = (0..<40_000).map { _ in Float.random(in: -4..<4, using: &generator) * scale }
    var sampler = TokenSampler()
    for topP in [0.1, 0.9, 0.999] as [Float] {
      let params = SamplingParams(temperature: 1, topP: topP)
      let kept = PlainSampler.kept(row, params)
      for step in 0..<200 {
        let token = try sample(&sampler, row, params, uniform: Double(step) / 200)
        #expect(kept[token] != nil)
      }
      let last = try sample(&sampler, row, params, uniform: 1 - 0x1p-53)
      #expect(last == kept.keys.max())
    }
  }
}

/// The controls by their formulas: sorted, in double precision, one after the other.
enum PlainSampler {
  /// The tokens that may be drawn from `row`, with their probabilities.
  static func kept(_ row: [Float], _ params: SamplingParams) -> [Int: Double] {
    let largest = Double(row.max() ?? 0)
    var weights = row.map { exp((Double($0) - largest) / Double(params.temperature)) }
    var order = row.indices.filter { weights[$0] > 0 }.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }
    order = order.filter { weights[$0] >= Double(params.minP) }
    if params.topK > 0 { order = Array(order.prefix(params.topK)) }
    if params.topP < 1 {
      let mass = Double(params.topP) * order.reduce(0) { $0 + weights[$1] }
      var sum = 0.0
      var nucleus: [Int] = []
      for token in order where sum < mass {
        nucleus.append(token)
        sum += weights[token]
      }
      order = nucleus
    }
    let total = order.reduce(0) { $0 + weights[$1] }
    for token in weights.indices { weights[token] /= total }
    if params.typicalP < 1 {
      let entropy = order.reduce(0) { $0 - weights[$1] * log(weights[$1]) }
      let distances = Dictionary(uniqueKeysWithValues: order.map { ($0, Float(abs(-log(weights[$0]) - entropy))) })
      // Equal logits are equally far: their distances must not differ by rounding.
      var sum = 0.0
      var typical: [Int] = []
      for token in order.sorted(by: { (distances[$0] ?? 0, $0) < (distances[$1] ?? 0, $1) })
      where sum < Double(params.typicalP) {
        typical.append(token)
        sum += weights[token]
      }
      order = typical
    }
    let rest = order.reduce(0) { $0 + weights[$1] }
    return Dictionary(uniqueKeysWithValues: order.map { ($0, weights[$0] / rest) })
  }
}
