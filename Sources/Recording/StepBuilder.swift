internal import Executor
internal import Requests
internal import Scheduling

/// Puts together what an executor says of one step.
struct StepBuilder {
  private(set) var step = RecordedStep()
  private let keepsContents: Bool
  /// The salts that were seen, each with the number that stands for it.
  private var salts: [[UInt8]: Int] = [:]

  /// Builds steps with or without what requests say.
  init(keepsContents: Bool) { self.keepsContents = keepsContents }

  mutating func begin(_ number: Int, microseconds: Int) {
    step = RecordedStep()
    step.number = number
    step.microseconds = microseconds
  }

  mutating func add(_ mail: Mail) {
    for request in mail.submissions {
      let salt = request.input.cache.salt.map { "\(self.number(ofSalt: Array($0.utf8)))" }
      step.arrivals.append(
        RecordedRequest(
          id: request.id, seed: request.seed, request.input, hasControls: !request.isReplayable,
          grammar: request.grammar, salt: salt, keepsContents: keepsContents))
    }
    step.cancellations += mail.cancellations
    step.stopped += mail.endings.map(\.id)
    if mail.shutdown == .cancelling { step.cancelsEverything = true }
  }

  private mutating func number(ofSalt salt: [UInt8]) -> Int {
    if let number = salts[salt] { return number }
    salts[salt] = salts.count
    return salts.count - 1
  }

  mutating func add(prefillTokenCount: Int?) { step.prefillTokenCount = prefillTokenCount }

  mutating func add(_ round: SchedulingRound) {
    step.awaitsPrefix = Self.awaitsPrefix(round.requests)
    step.paused = round.decision.paused.map { round.requests[$0].id }
    step.plan = round.plan.entries.map {
      RecordedStep.Count(id: round.requests[$0.requestIndex].id, tokenCount: $0.tokenCount)
    }
  }

  /// Whether a block that a request would compute first is being computed, or would be by another that waits.
  private static func awaitsPrefix(_ requests: [SchedulableRequest]) -> Bool {
    var keys: Set<UInt64> = []
    for request in requests {
      guard let key = request.nextBlockKey else { continue }
      if request.isNextBlockBeingComputed || !keys.insert(key).inserted { return true }
    }
    return false
  }

  mutating func add(start id: RequestID, cachedTokenCount: Int) {
    step.starts.append(RecordedStep.Count(id: id, tokenCount: cachedTokenCount))
  }

  mutating func add(_ output: TokenOutput, of id: RequestID) {
    guard keepsContents else { return }
    step.tokens.append(RecordedStep.Token(id: id, token: output.token, logprobBits: output.logprob?.bitPattern))
  }

  mutating func add(end id: RequestID, _ reason: FinishReason, tokenCount: Int) {
    step.ends.append(RecordedStep.End(id: id, reason: reason.name, tokenCount: tokenCount))
  }
}
