import Checkpoints
import InflightTestKit
import ModelEngines
import Resources
import Tensors
import TestKit
import Testing

/// The engines keep the contract that sharing blocks relies on, also with blocks that were copied, read and written.
@Suite struct BlockStoreTests {
  private func engine(_ kind: EngineKind, cacheType: KVCacheType = .int16) throws -> any ModelEngine {
    let directory = try TemporaryDirectory()
    try TinyCheckpoint(configJSON: TinyCheckpoint.config(), weightScale: 0.3).writeHuggingFace(to: directory)
    var options = EngineOptions.small
    options.cacheType = cacheType
    return try kind.engine(try Checkpoint.open(path: directory.path), options: options)
  }

  @Test(arguments: EngineKind.allCases)
  func enginesConform(_ kind: EngineKind) throws {
    var conformance = ModelEngineConformance(try engine(kind))
    try conformance.check(sequenceCount: 5, maximumLength: 80)
  }

  @Test(arguments: KVCacheType.allCases)
  func everyKindOfCacheConforms(_ type: KVCacheType) throws {
    var conformance = ModelEngineConformance(try engine(.cpu, cacheType: type))
    try conformance.check(sequenceCount: 5, maximumLength: 80)
  }

  @Test func blocksAreWhatTheyWere() throws {
    let engine = try engine(.cpu)
    let store = try #require(engine.blockStore)
    #expect(store.bytesPerBlock == engine.cacheGeometry.bytesPerBlock)
    var (first, second): ([UInt8], [UInt8]) = ([], [1])
    let bytes = (0..<store.bytesPerBlock).map { UInt8(truncatingIfNeeded: $0 * 7) }
    store.writeBlock(3, from: bytes)
    store.readBlock(3, into: &first)
    store.copyBlock(from: 3, to: 5, tokenCount: 9)
    store.readBlock(5, into: &second)
    #expect(first == bytes && second == bytes)
    store.readBlock(4, into: &second)
    #expect(second.allSatisfy { $0 == 0 })
  }
}
