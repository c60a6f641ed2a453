import Decoding
import Requests
import Tensors
import Testing

/// What choosing a token costs on one core, for a vocabulary of 151,936. Times are printed only: see docs/benchmarks.md.
@Suite struct SamplingCostTests {
  static let cases: [(name: String, params: SamplingParams)] = {
    var full = SamplingParams(temperature: 0.8, topK: 50, topP: 0.9)
    full.repetitionPenalty = 1.1
    full.presencePenalty = 0.2
    full.frequencyPenalty = 0.1
    var minP = SamplingParams(temperature: 0.8)
    minP.minP = 0.05
    var typical = SamplingParams(temperature: 0.8)
    typical.typicalP = 0.9
    return [
      ("greedy", SamplingParams()),
      ("temperature, top-k 50, top-p 0.9", SamplingParams(temperature: 0.8, topK: 50, topP: 0.9)),
      ("temperature, top-k 50, top-p 0.9, all penalties", full), ("temperature, min-p 0.05", minP),
      ("temperature, top-p 0.9", SamplingParams(temperature: 0.8, topP: 0.9)), ("temperature, typical-p 0.9", typical),
      ("temperature", SamplingParams(temperature: 0.8)), ("greedy, 5 log-probabilities", SamplingParams(logprobs: 5)),
    ]
  }()

  /// Prints the median of microseconds per row, over rows that are not in the nearest caches when their turn comes.
  @Test(arguments: 0..<cases.count) func timeOfARow(index: Int) throws {
    let (name, params) = Self.cases[index]
    var generator = SeededGenerator(seed: 9)
    // Sums of uniform numbers: a bell, as logits are, with a tail of good tokens.
    func logit() -> Float {
      var sum: Float = -12
      for _ in 0..<6 { sum += Float.random(in: 0..<4, using: &generator) }
      return sum
    }
    var rows: [[Float]] = []
    for _ in 0..<16 { rows.append((0..<151_936).map { _ in logit() }) }
    let block = logits(rows)
    let request = GenerationRequest(
      promptTokens: (0..<500).map { _ in TokenID.random(in: 0..<151_936, using: &generator) }, params: params)
    let controls = SequenceControls(request)
    for _ in 0..<300 { try controls?.accept(TokenID.random(in: 0..<151_936, using: &generator)) }
    var decoder = SamplingDecoder()
    var results: [Result<TokenOutput, DecodingError>] = []
    var times: [Double] = []
    for round in 0..<320 {
      let row = DecodingRow(
        logitsRow: round % 16, params: params, seed: 1, position: round, controls: controls)
      results.removeAll(keepingCapacity: true)
      let clock = ContinuousClock()
      let time = clock.measure { decoder.decode(block, rows: [row], into: &results) }
      times.append(Double(time.components.attoseconds) / 1e12)
      #expect(results.count == 1 && (try? results[0].get()) != nil)
    }
    times.sort()
    print("sampling, \(name): median \(times[times.count / 2]) µs, tenth \(times[times.count / 10]) µs per row")
  }
}
