import Requests
import Resources
import Testing

/// Writes down what it is asked, and fails on request.
private final class Recorder: BaseResourceManager {
  struct Refusal: Error {}

  final class Journal {
    var lines: [String] = []
  }

  let name: String
  let journal: Journal
  let units: Int
  var fails = false

  init(_ name: String, _ journal: Journal, units: Int = 1) {
    self.name = name
    self.journal = journal
    self.units = units
  }

  var capacity: ResourceCapacity { ResourceCapacity(total: 2, free: 2) }
  func unitsToCompletion(of request: ResourceRequest) -> Int { units }
  func prepareResources(for request: ResourceRequest) throws {
    if fails { throw Refusal() }
    journal.lines.append("prepare \(name)")
  }
  func undoPreparation(for request: ResourceRequest) { journal.lines.append("undo \(name)") }
  func updateResources(for request: ResourceRequest) { journal.lines.append("update \(name)") }
  func freeResources(for request: ResourceRequest) { journal.lines.append("free \(name)") }
}

@Suite struct ResourceManagerTests {
  private let request = ResourceRequest(
    id: RequestID(0), slot: 0, processedTokenCount: 0, tokenCount: 4, maximumTokenCount: 8)

  @Test func theOrderIsForwardsAndFreeingBackwards() throws {
    let journal = Recorder.Journal()
    let cache = KVCacheManager(blockSize: 4, blockCount: 4, slotCount: 1)
    let container = ResourceManager(cache: cache, others: [Recorder("a", journal), Recorder("b", journal)])
    try container.prepareResources(for: request)
    #expect(cache.blockTable(forSlot: 0).count == 1)
    container.updateResources(for: request)
    container.freeResources(for: request)
    #expect(journal.lines == ["prepare a", "prepare b", "update a", "update b", "free b", "free a"])
    #expect(cache.capacity.free == 4)
  }

  @Test func aFailureRollsBackThoseBefore() {
    let journal = Recorder.Journal()
    let container = ResourceManager(
      cache: KVCacheManager(blockSize: 4, blockCount: 0, slotCount: 1),
      others: [Recorder("a", journal), Recorder("b", journal)])
    #expect(
      throws: ResourceError(manager: "KV cache", reason: "1 more cache blocks are needed, but 0 of 0 are free")
    ) {
      try container.prepareResources(for: request)
    }
    #expect(journal.lines == ["prepare a", "prepare b", "undo b", "undo a"])
  }

  @Test func aFailureInTheMiddleDoesNotReachTheCache() {
    let journal = Recorder.Journal()
    let second = Recorder("b", journal)
    second.fails = true
    let cache = KVCacheManager(blockSize: 4, blockCount: 4, slotCount: 1)
    let container = ResourceManager(cache: cache, others: [Recorder("a", journal), second])
    #expect(throws: ResourceError.self) { try container.prepareResources(for: request) }
    #expect(journal.lines == ["prepare a", "undo a"])
    #expect(cache.capacity.free == 4)
  }

  @Test func whatCanNeverFitIsRefused() {
    let journal = Recorder.Journal()
    let cache = KVCacheManager(blockSize: 4, blockCount: 4, slotCount: 1)
    let container = ResourceManager(cache: cache, others: [Recorder("adapters", journal, units: 3)])
    #expect(container.refusal(of: request)?.description == "adapters: needs 3 units of 2")
    #expect(ResourceManager(cache: cache).refusal(of: request) == nil)
  }
}
