internal import Dispatch
package import Requests
package import Resources
package import Scheduling
internal import Synchronization

/// What has come in since the engine thread looked last.
package struct Mail: Sendable {
  /// New requests, in the order of their arrival.
  package var submissions: [Request] = []
  /// Requests to end.
  package var cancellations: [RequestID] = []
  /// Samples to end for a reason that their reader has found.
  package var endings: [(id: RequestID, reason: FinishReason)] = []
  /// Callers who want to know why requests wait.
  package var inquiries: [CheckedContinuation<[SchedulingExplanation], Never>] = []
  /// Callers who want to know what the blocks of the cache are used for.
  package var blockInquiries: [CheckedContinuation<[BlockUse], Never>] = []
  /// How to stop, once somebody said so.
  package var shutdown: ShutdownMode?

  /// Creates an empty batch of mail.
  package init() {}

  var isEmpty: Bool {
    submissions.isEmpty && cancellations.isEmpty && endings.isEmpty && inquiries.isEmpty && blockInquiries.isEmpty
      && shutdown == nil
  }

  /// Empties everything but keeps the storage. Most steps get no mail.
  mutating func removeAll() {
    guard !isEmpty else { return }
    submissions.removeAll(keepingCapacity: true)
    cancellations.removeAll(keepingCapacity: true)
    endings.removeAll(keepingCapacity: true)
    inquiries.removeAll(keepingCapacity: true)
    blockInquiries.removeAll(keepingCapacity: true)
    shutdown = nil
  }
}

/// How an executor ends.
public enum ShutdownMode: Sendable, Equatable {
  /// Accept nothing new and run everything that was accepted to its end.
  case finishing
  /// Accept nothing new and end everything that was accepted as cancelled.
  case cancelling
}

