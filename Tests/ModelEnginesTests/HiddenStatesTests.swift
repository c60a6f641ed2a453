import Checkpoints
import ModelEngines
import Requests
import TestKit
import Testing

/// Hidden states after the final norm, against transformers and against themselves.
@Suite struct HiddenStatesTests {
  @Test(arguments: TinyModel.all, EngineKind.allCases)
  func theyAreThoseOfTransformers(_ model: TinyModel, _ kind: EngineKind) throws {
    let engine = try model.engine(kind)
    let states = try engine.hiddenStates(of: [model.tokens], chunk: 512)[0]
    let size = try #require(engine.hiddenSize)
    try #require(states.count == model.tokens.count && model.hidden.last.count == size)
    let mean = (0..<size).map { column in
      Float(states.reduce(0.0) { $0 + Double($1[column]) } / Double(states.count))
    }
    let tolerance = model.tolerance(kind, size: TinyModel.size(model.hidden.last))
    for (found, expected) in [(states[states.count - 1], model.hidden.last), (mean, model.hidden.mean)] {
      let worst = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst < tolerance, "\(model.name) on \(kind): off by \(worst)")
    }
  }

  /// As logits: the bits do not depend on chunks and on others in the batch. Nothing is kept where nothing is asked for.
  @Test(arguments: EngineKind.allCases)
  func theirBitsDependOnTheirSequenceOnly(_ kind: EngineKind) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try BatchInvarianceTests.quantizedCheckpoint(directory)
    let engine = try kind.engine(checkpoint, options: .small)
    let all = BatchInvarianceTests.sequences(8, vocabulary: 320, longest: kind == .cpu ? 100 : 20)
    let alone = try engine.hiddenStates(of: [all[0]], chunk: 512)[0]
    for chunk in [1, 7, 32] {
      let chunked = try engine.hiddenStates(of: [all[0]], chunk: chunk, firstBlock: 3)[0]
      #expect(BatchInvarianceTests.bits(chunked) == BatchInvarianceTests.bits(alone), "chunks of \(chunk)")
    }
    let among = try engine.hiddenStates(of: Array(all[1...4]) + [all[0]] + Array(all[5...]), chunk: 16)[4]
    #expect(BatchInvarianceTests.bits(among) == BatchInvarianceTests.bits(alone))
    _ = try engine.logits(of: [all[0]], chunk: 512)
    #expect(engine.hiddenStates.isEmpty)
  }
}

extension ModelEngine {
  /// Hidden states of every token of `sequences`, each computed in chunks of `chunk` tokens, all of them in the same batches.
  fileprivate func hiddenStates(
    of sequences: [[TokenID]], chunk: Int, firstBlock: Int = 0
  ) throws -> [[[Float]]] {
    let (blockSize, size) = (cacheGeometry.blockSize, hiddenSize ?? 0)
    var block = Int32(firstBlock)
    let tables = sequences.map { sequence in
      (0..<(sequence.count + blockSize - 1) / blockSize).map { _ in
        block += 1
        return block - 1
      }
    }
    var results = sequences.map { _ in [[Float]]() }
    for start in stride(from: 0, to: sequences.map(\.count).max() ?? 0, by: chunk) {
      var batch = ForwardBatch()
      var members: [(sequence: Int, count: Int)] = []
      for (index, sequence) in sequences.enumerated() where start < sequence.count {
        let part = sequence[start..<min(start + chunk, sequence.count)]
        batch.append(tokens: part, firstPosition: start, blocks: tables[index], logits: .none, hidden: .all)
        members.append((index, part.count))
      }
      _ = try forward(batch)
      var rows = hiddenStates[...]
      for member in members {
        for _ in 0..<member.count {
          results[member.sequence].append(Array(rows.prefix(size)))
          rows = rows.dropFirst(size)
        }
      }
      guard rows.isEmpty else { return [] }
    }
    return results
  }
}
