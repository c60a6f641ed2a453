package import Requests
package import Scheduling

/// Somebody who is told what a ``StepLoop`` does, step by step, on its thread: to write it down, or to check it against what
/// was written down. What a step takes from outside besides mail, the time and the measured speed, passes through here, so
/// that a recorded run can be made again.
package protocol ExecutionRecorder: AnyObject, Sendable {
  /// Step `number` begins at `nanoseconds` of the monotonic clock. Returns the time in seconds that the step is to go by.
  func beginStep(_ number: Int, nanoseconds: UInt64) -> Double
  /// What the step took out of the mailbox.
  func fetched(_ mail: Mail)
  /// The limit of prompts' tokens that measured speed suggests for the step, if there is one. Returns the one to use.
  func limitPrefill(_ suggested: Int?) -> Int?
  /// What the policies were shown, and decided.
  func scheduled(_ round: SchedulingRound)
  /// A request started, or started again, and found `cachedTokenCount` of its tokens in the cache.
  func started(_ id: RequestID, cachedTokenCount: Int)
  /// A request got its next token.
  func generated(_ output: TokenOutput, by id: RequestID)
  /// A request ended with `tokenCount` generated tokens.
  func finished(_ id: RequestID, _ reason: FinishReason, tokenCount: Int)
  /// The step is over.
  func endStep()
  /// There will be no more steps.
  func close()
}
