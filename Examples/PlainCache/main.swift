// A cache manager of one's own, the simplest that there can be: blocks are taken as a sequence grows and given back when it
// ends; nothing is shared and nothing is found again. Beside ours it shows what reuse saves. The answers are the same.
//
// Run: swift run -c release PlainCacheExample
import Inflight
import InflightTestKit

final class PlainCache: KVCacheManaging {
  let name = "plain cache"
  private let blockSize, blockCount: Int
  private var free: [Int32]
  private var tables: [Int: [Int32]] = [:]

  init(blockSize: Int, blockCount: Int) {
    (self.blockSize, self.blockCount, free) = (blockSize, blockCount, Array(0..<Int32(blockCount)))
  }

  var capacity: ResourceCapacity { ResourceCapacity(total: blockCount, free: free.count) }
  var budget: CacheBudget {
    CacheBudget(blockSize: blockSize, totalBlockCount: blockCount, freeBlockCount: free.count)
  }
  func unitsToCompletion(of request: ResourceRequest) -> Int { budget.blockCount(forTokens: request.maximumTokenCount) }
  func blockTable(forSlot slot: Int) -> [Int32] { tables[slot] ?? [] }
  func beginSequence(slot: Int, sequence: CacheSequence, maximumReuse: Int) -> Int { 0 }

  func prepareResources(for request: ResourceRequest) throws {
    var table = blockTable(forSlot: request.slot)
    let missing = budget.blockCount(forTokens: request.processedTokenCount + request.tokenCount) - table.count
    guard missing <= free.count else { throw OutOfBlocksError(needed: missing, free: free.count, total: blockCount) }
    for _ in 0..<max(0, missing) { table.append(free.removeLast()) }
    tables[request.slot] = table
  }

  func undoPreparation(for request: ResourceRequest) {
    let kept = budget.blockCount(forTokens: request.processedTokenCount)
    free += tables[request.slot]?.dropFirst(kept) ?? []
    tables[request.slot]?.removeLast(max(0, blockTable(forSlot: request.slot).count - kept))
  }

  func updateResources(for request: ResourceRequest) {}
  func freeResources(for request: ResourceRequest) { free += tables.removeValue(forKey: request.slot) ?? [] }

  func checkIntegrity() throws(CacheIntegrityError) {
    let all = (free + tables.values.joined()).sorted()
    if !all.elementsEqual(0..<Int32(blockCount)) { throw CacheIntegrityError("a block is lost or there twice") }
  }
}

try await KVCacheManagerConformance { sizes, _ in PlainCache(blockSize: sizes.blockSize, blockCount: sizes.blockCount) }
  .check()
let prompts = (1...4).map { "\(String(repeating: "Numbers are fun. ", count: 30)) After \($0) comes" }
let options = LLMOptions(engine: EngineOptions(cacheTokens: 64 * 32, blockSize: 32))
for isPlain in [true, false] {
  let llm = try await LLM(options: options, cache: isPlain ? PlainCache(blockSize: 32, blockCount: 64) : nil)
  let texts = try await llm.generate(prompts, SamplingParams(maxTokens: 4)).map(\.text)
  print("\(isPlain ? "plain" : "ours"): \(texts), \(llm.statistics().processedTokenCount) tokens computed")
  await llm.shutdown()
}
