/// How patient a download is.
package struct TransferPolicy: Sendable {
  /// Milliseconds for a connection to be made.
  package var connectTimeout: Int64 = 15_000
  /// Milliseconds without a single byte after which a transfer counts as dead.
  package var stallTimeout: Int64 = 30_000
  /// How many failures in a row, without a byte gained between them, end a download.
  package var attempts = 5
  /// Milliseconds before the first further attempt; each one after that waits twice as long.
  package var firstDelay: Int64 = 500
  /// The longest wait in milliseconds, also when a server asks for more (`Retry-After`).
  package var longestDelay: Int64 = 60_000

  package init() {}
}

/// Why one attempt to transfer something failed.
struct TransferFailure: Error {
  /// What to make of a failure.
  enum Kind {
    /// It may work the next time, after so many seconds if the server said so.
    case transient(retryAfter: Int64?)
    /// It will fail again.
    case permanent
    /// The task was cancelled.
    case cancelled
  }

  /// What happened, in words.
  let reason: String
  /// What to make of it.
  let kind: Kind
  /// The status, if the server answered with an error.
  var status: Int?

  static let cancelled = TransferFailure(reason: "cancelled", kind: .cancelled)
}

/// Counts failures in a row, and says how long to wait.
struct RetrySchedule {
  private let policy: TransferPolicy
  private var failures = 0
  private var total = 0

  init(_ policy: TransferPolicy) { self.policy = policy }

  /// Waits until the next attempt may be made. Returns false if there should be none.
  mutating func wait(after failure: TransferFailure, madeProgress: Bool) async -> Bool {
    guard case .transient(let retryAfter) = failure.kind else { return false }
    failures = madeProgress ? 1 : failures + 1
    total += 1
    // The second bound is for a server that drops every connection after a few bytes.
    guard failures < policy.attempts, total < 200 else { return false }
    var delay = min(policy.firstDelay << Int64(failures - 1), policy.longestDelay)
    if let retryAfter {
      let (asked, overflow) = retryAfter.multipliedReportingOverflow(by: 1000)
      delay = overflow ? policy.longestDelay : min(max(delay, asked), policy.longestDelay)
    }
    do { try await Task.sleep(nanoseconds: UInt64(delay) * 1_000_000) } catch { return false }
    return true
  }
}
