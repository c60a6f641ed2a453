import Decoding
import Foundation
import Requests
import Tensors
import Testing

@Suite struct DecoderTests {
  private func decode(
    _ decoder: some Decoder, _ rows: [[Float]], _ params: SamplingParams, seed: UInt64 = 1, position: Int = 0
  ) -> [Result<TokenOutput, DecodingError>] {
    var decoder = decoder
    var results: [Result<TokenOutput, DecodingError>] = []
    decoder.decode(
      logits(rows),
      rows: rows.indices.map { DecodingRow(logitsRow: $0, params: params, seed: seed, position: position) },
      into: &results)
    return results
  }

  @Test func greedyTakesTheMaximum() throws {
    for result in decode(GreedyDecoder(), [[0, 2, 1]], SamplingParams(logprobs: 2)) {
      let output = try result.get()
      #expect(output.token == 1)
      #expect(abs(Double(output.logprob ?? 0) - log(exp(2) / (1 + exp(1) + exp(2)))) < 1e-6)
      #expect(output.top.map(\.token) == [1, 2])
      #expect(output.top[0].logprob == output.logprob)
    }
    #expect(try decode(SamplingDecoder(), [[0, 2, 1]], SamplingParams())[0].get() == TokenOutput(token: 1))
  }

  @Test func greedyDecoderRefusesTemperatures() {
    let result = decode(GreedyDecoder(), [[0, 1]], SamplingParams(temperature: 0.5))[0]
    #expect(result == .failure(.unsupported("temperature is 0.5, but the decoder is greedy: use 0")))
  }

  @Test func aBadRowFailsAlone() throws {
    for params in [SamplingParams(), SamplingParams(temperature: 1)] {
      let results = decode(
        SamplingDecoder(), [[0, 9], [0, .nan], [.infinity, 0], [-.infinity, -.infinity], [9, 0]], params)
      #expect(try results[0].get().token == 1 || params.temperature > 0)
      #expect(results[1] == .failure(.notANumber))
      #expect(results[2] == .failure(.infinite))
      #expect(results[3] == .failure(.everyTokenMasked))
      #expect((try? results[4].get()) != nil)
    }
  }

  @Test func aRowsResultDoesNotDependOnTheBatch() throws {
    var generator = SeededGenerator(seed: 6)
    let rows = (0..<9).map { _ in randomRow(3001, using: &generator) }
    let params = SamplingParams(temperature: 0.8, topK: 50, topP: 0.9, logprobs: 5)
    let together = decode(SamplingDecoder(), rows, params, seed: 42, position: 17)
    for (index, row) in rows.enumerated() {
      #expect(decode(SamplingDecoder(), [row], params, seed: 42, position: 17)[0] == together[index])
    }
  }

  /// Settings of every control that shapes the distribution, alone and together.
  static let distributions: [@Sendable (inout SamplingParams) -> Void] = [
    { $0.temperature = 1 }, { $0.temperature = 0.5 }, { ($0.temperature, $0.topK) = (2, 7) },
    { ($0.temperature, $0.topP) = (1.3, 0.8) }, { ($0.temperature, $0.topK, $0.topP) = (1, 9, 0.7) },
    { $0.minP = 0.1 }, { $0.typicalP = 0.6 }, { $0.repetitionPenalty = 1.8 }, { $0.presencePenalty = 1.5 },
    { $0.frequencyPenalty = -0.4 }, { $0.noRepeatNGramSize = 2 }, { $0.logitBias = [3: 1.5, 11: -100] },
    { $0.minTokens = 100 },
    {
      ($0.temperature, $0.topK, $0.topP, $0.minP, $0.typicalP) = (1.5, 15, 0.9, 0.02, 0.8)
      ($0.repetitionPenalty, $0.presencePenalty, $0.frequencyPenalty) = (1.2, 0.3, 0.2)
    },
  ]

  /// Frequencies of 40,000 draws, over positions and over samples, against the exact distribution; the bound is far in the
  /// tail (p below 1e-6), and the draws are seeded, so that the test cannot fail by chance.
  @Test(arguments: 0..<distributions.count, [false, true])
  func drawsFollowTheDistribution(index: Int, isOverSamples: Bool) throws {
    var generator = SeededGenerator(seed: 8)
    let row = (0..<24).map { _ in Float.random(in: -2..<2, using: &generator) }
    var params = SamplingParams(temperature: 1, stopTokenIDs: [5])
    Self.distributions[index](&params)
    let controls = SequenceControls(
      GenerationRequest(promptTokens: [1, 2, 3, 9, 3], params: params, endOfSequenceTokenIDs: [6]))
    for token in [7, 7, 9, 3] as [TokenID] { try controls?.accept(token) }
    var edited = row
    var span = edited.mutableSpan
    try controls?.apply(to: &span)
    let probabilities = PlainSampler.kept(edited, params)
    let drawCount = 40_000
    var counts = [Int](repeating: 0, count: row.count)
    var decoder = SamplingDecoder()
    var results: [Result<TokenOutput, DecodingError>] = []
    let rows = (0..<drawCount).map { draw in
      DecodingRow(
        logitsRow: 0, params: params, seed: 99, position: isOverSamples ? 17 : draw,
        sampleIndex: isOverSamples ? draw : 0, controls: controls)
    }
    decoder.decode(logits([row]), rows: rows, into: &results)
    for result in results { counts[Int(try result.get().token)] += 1 }
    var chiSquare = 0.0
    for token in row.indices {
      let expected = (probabilities[token] ?? 0) * Double(drawCount)
      if expected == 0 {
        #expect(counts[token] == 0)
      } else {
        chiSquare += (Double(counts[token]) - expected) * (Double(counts[token]) - expected) / expected
      }
    }
    let degrees = Double(probabilities.count - 1)
    #expect(chiSquare < degrees + 6 * (2 * degrees).squareRoot() + 10)
  }

  @Test func extremeTemperaturesAreHarmless() throws {
    let row: [Float] = [-3, 1, 0.5, -.infinity]
    for temperature in [Float.leastNonzeroMagnitude, 1e-30, 1e-3] {
      #expect(try decode(SamplingDecoder(), [row], SamplingParams(temperature: temperature))[0].get().token == 1)
    }
    for position in 0..<100 {
      let params = SamplingParams(temperature: .greatestFiniteMagnitude)
      #expect(try decode(SamplingDecoder(), [row], params, position: position)[0].get().token != 3)
    }
  }

  @Test func topKOfOneAndTinyTopPAreGreedy() throws {
    var generator = SeededGenerator(seed: 10)
    let row = randomRow(2000, using: &generator)
    let best = try LogitsScan(row.span).argmax
    for position in 0..<20 {
      for params in [SamplingParams(temperature: 1, topK: 1), SamplingParams(temperature: 1, topP: 1e-6)] {
        #expect(
          try decode(SamplingDecoder(), [row], params, position: position)[0].get().token == TokenID(best))
      }
    }
  }
}
