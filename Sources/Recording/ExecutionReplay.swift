package import Decoding
internal import Executor
package import ModelEngines
internal import Requests
internal import Resources
internal import Scheduling
internal import Synchronization

/// Makes the steps of a recording again and compares: the same requests arrive, and are cancelled, before the same steps, at
/// the same time by the clock that the executor goes by.
///
/// With contents every token must be the same, bit for bit, and so must all decisions be if the policies and resources were
/// ours. Without contents nothing is known of the tokens: the decisions are made again for requests of the recorded lengths,
/// up to the first that found a prefix in the cache, which depends on contents.
///
/// Of a token, itself and its own log-probability are recorded and compared. The alternatives beside it and the
/// log-probabilities of prompts, which come from the same rows of logits, are not; nor are texts, which are made of tokens.
package struct ExecutionReplay {
  private var reader: RecordingReader
  private let recorder = ReplayRecorder()
  private var loop: StepLoop
  private let mailbox: Mailbox
  private let admission: AdmissionLimits
  private let header: RecordingHeader
  private let makeControls: ((String) throws -> TokenControls)?

  /// Tokens of prompts that may be alive at a time in a recording without contents, whose file does not have to hold them.
  private static let maximumLivePromptTokens = 1 << 24
  /// Steps beyond the recorded ones until every request has ended, where decisions may differ from those recorded.
  private static let maximumExtraSteps = 1 << 20

  /// Prepares the replay of `recording` on `engine`.
  ///
  /// - Parameters:
  ///   - recording: a recording with contents, or with an engine that computes nothing (``withoutContents(_:)``).
  ///   - engine: the engine that it was made with.
  ///   - decoder: the decoder that it was made with.
  ///   - makeControls: makes a constraint of a grammar that was written down, as it was made then; nil if there is nobody who
  ///     can. Requests are then compared up to the first with a grammar.
  /// - Throws: ``RecordingError`` if the engine is not of the recorded sizes.
  package init(
    _ recording: RecordingReader, engine: any ModelEngine, decoder: any Decoder = SamplingDecoder(),
    makeControls: ((String) throws -> TokenControls)? = nil
  ) throws(RecordingError) {
    try self.init(recording, engine, decoder, recording.header.configuration, makeControls)
  }

  private init(
    _ recording: RecordingReader, _ engine: any ModelEngine, _ decoder: any Decoder,
    _ configuration: ExecutorConfiguration, _ makeControls: ((String) throws -> TokenControls)?
  ) throws(RecordingError) {
    self.makeControls = makeControls
    reader = recording
    reader.rewind()
    header = recording.header
    guard engine.limits == header.limits, engine.cacheGeometry == header.geometry else {
      throw .unsuitable(
        "the engine takes \(engine.limits) with \(engine.cacheGeometry), not \(header.limits) with "
          + "\(header.geometry)")
    }
    let limits: BatchLimits
    let manager: KVCacheManager
    do throws(ExecutorConfigurationError) {
      limits = try Executor.batchLimits(configuration.validated(), engine.limits, engine.cacheGeometry)
      manager = try Executor.cacheManager(engine, configuration, limits)
    } catch {
      throw .unsuitable(error.description)
    }
    mailbox = Mailbox(maximumQueuedRequests: .max, maximumQueuedTokens: .max)
    admission = AdmissionLimits(engine.limits, manager.budget, maximumSampleCount: limits.maximumRequestCount)
    loop = StepLoop(
      engine: engine, decoder: decoder, scheduler: configuration.scheduler(limits),
      resources: ResourceManager(cache: manager, others: []), limits: limits, mailbox: mailbox,
      statistics: StatisticsBox())
    loop.recorder = recorder
  }

  /// Prepares the replay of a recording without contents, of which only lengths are known.
  ///
  /// - Throws: ``RecordingError`` for a damaged recording, or one of sizes that no memory has.
  package static func withoutContents(_ recording: RecordingReader) throws(RecordingError) -> ExecutionReplay {
    let header = recording.header
    // The books of the cache take some tens of bytes per block.
    guard header.geometry.blockCount <= 1 << 22 else {
      throw .unsuitable("its cache has \(header.geometry.blockCount) blocks")
    }
    var reader = recording
    reader.rewind()
    var arrivals: [RequestID: RecordedRequest] = [:]
    var endings: [UInt64: LengthDecoder.Ending] = [:]
    var stopped: Set<RequestID> = []
    while let step = try reader.next() {
      stopped.formUnion(step.stopped)
      for arrival in step.arrivals { arrivals[arrival.id] = arrival }
      for end in step.ends {
        guard let arrival = arrivals.removeValue(forKey: end.id) else { continue }
        let stops =
          arrival.params.stopTokenIDs + (arrival.params.ignoreEndOfSequence ? [] : arrival.endOfSequenceTokenIDs)
        let known = Set(stops)
        let (position, overflow) = arrival.promptTokenCount.addingReportingOverflow(end.tokenCount - 1)
        guard let other = (0...Int32(clamping: known.count)).first(where: { !known.contains($0) }), !overflow else {
          throw .unsuitable("\(end.id) ends where no sequence does")
        }
        endings[end.id.rawValue] = LengthDecoder.Ending(
          finalPosition: end.reason == "stop" && !stopped.contains(end.id) ? position : -1,
          finalToken: stops.first ?? other, otherToken: other)
      }
    }
    return try ExecutionReplay(
      recording, LengthEngine(limits: header.limits, geometry: header.geometry), LengthDecoder(endings),
      header.configuration.withoutContents, nil)
  }

  /// Makes all steps.
  ///
  /// - Parameter progress: told the number of each step.
  /// - Throws: ``RecordingError`` for a damaged recording.
  package mutating func run(progress: (Int) -> Void = { _ in }) throws(RecordingError) -> ReplayFindings {
    let custom = header.customParts.isEmpty ? nil : header.customParts.joined(separator: ", ")
    var comparison = ReplayComparison(
      comparesTokens: header.hasContents,
      reasonAgainstDecisions: custom.map { "decisions were not compared, since they depend on what is not here: \($0)" }
    )
    var notes: [String] = []
    if !header.hasContents { notes.append("tokens were not compared: the recording has no contents") }
    var liveTokens: [RequestID: Int] = [:]
    var livePromptCount = 0
    var lastNumber = 0
    while let recorded = try reader.next() {
      if let reason = endOfWhatIsKnown(recorded) {
        notes.append("only the steps up to \(lastNumber) were compared: then \(reason)")
        return Self.finish(&comparison, notes, isComplete: false)
      }
      for arrival in recorded.arrivals {
        guard arrival.prompt != nil || !header.hasContents else {
          throw .unsuitable("\(arrival.id) has no prompt in a recording with contents")
        }
        let count = min(arrival.promptTokenCount, Self.maximumLivePromptTokens + 1)
        let samples = arrival.sequenceCount
        guard (1...SamplingParams.maximumSamples).contains(samples) else {
          throw .unsuitable("\(arrival.id) has \(samples) samples or beams")
        }
        for index in 0..<samples {
          let id = RequestID(arrival.id.rawValue &+ UInt64(index))
          guard liveTokens.updateValue(index == 0 ? count : 0, forKey: id) == nil else {
            throw .unsuitable("\(id) arrives twice")
          }
        }
        livePromptCount += count
        guard header.hasContents || livePromptCount <= Self.maximumLivePromptTokens else {
          throw .unsuitable("more than \(Self.maximumLivePromptTokens) tokens of prompts at a time")
        }
        try submit(arrival)
      }
      for id in recorded.cancellations { mailbox.cancel(id) }
      for id in recorded.stopped { mailbox.end(id, for: .stopString("")) }
      if recorded.cancelsEverything { mailbox.shutdown(.cancelling) }
      comparison.add(recorded, step(recorded))
      for end in recorded.ends {
        if let count = liveTokens.removeValue(forKey: end.id) { livePromptCount -= count }
      }
      lastNumber = recorded.number
      progress(recorded.number)
    }
    // Where decisions differ, requests may need more steps than they did.
    let isSame = comparison.report.differences.isEmpty && header.customParts.isEmpty
    var extraCount = 0
    while !isSame, loop.hasRequests, extraCount < Self.maximumExtraSteps {
      var empty = RecordedStep()
      empty.number = lastNumber &+ extraCount
      comparison.add(step(empty))
      extraCount += 1
    }
    return Self.finish(&comparison, notes, isComplete: true)
  }

  private static func finish(
    _ comparison: inout ReplayComparison, _ notes: [String], isComplete: Bool
  ) -> ReplayFindings {
    var report = comparison.finish(isComplete: isComplete)
    report.notes += notes
    return report
  }

  /// Why a step cannot be made again from what is recorded; nil if it can.
  private func endOfWhatIsKnown(_ step: RecordedStep) -> String? {
    let isKnown = makeControls != nil
    if let guided = step.arrivals.first(where: { $0.hasControls && !(isKnown && $0.grammar != nil) }) {
      return "\(guided.id) was guided by a grammar or by code, of which nothing is recorded"
    }
    guard !header.hasContents else { return nil }
    if let several = step.arrivals.first(where: { $0.sequenceCount > 1 || $0.beams != nil }) {
      return "\(several.id) had \(several.sequenceCount) samples or beams, whose lengths depend on contents"
    }
    if step.awaitsPrefix { return "a request waited for what another was computing, which depends on contents" }
    if let start = step.starts.first(where: { $0.tokenCount > 0 }) {
      return "\(start.id) found \(start.tokenCount) tokens in the cache, which depends on contents"
    }
    if let end = step.ends.first(where: { $0.reason == "error" }) { return "\(end.id) failed" }
    return nil
  }

  /// Makes a step with the recorded time and limit of prompts.
  private mutating func step(_ recorded: RecordedStep) -> RecordedStep {
    recorder.expect(recorded)
    loop.step()
    return recorder.taken()
  }

  private func submit(_ arrival: RecordedRequest) throws(RecordingError) {
    let request = arrival.request
    let controls: TokenControls
    do {
      controls = try arrival.grammar.flatMap { try makeControls?($0) } ?? TokenControls()
    } catch {
      throw .unsuitable("the grammar of \(arrival.id): \(error)")
    }
    do throws(SubmissionError) {
      let limit = try admission.maximumTokenCount(of: request, controls: controls)
      // Without contents the decoder knows a request by its name.
      let seed = header.hasContents ? arrival.seed : arrival.id.rawValue
      try mailbox.submit(
        Request(
          id: arrival.id, input: request, seed: seed, maximumTokenCount: limit, controls: controls,
          isJumpingForward: header.configuration.isJumpingForward, outputs: OutputQueue()))
    } catch {
      throw .unsuitable("\(arrival.id) is refused: \(error)")
    }
  }
}

