internal import Benchmarking
internal import Inflight
internal import Synchronization

/// Keeps what the executor says about its steps. To add one up is left for later: the engine thread waits for that.
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

    /// Adds a step.
    fileprivate mutating func add(_ step: StepStatistics) {
      var times = StepTimes()
      times.stepCount = 1
      times.tokenCount = step.batchTokenCount
      times.scheduling = step.fetchNanoseconds + step.scheduleNanoseconds + step.prepareNanoseconds
      times.forward = step.forwardNanoseconds
      times.sampling = step.decodeNanoseconds
      times.responding = step.respondNanoseconds
      overheads.append(Double(step.overheadNanoseconds) / 1000)
      if step.batchTokenCount > step.batchRequestCount {
        prefill = prefill.merging(times)
      } else {
        decode = decode.merging(times)
        decodeSteps[step.batchRequestCount, default: []].append(
          DecodingComparison.Step(
            microseconds: Double(step.forwardNanoseconds + step.overheadNanoseconds) / 1000,
            choosing: Double(step.decodeNanoseconds) / 1000))
      }
    }
  }

  private let steps = Mutex<[StepStatistics]>([])

  /// Adds a step.
  func add(_ step: StepStatistics) { steps.withLock { $0.append(step) } }

  /// Forgets every step.
  func reset() { steps.withLock { $0.removeAll(keepingCapacity: true) } }

  /// The steps since the last reset.
  var contents: Contents {
    var contents = Contents()
    for step in steps.withLock({ $0 }) { contents.add(step) }
    return contents
  }
}
