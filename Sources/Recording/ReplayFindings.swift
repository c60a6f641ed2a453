package import Requests

/// Something that was not as it was recorded.
package enum ReplayDifference: Sendable, Equatable, CustomStringConvertible {
  /// A token; `index` counts a request's generated tokens from 0.
  case token(RequestID, index: Int, step: Int, recorded: TokenID, replayed: TokenID)
  /// The log-probability of the same token, in its bits.
  case logprob(RequestID, index: Int, step: Int, recorded: UInt32?, replayed: UInt32?)
  /// What the policies decided, or what was found in the cache.
  case decision(step: Int, recorded: String, replayed: String)
  /// How a request ended; nil if it did not.
  case end(RequestID, recorded: String?, replayed: String?)

  /// One line.
  package var description: String {
    switch self {
    case .token(let id, let index, let step, let recorded, let replayed):
      "\(id), generated token \(index), step \(step): \(recorded) was recorded, now it is \(replayed)"
    case .logprob(let id, let index, let step, let recorded, let replayed):
      "\(id), log-probability of generated token \(index), step \(step): \(Self.number(recorded)) was recorded, now it is "
        + Self.number(replayed)
    case .decision(let step, let recorded, let replayed):
      "step \(step): \(recorded) was recorded, now it is \(replayed)"
    case .end(let id, let recorded, let replayed):
      "\(id): \(recorded ?? "no end") was recorded, now it is \(replayed ?? "no end")"
    }
  }

  private static func number(_ bits: UInt32?) -> String { bits.map { "\(Float(bitPattern: $0))" } ?? "none" }
}

/// What a replay found.
package struct ReplayFindings: Sendable, Equatable {
  /// What a replay says about a recording.
  package enum Verdict: String, Sendable, Equatable {
    /// Everything that was compared is the same.
    case same
    /// Something is not.
    case different
    /// There was nothing that could be compared: no proof of anything. ``ReplayFindings/notes`` say why.
    case nothingCompared = "nothing_compared"
  }

  /// Steps that were made again.
  package var stepCount = 0
  /// Requests that arrived.
  package var requestCount = 0
  /// Generated tokens that were compared.
  package var tokenCount = 0
  /// Steps whose decisions were compared.
  package var decisionCount = 0
  /// Requests that had not ended when the recording did.
  package var openCount = 0
  /// What was not compared, and why.
  package var notes: [String] = []
  /// The first differences, in the order of the steps.
  package var differences: [ReplayDifference] = []
  /// Number of differences in all.
  package var differenceCount = 0

  /// What all of that comes to.
  package var verdict: Verdict {
    if differenceCount > 0 { return .different }
    return tokenCount + decisionCount > 0 ? .same : .nothingCompared
  }

  /// The most differences that are kept.
  static let maximumDifferences = 20

  mutating func add(_ difference: ReplayDifference) {
    differenceCount += 1
    if differences.count < Self.maximumDifferences { differences.append(difference) }
  }
}