extension ExecutorConfiguration {
  /// The same for requests of which only lengths are known: they find nothing in the cache, and what would hold it need not
  /// be there.
  fileprivate var withoutContents: ExecutorConfiguration {
    var configuration = self
    (configuration.isReusingPrefixes, configuration.secondTier) = (false, .none)
    return configuration
  }
}

/// Gives a loop the recorded time and limits, and takes down what it does.
final class ReplayRecorder: ExecutionRecorder {
  private struct State {
    var builder = StepBuilder(keepsContents: true)
    var expected = RecordedStep()
  }

  private let state = Mutex(State())

  /// The next step is to be as `step`.
  func expect(_ step: RecordedStep) { state.withLock { $0.expected = step } }

  /// What the last step did.
  func taken() -> RecordedStep { state.withLock { $0.builder.step } }

  func beginStep(_ number: Int, nanoseconds: UInt64) -> Double {
    state.withLock { state in
      state.builder.begin(state.expected.number, microseconds: state.expected.microseconds)
      return FileRecorder.seconds(state.expected.microseconds)
    }
  }

  func fetched(_ mail: Mail) {}
  func limitPrefill(_ suggested: Int?) -> Int? { state.withLock { $0.expected.prefillTokenCount } }
  func scheduled(_ round: SchedulingRound) { state.withLock { $0.builder.add(round) } }

  func started(_ id: RequestID, cachedTokenCount: Int) {
    state.withLock { $0.builder.add(start: id, cachedTokenCount: cachedTokenCount) }
  }

  func generated(_ output: TokenOutput, by id: RequestID) { state.withLock { $0.builder.add(output, of: id) } }

  func finished(_ id: RequestID, _ reason: FinishReason, tokenCount: Int) {
    state.withLock { $0.builder.add(end: id, reason, tokenCount: tokenCount) }
  }

  func endStep() {}
  func close() {}
}
