internal import Benchmarking
internal import Inflight
internal import Synchronization

/// Adds up what the executor says about its steps.
final class StepRecorder: Sendable {
  /// Steps since the last reset.
  struct Contents: Sendable {
    /// Microseconds of each step that were neither model nor decoder.
    var overheads: [Double] = []
    /// Steps with more tokens than requests.
    var prefill = StepTimes()
    /// Steps with one token of each request.
    var decode = StepTimes()
    /// The steps of ``decode`` one by one, by the number of requests that they had.
    var decodeSteps: [Int: [DecodingComparison.Step]] = [:]
  }

  private let state = Mutex(Contents())

  /// Adds a step.
  func add(_ step: StepStatistics) {
    var times = StepTimes()
    times.stepCount = 1
    times.tokenCount = step.batchTokenCount
    times.scheduling = step.fetchNanoseconds + step.scheduleNanoseconds + step.prepareNanoseconds
    times.forward = step.forwardNanoseconds
    times.sampling = step.decodeNanoseconds
    times.responding = step.respondNanoseconds
    state.withLock { state in
      state.overheads.append(Double(step.overheadNanoseconds) / 1000)
      if step.batchTokenCount > step.batchRequestCount {
        state.prefill = state.prefill.merging(times)
      } else {
        state.decode = state.decode.merging(times)
        state.decodeSteps[step.batchRequestCount, default: []].append(
          DecodingComparison.Step(
            microseconds: Double(step.forwardNanoseconds + step.overheadNanoseconds) / 1000,
            choosing: Double(step.decodeNanoseconds) / 1000))
      }
    }
  }

  /// Forgets every step.
  func reset() { state.withLock { $0 = Contents() } }

  /// The steps since the last reset.
  var contents: Contents { state.withLock { $0 } }
}
