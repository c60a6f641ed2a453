import Foundation
import InflightTestKit
import Requests
import Resources
import Scheduling
import Testing

/// The parts of the package pass the suite that users can run on theirs, and parts that are wrong do not.
@Suite struct ConformanceTests {
  static let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
  static let seeds: Range<UInt64> = 0..<(isLong ? 5000 : 60)

  @Test func guaranteedNoEvict() async throws {
    try await CapacitySchedulerConformance(GuaranteedNoEvictScheduler(), promises: [.noPause, .noStarvation])
      .check(seeds: Self.seeds)
  }

  @Test func maximumUtilization() async throws {
    try await CapacitySchedulerConformance(MaximumUtilizationScheduler(), promises: .noStarvation)
      .check(seeds: Self.seeds)
  }

  @Test func staticBatch() async throws {
    try await CapacitySchedulerConformance(StaticBatchScheduler(), promises: [.noPause, .noStarvation])
      .check(seeds: Self.seeds)
  }

  @Test func firstComeFirstServed() async throws {
    try await MicroBatchSchedulerConformance(FirstComeFirstServedMicroBatchScheduler()).check(seeds: Self.seeds)
  }

  @Test func equalProgress() async throws {
    try await MicroBatchSchedulerConformance(EqualProgressMicroBatchScheduler()).check(seeds: Self.seeds)
  }

  @Test func theCacheManager() async throws {
    try await KVCacheManagerConformance { KVCacheManager($0, store: $1) }.check(seeds: Self.seeds)
    try await KVCacheManagerConformance { KVCacheManager($0, store: $1, tier: HostCacheTier(blockCount: 9)) }
      .check(seeds: Self.seeds)
    try await KVCacheManagerConformance {
      let tier = SpillingCacheTier(HostCacheTier(blockCount: 3), before: HostCacheTier(blockCount: 6))
      return KVCacheManager($0, store: $1, tier: tier)
    }.check(seeds: Self.seeds)
  }

  @Test func resourceManagers() async throws {
    try await ResourceManagerConformance { Permits() }.check(seeds: Self.seeds)
    for fault in Permits.Fault.allCases {
      await #expect(throws: ConformanceViolation.self, "\(fault)") {
        try await ResourceManagerConformance { Permits(fault) }.check(seeds: 0..<30)
      }
    }
  }

  @Test func aPolicyThatLetsSmallRequestsOvertakeStarvesLargeOnes() async {
    struct BestFit: CapacityScheduler {
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
        var left = budget.freeBlockCount
        for index in requests.indices where requests[index].isRunning {
          left -= requests[index].blocksToCompletion(in: budget)
          decision.fitting.append(index)
        }
        for index in requests.indices where !requests[index].isRunning {
          let needed = requests[index].blocksToCompletion(in: budget)
          guard needed <= left else { continue }
          left -= needed
          decision.fitting.append(index)
        }
      }
    }
    await #expect(throws: ConformanceViolation.self) {
      try await CapacitySchedulerConformance(BestFit(), promises: [.noPause, .noStarvation]).check(seeds: 0..<20)
    }
  }

  @Test func aPolicyThatPromisesTooMuchIsFound() async {
    await #expect(throws: ConformanceViolation.self) {
      try await CapacitySchedulerConformance(MaximumUtilizationScheduler(), promises: .noPause).check(seeds: 0..<100)
    }
    await #expect(throws: ConformanceViolation.self) {
      try await CapacitySchedulerConformance(MaximumRequestsScheduler(maximumRequestCount: 8)).check(seeds: 0..<100)
    }
  }

  /// Who pauses when memory is short, or lets requests take turns, must be asked in every step.
  @Test func aPolicyThatIsNotSteadyThoughItSaysSoIsFound() async {
    struct Pausing: CapacityScheduler {
      let isSteady = true
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
        MaximumUtilizationScheduler().schedule(requests, budget: budget, into: &decision)
      }
    }
    struct Resting: MicroBatchScheduler {
      let isSteady = true
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        let awake = fitting.filter { requests[$0].knownTokenCount % 8 != 0 }
        FirstComeFirstServedMicroBatchScheduler().schedule(
          requests, fitting: awake.isEmpty ? fitting : awake, limits: limits, into: &plan)
      }
    }
    await #expect { try await CapacitySchedulerConformance(Pausing()).check(seeds: 0..<60) } throws: {
      "\($0)".contains("steady")
    }
    await #expect { try await MicroBatchSchedulerConformance(Resting()).check(seeds: 0..<60) } throws: {
      "\($0)".contains("steady")
    }
  }

  @Test func aPlanBeyondTheBudgetsIsFound() async {
    struct Greedy: MicroBatchScheduler {
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        for index in fitting {
          plan.entries.append(
            MicroBatchPlan.Entry(requestIndex: index, tokenCount: requests[index].pendingTokenCount))
        }
      }
    }
    await #expect(throws: ConformanceViolation.self) {
      try await MicroBatchSchedulerConformance(Greedy()).check(seeds: 0..<20)
    }
  }

  /// A manager that shares by hash alone, and a poor one: what a sequence reads is then another's.
  @Test func aManagerThatSharesTooMuchIsFoundAndTheScenarioIsSmall() async throws {
    let simulation = ExecutorSimulation(makeCache: { scenario, _ in CarelessManager(scenario) }) { _ in Scheduler() }
    do {
      try await simulation.check(seeds: 0..<200)
      Issue.record("nobody noticed")
    } catch {
      // One who leaves blocks behind, and one who takes them.
      let clientCount = error.description.split(separator: "\n").count {
        $0.hasPrefix("client ") && $0.contains("arrival")
      }
      #expect(clientCount <= 3, "\(error)")
    }
  }
}

