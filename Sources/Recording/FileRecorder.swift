package import Executor
internal import JSON
package import Requests
package import Resources
package import Scheduling
internal import Synchronization

/// Writes what an executor does to a file: a line of JSON with the ``RecordingHeader``, then one for each step in which
/// anything happened.
///
/// Lines are collected, and written when there are many, when a request ends, and at the end. A file that cannot be written
/// is given up; the executor goes on, and ``failure`` says why.
package final class FileRecorder: ExecutionRecorder {
  private struct State {
    var builder: StepBuilder
    var buffer: [UInt8] = []
    var offset = 0
    var file: BlockFile?
    var failure: CacheFileError?
    var origin: UInt64?
    var plan: [RecordedStep.Count] = []
  }

  private static let bufferedBytes = 1 << 16
  private let state: Mutex<State>

  /// Creates the file, or replaces the recording that is there. Only its owner may read it.
  ///
  /// - Throws: `CacheFileError.notRecording` for another file, which might be the model, and `CacheFileError.system`, which
  ///   says what the operating system says.
  package init(path: String, header: RecordingHeader) throws(CacheFileError) {
    let file = try BlockFile(writing: path, replacing: Array(RecordingHeader.beginning.utf8))
    let line = Array((header.json.serialized() + "\n").utf8)
    try file.write(line, at: 0)
    state = Mutex(
      State(builder: StepBuilder(keepsContents: header.hasContents), offset: line.count, file: file))
  }

  /// Why the recording is not complete, if it is not.
  package var failure: CacheFileError? { state.withLock { $0.failure } }

  package func beginStep(_ number: Int, nanoseconds: UInt64) -> Double {
    state.withLock { state in
      let origin = state.origin ?? nanoseconds
      state.origin = origin
      let microseconds = Int(clamping: (nanoseconds &- origin) / 1000)
      state.builder.begin(number, microseconds: microseconds)
      return Self.seconds(microseconds)
    }
  }

  /// The time that a step goes by which began `microseconds` after the first: the same when it is made again.
  static func seconds(_ microseconds: Int) -> Double { Double(microseconds) / 1e6 }

  package func fetched(_ mail: Mail) { state.withLock { $0.builder.add(mail) } }

  package func limitPrefill(_ suggested: Int?) -> Int? {
    state.withLock { $0.builder.add(prefillTokenCount: suggested) }
    return suggested
  }

  package func scheduled(_ round: SchedulingRound) { state.withLock { $0.builder.add(round) } }

  package func started(_ id: RequestID, cachedTokenCount: Int) {
    state.withLock { $0.builder.add(start: id, cachedTokenCount: cachedTokenCount) }
  }

  package func generated(_ output: TokenOutput, by id: RequestID) { state.withLock { $0.builder.add(output, of: id) } }

  package func finished(_ id: RequestID, _ reason: FinishReason, tokenCount: Int) {
    state.withLock { $0.builder.add(end: id, reason, tokenCount: tokenCount) }
  }

  package func endStep() {
    state.withLock { state in
      let step = state.builder.step
      guard !step.isEmpty else { return }
      state.buffer += Array(step.json(previousPlan: state.plan).serialized().utf8)
      state.buffer.append(UInt8(ascii: "\n"))
      state.plan = step.plan
      if state.buffer.count >= Self.bufferedBytes || !step.ends.isEmpty { Self.flush(&state) }
    }
  }

  package func close() {
    state.withLock { state in
      Self.flush(&state)
      state.file = nil
    }
  }

  private static func flush(_ state: inout State) {
    defer { state.buffer.removeAll(keepingCapacity: true) }
    guard let file = state.file else { return }
    do throws(CacheFileError) {
      try file.write(state.buffer, at: state.offset)
      state.offset += state.buffer.count
    } catch {
      state.failure = error
      state.file = nil
    }
  }
}
