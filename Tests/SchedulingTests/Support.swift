import Requests
import Scheduling

/// A view with the numbers that a case is about.
func view(
  _ id: UInt64, running: Bool = false, known: Int, processed: Int = 0, maximum: Int? = nil, blocks: Int = 0,
  releasable: Int? = nil, everyRow: Bool = false, priority: Int = 0, key: UInt64? = nil, computing: Bool = false
) -> SchedulableRequest {
  SchedulableRequest(
    id: RequestID(id), isRunning: running, priority: priority, knownTokenCount: known, processedTokenCount: processed,
    maximumTokenCount: maximum ?? known + 1, allocatedBlockCount: blocks, releasableBlockCount: releasable,
    needsEveryLogitsRow: everyRow, nextBlockKey: key, isNextBlockBeingComputed: computing)
}

/// Who fits and who is paused, with 100 blocks of 16 tokens in all.
func decide(_ requests: [SchedulableRequest], free: Int, policy: some CapacityScheduler) -> CapacityDecision {
  var decision = CapacityDecision()
  policy.schedule(
    requests, budget: CacheBudget(blockSize: 16, totalBlockCount: 100, freeBlockCount: free), into: &decision)
  return decision
}

func fitting(
  _ requests: [SchedulableRequest], free: Int, total: Int = 100, blockSize: Int = 16,
  policy: some CapacityScheduler = GuaranteedNoEvictScheduler()
) -> [Int] {
  var decision = CapacityDecision()
  policy.schedule(
    requests, budget: CacheBudget(blockSize: blockSize, totalBlockCount: total, freeBlockCount: free), into: &decision)
  precondition(decision.paused.isEmpty, "these policies never pause")
  return decision.fitting
}

/// The plan for all requests, as pairs of request and tokens.
func plan(
  _ requests: [SchedulableRequest], tokens: Int = 64, size: Int = 8, rows: Int = 64, blockSize: Int = 16,
  chunk: Int? = nil, prefill: Int? = nil, equalProgress: Bool = false
) -> [[Int]] {
  var plan = MicroBatchPlan()
  let policy: any MicroBatchScheduler =
    equalProgress
    ? EqualProgressMicroBatchScheduler(maximumChunkSize: chunk)
    : FirstComeFirstServedMicroBatchScheduler(maximumChunkSize: chunk)
  policy.schedule(
    requests, fitting: Array(requests.indices),
    limits: BatchLimits(
      maximumTokenCount: tokens, maximumRequestCount: size, maximumLogitsRowCount: rows, blockSize: blockSize,
      maximumPrefillTokenCount: prefill),
    into: &plan)
  return plan.entries.map { [$0.requestIndex, $0.tokenCount] }
}

/// A seeded generator for tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