/// The only way in: callers put mail in from any thread, the engine thread takes all of it out once per step and sleeps
/// on the box when it has nothing to do.
package final class Mailbox: Sendable {
  private struct Contents {
    var mail = Mail()
    /// Whether submissions are accepted.
    var isOpen = true
    /// Whether somebody still takes mail out.
    var hasReader = true
    var isReaderAsleep = false
    /// Requests that have not started, and of those how many can at the next step.
    var queuedCount = 0
    var startableCount: Int
  }

  private let contents: Mutex<Contents>
  private let wakeUp = DispatchSemaphore(value: 0)
  /// Number of tokens of the prompts of requests that have not started.
  private let queuedTokenCount = Atomic<Int>(0)
  private let maximumQueuedRequests: Int
  /// Most tokens of the prompts of several requests that have not started.
  package let maximumQueuedTokens: Int

  /// Most tokens of prompts that wait if nothing else is said. A request has its prompt twice, at four bytes a token (and once
  /// more for penalties and the like): this is half of what the memory ledger sets aside for the program and its requests.
  package static let standardQueuedTokens = 1 << 22

  /// Creates an open, empty box that accepts requests while fewer than `maximumQueuedRequests` wait, besides
  /// `startableCount` that need not, until ``leftQueue(_:startableCount:)`` says otherwise; and while the prompts of all that have not
  /// started have at most `maximumQueuedTokens`, but a single one whatever its length.
  package init(
    maximumQueuedRequests: Int, startableCount: Int = 0, maximumQueuedTokens: Int = Mailbox.standardQueuedTokens
  ) {
    self.maximumQueuedRequests = maximumQueuedRequests
    self.maximumQueuedTokens = maximumQueuedTokens
    contents = Mutex(Contents(startableCount: startableCount))
  }

  /// Refuses what ``submit(_:)`` would refuse now, if `count` requests came, of which each takes the places of `sampleCount`.
  ///
  /// - Throws: ``SubmissionError/queueFull(limit:)`` or ``SubmissionError/shutDown``.
  package func checkRoom(for count: Int = 1, sampleCount: Int = 1) throws(SubmissionError) {
    let refusal = contents.withLock { self.refusal($0, of: count, sampleCount: sampleCount) }
    if let refusal { throw refusal }
  }

  private func refusal(
    _ contents: borrowing Contents, of count: Int = 1, sampleCount: Int = 1
  ) -> SubmissionError? {
    guard contents.isOpen else { return .shutDown }
    let waitingCount = contents.queuedCount - contents.startableCount / sampleCount + count
    return waitingCount <= maximumQueuedRequests ? nil : .queueFull(limit: maximumQueuedRequests)
  }

  /// The refusal of a prompt of `count` tokens for which there is no room; counts it otherwise.
  private func addTokens(_ count: Int) -> SubmissionError? {
    let queuedCount = queuedTokenCount.load(ordering: .relaxed)
    guard queuedCount <= 0 || count <= maximumQueuedTokens - queuedCount else {
      return .queueTooLong(tokenLimit: maximumQueuedTokens)
    }
    queuedTokenCount.add(count, ordering: .relaxed)
    return nil
  }

  /// Puts a request in.
  ///
  /// - Throws: ``SubmissionError/queueFull(limit:)``, ``SubmissionError/queueTooLong(tokenLimit:)`` or
  ///   ``SubmissionError/shutDown``.
  package func submit(_ request: Request) throws(SubmissionError) {
    let refusal: SubmissionError? = contents.withLock { contents in
      if let refusal = self.refusal(contents) ?? addTokens(request.input.promptTokens.count) { return refusal }
      contents.queuedCount += 1
      contents.mail.submissions.append(request)
      wake(&contents)
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Asks for a request to be ended; nothing happens if it has ended already.
  package func cancel(_ id: RequestID) {
    contents.withLock { contents in
      guard contents.hasReader else { return }
      contents.mail.cancellations.append(id)
      wake(&contents)
    }
  }

  /// Asks for a sample to be ended for `reason`; nothing happens if it has ended already.
  package func end(_ id: RequestID, for reason: FinishReason) {
    contents.withLock { contents in
      guard contents.hasReader else { return }
      contents.mail.endings.append((id, reason))
      wake(&contents)
    }
  }

  /// Closes the box to submissions and tells the reader to stop; a sharper mode replaces a laxer one, whichever comes first.
  package func shutdown(_ mode: ShutdownMode) {
    contents.withLock { contents in
      contents.isOpen = false
      if contents.mail.shutdown != .cancelling { contents.mail.shutdown = mode }
      wake(&contents)
    }
  }

  /// Asks the reader to explain why requests wait; `caller` gets an empty answer if there is no reader any more.
  package func inquire(_ caller: CheckedContinuation<[SchedulingExplanation], Never>) {
    let isHeard = contents.withLock { contents in
      guard contents.hasReader else { return false }
      contents.mail.inquiries.append(caller)
      wake(&contents)
      return true
    }
    if !isHeard { caller.resume(returning: []) }
  }

  /// Asks the reader what the blocks of the cache are used for; `caller` gets an empty answer if there is no reader any more.
  package func inquireBlocks(_ caller: CheckedContinuation<[BlockUse], Never>) {
    let isHeard = contents.withLock { contents in
      guard contents.hasReader else { return false }
      contents.mail.blockInquiries.append(caller)
      wake(&contents)
      return true
    }
    if !isHeard { caller.resume(returning: []) }
  }

  /// Requests that were waiting have started or ended, and so many can start at the next step besides those that have: they
  /// are not waiting when they come. Both at once, since in between nobody may be refused for whom there is room.
  func leftQueue(_ requests: some Collection<Request>, startableCount: Int) {
    contents.withLock { contents in
      contents.queuedCount -= requests.count
      contents.startableCount = startableCount
    }
    queuedTokenCount.subtract(requests.reduce(0) { $0 + $1.input.promptTokens.count }, ordering: .relaxed)
  }

  /// Exchanges what is in the box for `mail`, which is emptied and gives its storage to the box. Never blocks.
  func collect(into mail: inout Mail) {
    mail.removeAll()
    contents.withLock { contents in swap(&contents.mail, &mail) }
  }

  /// The reader goes away for good: nothing is accepted any more. Exchanges what was left in the box for `mail`.
  func retire(into mail: inout Mail) {
    mail.removeAll()
    contents.withLock { contents in
      contents.isOpen = false
      contents.hasReader = false
      swap(&contents.mail, &mail)
    }
  }

  /// Sleeps until there is mail, or until `milliseconds` have passed if they are given.
  func wait(milliseconds: Int? = nil) {
    let mustSleep = contents.withLock { contents in
      contents.isReaderAsleep = contents.mail.isEmpty
      return contents.isReaderAsleep
    }
    guard mustSleep else { return }
    guard let milliseconds else { return wakeUp.wait() }
    if wakeUp.wait(timeout: .now() + .milliseconds(milliseconds)) == .success { return }
    let wasSignalled = contents.withLock { contents in
      let wasSignalled = !contents.isReaderAsleep
      contents.isReaderAsleep = false
      return wasSignalled
    }
    // Somebody signalled between the end of the wait and the lock: take the signal so that the next wait is true.
    if wasSignalled { wakeUp.wait() }
  }

  private func wake(_ contents: inout Contents) {
    guard contents.isReaderAsleep else { return }
    contents.isReaderAsleep = false
    wakeUp.signal()
  }
}