/// Twenty permits, of which a request holds one for ten tokens that it may have.
private final class Permits: BaseResourceManager {
  enum Fault: CaseIterable { case leaks, keepsOnFailure, forgetsToUndo, refusesWhoIsAlone }
  struct Exhausted: Error {}

  let name = "permits"
  private let fault: Fault?
  private var held: [Int: Int] = [:]
  private var isNew: Set<Int> = []
  private var lostCount = 0

  init(_ fault: Fault? = nil) { self.fault = fault }

  var capacity: ResourceCapacity { ResourceCapacity(total: 20, free: 20 - held.values.reduce(lostCount, +)) }
  func unitsToCompletion(of request: ResourceRequest) -> Int { request.maximumTokenCount / 10 + 1 }

  func prepareResources(for request: ResourceRequest) throws {
    guard held[request.slot] == nil else { return }
    let needed = unitsToCompletion(of: request)
    guard needed <= capacity.free, fault != .refusesWhoIsAlone || needed < 3 else {
      if fault == .keepsOnFailure { lostCount += 1 }
      throw Exhausted()
    }
    held[request.slot] = needed
    isNew.insert(request.slot)
  }

  func undoPreparation(for request: ResourceRequest) {
    if isNew.remove(request.slot) != nil, fault != .forgetsToUndo { held[request.slot] = nil }
  }

  func updateResources(for request: ResourceRequest) { isNew.remove(request.slot) }

  func freeResources(for request: ResourceRequest) {
    let count = held.removeValue(forKey: request.slot)
    if fault == .leaks, count == 2 { lostCount += 1 }
    isNew.remove(request.slot)
  }
}

/// Finds a prefix by its first token.
private final class CarelessManager: KVCacheManaging {
  private let base: KVCacheManager
  private var kept: [TokenID: [TokenID]] = [:]

  init(_ scenario: Scenario) {
    base = KVCacheManager(
      KVCacheManager.Configuration(
        blockSize: scenario.blockSize, blockCount: scenario.blockCount, slotCount: scenario.batchRequests))
  }

  var name: String { base.name }
  var capacity: ResourceCapacity { base.capacity }
  var budget: CacheBudget { base.budget }
  func unitsToCompletion(of request: ResourceRequest) -> Int { base.unitsToCompletion(of: request) }
  func prepareResources(for request: ResourceRequest) throws { try base.prepareResources(for: request) }
  func undoPreparation(for request: ResourceRequest) { base.undoPreparation(for: request) }
  func updateResources(for request: ResourceRequest) { base.updateResources(for: request) }
  func freeResources(for request: ResourceRequest) { base.freeResources(for: request) }
  func blockTable(forSlot slot: Int) -> [Int32] { base.blockTable(forSlot: slot) }
  func checkIntegrity() throws(CacheIntegrityError) { try base.checkIntegrity() }
  func extendSequence(slot: Int, by tokens: ArraySlice<TokenID>) { base.extendSequence(slot: slot, by: tokens) }

  func beginSequence(slot: Int, sequence: CacheSequence, maximumReuse: Int) -> Int {
    let first = sequence.tokens[0]
    let claimed = kept[first] ?? sequence.tokens
    kept[first] = sequence.tokens
    return base.beginSequence(
      slot: slot, sequence: CacheSequence(tokens: claimed),
      maximumReuse: min(maximumReuse, claimed.count - 1))
  }
}
