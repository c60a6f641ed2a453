import Checkpoints
import Foundation
import ModelEngines
import Tensors
import TestKit
import Testing

/// What the ledger says before anything is allocated, against what the engine allocates.
@Suite struct MemoryLedgerTests {
  /// Room for everything that these tests make.
  static let plenty = 1 << 32

  static func withCheckpoints(_ body: (String, Checkpoint) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    try body("quantized", try BatchInvarianceTests.quantizedCheckpoint(directory))
    for model in TinyModel.all {
      let directory = try TemporaryDirectory()
      try model.checkpoint.writeHuggingFace(to: directory, type: model.type)
      try body(model.name, try Checkpoint.open(path: directory.path))
    }
  }

  @Test(arguments: KVCacheType.allCases, [16, 32, 64]) func everyItemIsWhatIsAllocated(
    type: KVCacheType, blockSize: Int
  )
    throws
  {
    try Self.withCheckpoints { name, checkpoint in
      for threads in [1, 3] {
        let options = EngineOptions(
          threadCount: threads, maximumBatchTokens: 100, maximumLogitsRows: 7, cacheTokens: 300, cacheType: type,
          blockSize: blockSize)
        let ledger = try MemoryLedger(checkpoint, options: options, secondTierByteCount: 5, available: Self.plenty)
        let backend = try CPUBackend(configuration: checkpoint.configuration, options: options)
        let engine = try CPUModelEngine(checkpoint: checkpoint, options: options, backend: backend)
        #expect(ledger.weights == backend.weightByteCount + backend.vectorByteCount, "\(name)")
        // The largest number of rows of logits that a batch can have.
        _ = try engine.logits(of: [[1, 2, 3, 4, 5, 6, 7]], chunk: 7)
        #expect(ledger.workSpace == backend.workByteCount + backend.logits.byteCount, "\(name), \(threads) threads")
        #expect(ledger.bytesPerBlock == engine.cacheGeometry.bytesPerBlock)
        #expect(ledger.blockCount == engine.cacheGeometry.blockCount && ledger.blockSize == blockSize)
        #expect(ledger.cache == engine.cacheGeometry.blockCount * engine.cacheGeometry.bytesPerBlock)
        #expect(
          ledger.total == ledger.weights + ledger.workSpace + ledger.cache + 5 + MemoryLedger.allowances)
      }
    }
  }

  private func ledger(_ options: EngineOptions, secondTier: Int = 0, available: Int = plenty) throws -> MemoryLedger {
    let directory = try TemporaryDirectory()
    return try MemoryLedger(
      BatchInvarianceTests.quantizedCheckpoint(directory), options: options, secondTierByteCount: secondTier,
      available: available)
  }

  private func refusal(_ options: EngineOptions, secondTier: Int = 0, available: Int = plenty) -> String {
    do {
      return "accepted: \(try ledger(options, secondTier: secondTier, available: available).summary)"
    } catch {
      return "\(error)"
    }
  }

  @Test func theCacheGetsWhatTheLimitLeaves() throws {
    let megabytes = MemoryLedger.allowances + (20 << 20)
    for limit in [.bytes(megabytes), .share(Double(megabytes) / Double(Self.plenty))] as [MemoryLimit] {
      let ledger = try ledger(EngineOptions(threadCount: 2, memory: limit))
      #expect(ledger.total <= megabytes && megabytes - ledger.total < ledger.bytesPerBlock)
    }
    // Nothing beyond 64 sequences of full length; the model's has 1024 tokens.
    #expect(try ledger(EngineOptions(threadCount: 2, memory: .share(1))).cacheTokens == 64 * 1024)
    // Without a limit no more than a quarter of what is available.
    let available = 300 << 20
    let standard = try ledger(EngineOptions(threadCount: 2), available: available)
    #expect(standard.cache <= available / 4 && standard.cache + standard.bytesPerBlock > available / 4)
    #expect(standard.limit == available / 10 * 9)
    // What is available is a limit to every limit.
    #expect(try ledger(EngineOptions(memory: .bytes(.max)), available: available).limit == available)
  }

  /// What a refusal says fits, does, and a block more does not.
  @Test func aRefusalSaysWhatFits() throws {
    let limit = MemoryLimit.bytes(MemoryLedger.allowances + (20 << 20))
    let options = EngineOptions(threadCount: 2, cacheTokens: 64 * 1024, memory: limit)
    let message = refusal(options)
    #expect(message.contains("the engine does not fit: weights") && message.contains("what fits is a cache of "))
    let numbers = message.matches(of: /a cache of (\d+) tokens/).compactMap { Int($0.1) }
    #expect(numbers.count == 2 && message.contains("as int8"))
    for (tokens, type) in zip(numbers, [KVCacheType.int16, .int8]) {
      var options = options
      options.cacheType = type
      options.cacheTokens = tokens
      #expect(refusal(options).contains("accepted"), "\(tokens) tokens as \(type)")
      options.cacheTokens = tokens + options.blockSize
      #expect(!refusal(options).contains("accepted"), "\(tokens) tokens and a block as \(type)")
    }
    #expect(numbers[1] > numbers[0])
  }

  @Test func smallerBatchesAndTiersAreProposedWhereTheCacheIsNotToBlame() throws {
    let small = MemoryLimit.bytes(MemoryLedger.allowances + (16 << 20))
    let batches = refusal(
      EngineOptions(threadCount: 2, maximumBatchTokens: 8192, maximumLogitsRows: 256, memory: small))
    #expect(batches.contains("with batches of at most "), "\(batches)")
    let tier = refusal(EngineOptions(threadCount: 2, memory: small), secondTier: 1 << 30)
    #expect(tier.contains("without the second tier "), "\(tier)")
    let hopeless = refusal(EngineOptions(threadCount: 2, memory: .bytes(1 << 20)))
    #expect(hopeless.contains("no setting fits: this model needs at least "), "\(hopeless)")
    // A length that was asked for has to fit once.
    let long = EngineOptions(threadCount: 2, maximumSequenceLength: 1024, memory: small)
    #expect(
      refusal(long).contains("accepted")
        == (try ledger(EngineOptions(threadCount: 2, memory: small)).cacheTokens >= 1024))
  }

  @Test func wrongNumbersAreNamed() {
    #expect(refusal(EngineOptions(cacheTokens: .max), secondTier: .max).contains("the engine does not fit"))
    #expect(refusal(EngineOptions(memory: .bytes(0))).contains("memory is 0 bytes"))
    #expect(refusal(EngineOptions(memory: .share(1.5))).contains("memory is a share of 1.5"))
    #expect(refusal(EngineOptions(cacheTokens: 0)).contains("cacheTokens is 0"))
    #expect(refusal(EngineOptions(cacheTokens: .max)).contains("the engine does not fit"))
    #expect(refusal(EngineOptions(maximumSequenceLength: 0)).contains("maximumSequenceLength is 0"))
    #expect(refusal(EngineOptions(blockSize: 48)).contains("blockSize is 48; allowed is 16, 32 or 64"))
  }
}
