import ModelEngines
import Requests
import Tensors
import TestKit
import Testing

/// A pass leaves out what no output needs, which must not be seen in any output that there is.
@Suite struct OutputSelectionTests {
  /// Bits of the outputs of tokens, by sequence and position.
  private struct Outputs: Equatable {
    var logits: [[Int]: [UInt32]] = [:]
    var hidden: [[Int]: [UInt32]] = [:]
  }

  private typealias Requests = (logits: ForwardBatch.LogitsRequest, hidden: ForwardBatch.LogitsRequest)

  /// Computes `sequences` in chunks, of which `requests` says what is asked for, all sequences in the same batches.
  private func outputs(
    _ engine: any ModelEngine, of sequences: [[TokenID]], chunk: Int, requests: () -> Requests
  ) throws -> Outputs {
    let blocks = (0..<8).map(Int32.init)
    var outputs = Outputs()
    for start in stride(from: 0, to: sequences.map(\.count).max() ?? 0, by: chunk) {
      var batch = ForwardBatch()
      var logitsPlaces: [[Int]] = []
      var hiddenPlaces: [[Int]] = []
      for (index, sequence) in sequences.enumerated() where start < sequence.count {
        let part = start..<min(start + chunk, sequence.count)
        let (logits, hidden) = requests()
        batch.append(
          tokens: sequence[part], firstPosition: start, blocks: blocks.map { Int32(index * blocks.count) + $0 },
          logits: logits, hidden: hidden)
        let run = batch.runs[batch.runs.count - 1]
        logitsPlaces += part.suffix(run.logitsRowCount).map { [index, $0] }
        hiddenPlaces += part.suffix(run.hiddenRowCount).map { [index, $0] }
      }
      let logits = try engine.forward(batch)
      #expect(logits.rowCount == logitsPlaces.count)
      for (row, place) in logitsPlaces.enumerated() {
        outputs.logits[place] = logits.withRow(row) { row in (0..<row.count).map { row[$0].bitPattern } }
      }
      let size = try #require(engine.hiddenSize)
      #expect(engine.hiddenStates.count == size * hiddenPlaces.count)
      for (row, place) in hiddenPlaces.enumerated() {
        outputs.hidden[place] = engine.hiddenStates[row * size..<(row + 1) * size].map(\.bitPattern)
      }
    }
    return outputs
  }

  @Test(arguments: EngineKind.allCases, [1, 5, 16, 64])
  func whatIsAskedForIsAsIfEverythingWere(_ kind: EngineKind, chunk: Int) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try BatchInvarianceTests.quantizedCheckpoint(directory)
    let engine = try kind.engine(checkpoint, options: .small)
    let sequences = BatchInvarianceTests.sequences(6, vocabulary: 320, longest: kind == .cpu ? 100 : 20)
    let all = try outputs(engine, of: sequences, chunk: chunk) { (.all, .all) }
    #expect(all.logits.count == sequences.reduce(0) { $0 + $1.count })
    var generator = SplitMix64(seed: UInt64(chunk))
    let choices: [ForwardBatch.LogitsRequest] = [.none, .none, .last, .all]
    let some = try outputs(engine, of: sequences, chunk: chunk) {
      (choices.randomElement(using: &generator) ?? .none, choices.randomElement(using: &generator) ?? .none)
    }
    #expect(!some.logits.isEmpty && some.logits.count < all.logits.count)
    #expect(!some.hidden.isEmpty && some.hidden.count < all.hidden.count)
    for (place, bits) in some.logits { #expect(all.logits[place] == bits, "logits of \(place)") }
    for (place, bits) in some.hidden { #expect(all.hidden[place] == bits, "hidden state of \(place)") }
    // A pass that nobody asks anything of fills the cache all the same.
    let none = try outputs(engine, of: sequences, chunk: chunk) { (.none, .none) }
    #expect(none == Outputs())
  }
}
