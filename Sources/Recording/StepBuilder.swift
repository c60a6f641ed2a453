internal import Executor
internal import Requests
internal import Scheduling

/// Puts together what an executor says of one step.
struct StepBuilder {
  private(set) var step = RecordedStep()
  private let keepsContents: Bool
  /// What salts are hashed with. It is in no file, so that nobody can try which salt a hash is of.
  private let saltKey: [UInt64]

  /// Builds steps with or without what requests say.
  init(keepsContents: Bool) {
    self.keepsContents = keepsContents
    var generator = SystemRandomNumberGenerator()
    saltKey = [generator.next(), generator.next()]
  }

  mutating func begin(_ number: Int, microseconds: Int) {
    step = RecordedStep()
    step.number = number
    step.microseconds = microseconds
  }

  mutating func add(_ mail: Mail) {
    for request in mail.submissions {
      let salt = request.input.cache.salt.map { name(ofSalt: $0) }
      step.arrivals.append(
        RecordedRequest(
          id: request.id, seed: request.seed, request.input, hasControls: !request.isReplayable,
          grammar: request.grammar, salt: salt, keepsContents: keepsContents))
    }
    step.cancellations += mail.cancellations
    step.stopped += mail.endings.map(\.id)
    if mail.shutdown == .cancelling { step.cancelsEverything = true }
  }

  /// What stands for a salt: the same for the same bytes, and nothing that has to be remembered.
  private func name(ofSalt salt: String) -> String {
    var hasher = Hasher()
    hasher.combine(saltKey)
    for byte in salt.utf8 { hasher.combine(byte) }
    return String(UInt64(bitPattern: Int64(hasher.finalize())), radix: 16)
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
