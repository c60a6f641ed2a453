internal import Requests
internal import Synchronization

/// The statistics of an executor, written by its thread and read by everybody.
package final class StatisticsBox: Sendable {
  private struct Contents {
    var statistics = ExecutorStatistics()
    var isIdle = true
  }

  private let contents = Mutex(Contents())
  private let onStep: (@Sendable (StepStatistics) -> Void)?

  /// Creates empty statistics; `onStep` is called on the engine thread after every step whose batch was not empty.
  package init(onStep: (@Sendable (StepStatistics) -> Void)? = nil) { self.onStep = onStep }

  /// The statistics as they are now.
  package func snapshot() -> ExecutorStatistics {
    let now = Stopwatch.now
    return contents.withLock { contents in
      var statistics = contents.statistics
      let last = statistics.lastProgressNanoseconds
      statistics.secondsSinceProgress = contents.isIdle || last > now ? 0 : Double(now - last) / 1e9
      return statistics
    }
  }

  /// Adds a step, and returns it with its number.
  @discardableResult
  func record(_ step: StepStatistics, isStalled: Bool) -> StepStatistics {
    let now = Stopwatch.now
    let numbered = contents.withLock { contents -> StepStatistics in
      var step = step
      contents.statistics.activeRequestCount = step.activeRequestCount
      contents.statistics.waitingRequestCount = step.waitingRequestCount
      contents.statistics.usedBlockCount = step.usedBlockCount
      contents.statistics.freeBlockCount = step.freeBlockCount
      contents.statistics.emptyStepCount = isStalled ? contents.statistics.emptyStepCount + 1 : 0
      if !isStalled { contents.statistics.lastProgressNanoseconds = now }
      if step.batchRequestCount > 0 {
        step.index = contents.statistics.stepCount
        contents.statistics.lastStep = step
        contents.statistics.stepCount += 1
        contents.statistics.processedTokenCount += step.batchTokenCount
        contents.statistics.generatedTokenCount += step.generatedTokenCount
        contents.statistics.jumpedTokenCount += step.jumpedTokenCount
      }
      return step
    }
    if numbered.batchRequestCount > 0 { onStep?(numbered) }
    return numbered
  }

  /// A request has ended.
  func countFinished(_ reason: FinishReason) {
    contents.withLock { contents in
      switch reason {
      case .endOfSequence, .stopToken, .stopString, .constraintEnded: contents.statistics.stoppedRequestCount += 1
      case .length: contents.statistics.lengthRequestCount += 1
      case .cancelled: contents.statistics.cancelledRequestCount += 1
      case .failed: contents.statistics.failedRequestCount += 1
      }
    }
  }

  /// A running request was paused.
  func countPause() { contents.withLock { $0.statistics.pauseCount += 1 } }

  /// There is nothing to do.
  func becameIdle() { contents.withLock { $0.isIdle = true } }

  /// There is something to do again.
  func wokeUp() {
    let now = Stopwatch.now
    contents.withLock { contents in
      contents.isIdle = false
      contents.statistics.lastProgressNanoseconds = now
    }
  }
}
