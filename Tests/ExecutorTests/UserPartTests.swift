import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import Tensors
import TestKit
import Testing

/// Cache managers and engines of a user's own that do not keep their contracts: the requests fail, and nothing else.
@Suite struct UserPartTests {
  /// Does to a request of n tokens what n stands for.
  private final class LyingManager: KVCacheManaging {
    private let base = KVCacheManager(blockSize: 4, blockCount: 256, slotCount: 256)
    private var lengths: [Int: Int] = [:]

    var name: String { "liar" }
    var capacity: ResourceCapacity { base.capacity }
    var budget: CacheBudget { base.budget }
    func unitsToCompletion(of request: ResourceRequest) -> Int { base.unitsToCompletion(of: request) }
    func prepareResources(for request: ResourceRequest) throws { try base.prepareResources(for: request) }
    func undoPreparation(for request: ResourceRequest) { base.undoPreparation(for: request) }
    func updateResources(for request: ResourceRequest) { base.updateResources(for: request) }
    func freeResources(for request: ResourceRequest) { base.freeResources(for: request) }
    func checkIntegrity() throws(CacheIntegrityError) { try base.checkIntegrity() }

    func beginSequence(slot: Int, sequence: CacheSequence, maximumReuse: Int) -> Int {
      lengths[slot] = sequence.tokens.count
      return switch sequence.tokens.count {
      case 2: 2
      case 3: -1
      case 4: 1_000_000
      default: 0
      }
    }

    func blockTable(forSlot slot: Int) -> [Int32] {
      let table = base.blockTable(forSlot: slot)
      return switch lengths[slot] {
      case 5: table.map { _ in 256 }
      case 6: table.map { _ in -1 }
      case 7: table + [0]
      default: table
      }
    }
  }

  @Test func aCacheManagerThatLiesFailsRequests() async throws {
    let executor = try Executor(engine: FakeModelEngine(), cache: LyingManager())
    var reasons: [String] = []
    for length in 1...8 {
      let output = try await executor.run(
        GenerationRequest(promptTokens: prompt(length, seed: 1), params: SamplingParams(maxTokens: 2)))
      if case .failed(let failure) = output.reason { reasons.append("\(failure)") } else { reasons.append("") }
    }
    #expect(reasons[0] == "" && reasons[7] == "")
    #expect(reasons[1...3].allSatisfy { $0.contains("liar found") }, "\(reasons)")
    #expect(reasons[4].contains("liar gave block 256, which is none"), "\(reasons)")
    #expect(reasons[5].contains("liar gave block -1, which is none"), "\(reasons)")
    #expect(reasons[6].contains("liar gave 3 blocks for 7 tokens"), "\(reasons)")
    #expect(try await executor.wait { $0.activeRequestCount == 0 }.usedBlockCount == 0)
    await executor.shutdown()
  }

  /// Says that it knows 97 tokens and has logits for fewer.
  private final class ShortEngine: ModelEngine {
    let limits = FakeModelEngine().limits
    let cacheGeometry = KVCacheGeometry(blockSize: 4, blockCount: 64, bytesPerBlock: 1)
    private let logits = Logits(vocabularySize: 3)

    func forward(_ batch: ForwardBatch) -> Logits {
      logits.resize(rowCount: batch.logitsRowCount)
      return logits
    }
  }

  @Test func logitsForFewerTokensFailWhoNeedsMore() async throws {
    let executor = try Executor(engine: ShortEngine())
    var params = SamplingParams(maxTokens: 2)
    params.promptLogprobs = 1
    let output = try await executor.run(GenerationRequest(promptTokens: [90, 91], params: params))
    #expect(
      output.reason == .failed(.engine("the engine returned 3 logits in a row, which are not for all tokens")))
    await executor.shutdown()
  }

  @Test func whatAPartCannotDoIsRefused() throws {
    func refusal(
      _ configuration: ExecutorConfiguration, engine: sending any ModelEngine = FakeModelEngine(),
      cache: sending (any KVCacheManaging)? = nil
    ) -> String {
      do {
        _ = try Executor(engine: engine, configuration: configuration, cache: cache)
        return ""
      } catch {
        return error.description
      }
    }
    let tier = ExecutorConfiguration(secondTier: .memory(byteCount: 1 << 20))
    let file = ExecutorConfiguration(prefixCacheFile: PrefixCacheFile(path: "/tmp/none", modelHash: []))
    #expect(refusal(tier, cache: LyingManager()).contains("give the tier to the manager of your own"))
    #expect(refusal(file, cache: LyingManager()).contains("prefixCacheFile needs a KVCacheManager"))
    #expect(refusal(tier, engine: ShortEngine()).contains("no access to the contents of its cache"))
    // The books of a tier like that would not fit into any memory.
    for tier in [
      .file(directory: "/tmp", byteCount: .max), .memory(byteCount: .max),
      .memoryThenFile(byteCount: 1 << 20, directory: "/tmp", fileByteCount: .max),
    ] as [SecondTier] {
      #expect(refusal(ExecutorConfiguration(secondTier: tier)).contains("more than 4194304 blocks"))
    }
  }
}
