internal import Requests
internal import Scheduling

/// Requests that are all one token behind, and generate token after token until one of them has all that it may have.
private struct Generations {
  let seed: UInt64
  let blockSize = 16
  var requests: [SchedulableRequest]
  var freeCount: Int
  let totalCount: Int
  var limits: BatchLimits

  init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.seed = seed
    requests = (0..<generator.number(1...8)).map { index in
      let known = generator.number(2...100)
      let blocks = (known + 14) / 16
      return SchedulableRequest(
        id: RequestID(UInt64(index)), isRunning: true, priority: generator.number(0...2),
        tag: UInt64(generator.number(0...3)), knownTokenCount: known, processedTokenCount: known - 1,
        maximumTokenCount: known + generator.number(1...60), allocatedBlockCount: blocks, needsEveryLogitsRow: false,
        promptTokenCount: generator.number(1...known - 1))
    }
    freeCount = generator.number(0...30)
    totalCount = freeCount + requests.reduce(0) { $0 + $1.allocatedBlockCount }
    limits = BatchLimits(
      maximumTokenCount: generator.number(requests.count...100),
      maximumRequestCount: generator.number(requests.count...20),
      maximumLogitsRowCount: generator.number(requests.count...30), blockSize: blockSize,
      maximumPrefillTokenCount: generator.number(0...1) == 0 ? generator.number(1...40) : nil)
  }

  var budget: CacheBudget {
    CacheBudget(blockSize: blockSize, totalBlockCount: totalCount, freeBlockCount: freeCount)
  }

  /// Processes and generates a token of each request.
  ///
  /// - Returns: false if a request ends, or there are no blocks.
  mutating func advance() -> Bool {
    for index in requests.indices {
      if requests[index].knownTokenCount > requests[index].allocatedBlockCount * blockSize {
        guard freeCount > 0 else { return false }
        freeCount -= 1
        requests[index].allocatedBlockCount += 1
        requests[index].releasableBlockCount += 1
      }
      requests[index].knownTokenCount += 1
      requests[index].processedTokenCount += 1
    }
    return requests.allSatisfy { $0.knownTokenCount < $0.maximumTokenCount }
  }
}

extension CapacitySchedulerConformance {
  /// Who lets all requests run must let them run again, as long as each of them only generates.
  func checkSteadiness(_ seed: UInt64) throws(ConformanceViolation) {
    var generations = Generations(seed: seed)
    var wasAsked = false
    repeat {
      var decision = CapacityDecision()
      policy.schedule(generations.requests, budget: generations.budget, into: &decision)
      let letsAllRun = decision.paused.isEmpty && Set(decision.fitting) == Set(generations.requests.indices)
      guard letsAllRun || wasAsked else { return }
      guard letsAllRun else {
        throw ConformanceViolation(
          "seed \(seed): the policy says that it is steady, let all run and does not any more: \(decision) for "
            + "\(generations.requests) with \(generations.budget)")
      }
      wasAsked = true
    } while generations.advance()
  }
}

extension MicroBatchSchedulerConformance {
  /// Who gives each request a token must give it one again, as long as each of them only generates.
  func checkSteadiness(_ seed: UInt64) throws(ConformanceViolation) {
    var generations = Generations(seed: seed)
    let fitting = Array(generations.requests.indices)
    var wasAsked = false
    repeat {
      var plan = MicroBatchPlan()
      policy.schedule(generations.requests, fitting: fitting, limits: generations.limits, into: &plan)
      let runsAll = Set(plan.entries.map(\.requestIndex)) == Set(fitting)
      guard runsAll || wasAsked else { return }
      guard runsAll else {
        throw ConformanceViolation(
          "seed \(seed): the policy says that it is steady, let all run and does not any more: \(plan) for "
            + "\(generations.requests) within \(generations.limits)")
      }
      wasAsked = true
    } while generations.advance()
  }
}
