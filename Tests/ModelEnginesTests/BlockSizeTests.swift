import Checkpoints
import ModelEngines
import Requests
import Tensors
import TestKit
import Testing

/// Blocks of other sizes change nothing but where keys and values are.
@Suite struct BlockSizeTests {
  @Test(arguments: KVCacheType.allCases) func theBitsAreThoseOfBlocksOf32(type: KVCacheType) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try BatchInvarianceTests.quantizedCheckpoint(directory)
    let sequences = BatchInvarianceTests.sequences(3, vocabulary: 320, longest: 400)
    func engine(_ blockSize: Int, _ tier: KernelTier) throws -> any ModelEngine {
      try EngineKind.cpu.engine(
        checkpoint,
        options: EngineOptions(
          threadCount: 2, maximumBatchTokens: 2048, maximumLogitsRows: 2048, cacheTokens: 4096, cacheType: type,
          blockSize: blockSize, kernelTier: tier.name))
    }
    let expected = try engine(32, .best).logits(of: sequences, chunk: 100).map(BatchInvarianceTests.bits)
    for tier in KernelTier.available {
      for blockSize in [16, 64] {
        let engine = try engine(blockSize, tier)
        #expect(engine.cacheGeometry.blockSize == blockSize && engine.cacheGeometry.blockCount == 4096 / blockSize)
        for chunk in tier.name == "scalar" ? [70] : [1, 33, 64, 512] {
          let actual = try engine.logits(of: sequences, chunk: chunk, firstBlock: 3).map(BatchInvarianceTests.bits)
          #expect(actual == expected, "\(tier), blocks of \(blockSize), chunks of \(chunk)")
        }
      }
    }
  }

  @Test func theReferenceTakesAllSizes() throws {
    let model = try #require(TinyModel.all.first)
    let expected = try model.engine(.reference).logits(of: [model.tokens], chunk: 9)
    for blockSize in [16, 64] {
      let engine = try model.engine(
        .reference, options: EngineOptions(threadCount: 1, cacheTokens: 2048, blockSize: blockSize))
      #expect(engine.cacheGeometry.blockSize == blockSize)
      #expect(try engine.logits(of: [model.tokens], chunk: 9) == expected)
    }
  }

  @Test(arguments: EngineKind.allCases) func aWindowIsReportedIfSequencesReachBeyondIt(kind: EngineKind) throws {
    let directory = try TemporaryDirectory()
    let config = TinyCheckpoint.config(
      modelType: "qwen2", extra: "\"use_sliding_window\": true, \"sliding_window\": 40")
    try TinyCheckpoint(configJSON: config).writeHuggingFace(to: directory)
    let checkpoint = try Checkpoint.open(path: directory.path)
    try #require(checkpoint.configuration.slidingWindow == 40)
    #expect(try kind.engine(checkpoint, options: .small).cacheGeometry.slidingWindow == 40)
    var short = EngineOptions.small
    short.maximumSequenceLength = 40
    #expect(try kind.engine(checkpoint, options: short).cacheGeometry.slidingWindow == nil)
  }
}
