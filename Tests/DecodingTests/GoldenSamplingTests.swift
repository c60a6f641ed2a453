import Decoding
import Foundation
import Requests
import Testing

/// The controls and the beam search against transformers; see scripts/goldens/sampling.py.
@Suite struct GoldenSamplingTests {
  struct Golden: Decodable {
    struct Edit: Decodable {
      var repetition_penalty: Float
      var presence_penalty: Float
      var frequency_penalty: Float
      var no_repeat_ngram_size: Int
      var logits: [Double?]
    }

    struct Draw: Decodable {
      var temperature: Float
      var min_p: Float
      var top_k: Int
      var top_p: Float
      var typical_p: Float
      var kept: [[Double]]
    }

    struct Processor: Decodable {
      var row: [Float]
      var prompt: [TokenID]
      var output: [TokenID]
      var edit: Edit
      var draws: [Draw]
    }

    enum Early: Decodable {
      case flag(Bool)
      case never

      init(from decoder: any Swift.Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) { self = .flag(flag) } else { self = .never }
      }
    }

    struct Beam: Decodable {
      var width: Int
      var length_penalty: Double
      var early_stopping: Early
      var ends: [TokenID]
      var prompt: [TokenID]
      var sequences: [[TokenID]]
      var scores: [Double]
    }

    struct Beams: Decodable {
      var table: [[Float]]
      var max_tokens: Int
      var pad: TokenID
      var cases: [Beam]
    }

    var processors: [Processor]
    var beams: Beams

    static func read() throws -> Golden {
      let url = try #require(Bundle.module.url(forResource: "Goldens/sampling.json", withExtension: nil))
      return try JSONDecoder().decode(Golden.self, from: try Data(contentsOf: url))
    }
  }

  @Test func penaltiesAndForbiddenRuns() throws {
    for entry in try Golden.read().processors {
      var params = SamplingParams()
      params.repetitionPenalty = entry.edit.repetition_penalty
      params.presencePenalty = entry.edit.presence_penalty
      params.frequencyPenalty = entry.edit.frequency_penalty
      params.noRepeatNGramSize = entry.edit.no_repeat_ngram_size
      var row = entry.row
      if let controls = SequenceControls(GenerationRequest(promptTokens: entry.prompt, params: params)) {
        for token in entry.output { try controls.accept(token) }
        var span = row.mutableSpan
        try controls.apply(to: &span)
      }
      for (found, expected) in zip(row, entry.edit.logits) {
        #expect(abs(Double(found) - (expected ?? -.infinity)) < 1e-5 || (expected == nil && found == -.infinity))
      }
    }
  }

  /// Draws at evenly spaced numbers show every token's share of the distribution, to within one draw.
  @Test func distributions() throws {
    let drawCount = 4000
    for entry in try Golden.read().processors {
      for draw in entry.draws {
        var params = SamplingParams(temperature: draw.temperature, topK: draw.top_k, topP: draw.top_p)
        params.minP = draw.min_p
        params.typicalP = draw.typical_p
        var maxima = BlockMaxima()
        try maxima.fill(entry.row.span)
        var sampler = TokenSampler()
        var counts: [Int: Int] = [:]
        for step in 0..<drawCount {
          let uniform = (Double(step) + 0.5) / Double(drawCount)
          counts[sampler.sample(entry.row.span, maxima, params: params, uniform: uniform), default: 0] += 1
        }
        let kept = Dictionary(uniqueKeysWithValues: draw.kept.map { (Int($0[0]), $0[1]) })
        #expect(Set(counts.keys).isSubset(of: kept.keys), "\(params)")
        for (token, probability) in kept {
          #expect(abs(Double(counts[token] ?? 0) - probability * Double(drawCount)) < 1.1, "\(token) of \(params)")
        }
      }
    }
  }

  @Test func beamSearches() throws {
    let golden = try Golden.read().beams
    for entry in golden.cases {
      let early: BeamSearchParams.EarlyStopping =
        switch entry.early_stopping {
        case .flag(true): .whenEnoughHaveEnded
        case .flag(false): .whenUnlikely
        case .never: .never
        }
      let params = BeamSearchParams(
        width: entry.width, maxTokens: golden.max_tokens, lengthPenalty: entry.length_penalty, earlyStopping: early)
      var search = BeamSearch(params, endTokens: Set(entry.ends))
      while !search.isOver {
        search.advance(
          try search.running.map { beam in
            let history = (entry.prompt + beam.tokens).suffix(2)
            let place = (Int(history[history.startIndex]) * 5 + Int(history[history.endIndex - 1])) % golden.table.count
            let row = golden.table[place]
            var softmax = LogSoftmax()
            softmax.prepare(row.span, scan: try LogitsScan(row.span))
            return softmax.top(search.alternativeCount, of: row.span)
          })
      }
      let expected = entry.sequences.map { sequence in
        var tokens = sequence
        while tokens.last == golden.pad { tokens.removeLast() }
        return tokens
      }
      #expect(search.finished.map(\.tokens) == expected, "\(params)")
      for (beam, score) in zip(search.finished, entry.scores) { #expect(abs(beam.score - score) < 1e-4) }
    }
  }
}
