internal import Requests

/// Compares what happens with what was recorded: decisions step by step, tokens request by request, since a request's tokens
/// must be the same even where decisions are not.
struct ReplayComparison {
  private struct Sides {
    var recorded: [RecordedStep.Token] = []
    var replayed: [RecordedStep.Token] = []
    var comparedCount = 0
    var recordedEnd: RecordedStep.End?
    var replayedEnd: RecordedStep.End?
  }

  private(set) var report = ReplayFindings()
  /// Whether decisions are still compared. After the first difference everything differs.
  private var comparesDecisions: Bool
  private let comparesTokens: Bool
  private var open: [RequestID: Sides] = [:]
  /// Further samples of requests, of which nothing was seen yet.
  private var samples: Set<RequestID> = []

  /// Compares tokens if `comparesTokens`, and decisions unless `reason` says why not.
  init(comparesTokens: Bool, reasonAgainstDecisions reason: String?) {
    self.comparesTokens = comparesTokens
    comparesDecisions = reason == nil
    if let reason { report.notes.append(reason) }
  }

  /// Compares a step.
  mutating func add(_ recorded: RecordedStep, _ replayed: RecordedStep) {
    report.stepCount += 1
    for arrival in recorded.arrivals {
      report.requestCount += 1
      open[arrival.id] = Sides()
      for index in 1..<max(1, arrival.sequenceCount) {
        samples.insert(RequestID(arrival.id.rawValue &+ UInt64(index)))
      }
    }
    begin(recorded)
    for token in recorded.tokens { open[token.id]?.recorded.append(token) }
    for end in recorded.ends { open[end.id]?.recordedEnd = end }
    add(replayed)
    if comparesDecisions {
      report.decisionCount += 1
      if !recorded.hasDecisions(of: replayed) {
        let (old, new) = Self.words(recorded, replayed)
        report.add(.decision(step: recorded.number, recorded: old, replayed: new))
        comparesDecisions = false
      }
    }
    compare(Set(recorded.tokens.map(\.id) + recorded.ends.map(\.id)), step: recorded.number)
  }

  /// Adds a step that was made beyond the recorded ones.
  mutating func add(_ replayed: RecordedStep) {
    begin(replayed)
    for token in replayed.tokens { open[token.id]?.replayed.append(token) }
    for end in replayed.ends { open[end.id]?.replayedEnd = end }
    compare(Set(replayed.tokens.map(\.id) + replayed.ends.map(\.id)), step: replayed.number)
  }

  /// Expects something of the samples that occur in `step`.
  private mutating func begin(_ step: RecordedStep) {
    guard !samples.isEmpty else { return }
    for id in step.tokens.map(\.id) + step.ends.map(\.id) where samples.remove(id) != nil { open[id] = Sides() }
  }

  /// Ends the comparison. What had not ended when the recording did is counted, unless it now ends before all of its recorded
  /// tokens; what had, and now has not, is a difference if `isComplete`.
  mutating func finish(isComplete: Bool) -> ReplayFindings {
    for (id, sides) in open.sorted(by: { $0.key < $1.key }) {
      if sides.recordedEnd == nil, let end = sides.replayedEnd, isEarly(end, sides) {
        report.add(.end(id, recorded: nil, replayed: Self.words(end)))
      } else if sides.recordedEnd == nil || !isComplete {
        report.openCount += 1
      } else {
        report.add(.end(id, recorded: Self.words(sides.recordedEnd), replayed: Self.words(sides.replayedEnd)))
      }
    }
    return report
  }

  /// Whether a request that had not ended when the recording did now ended before it made its recorded tokens again.
  private func isEarly(_ end: RecordedStep.End, _ sides: Sides) -> Bool {
    guard comparesTokens, !sides.recorded.isEmpty else { return false }
    // How far a request was when somebody cancelled it is a matter of decisions.
    return comparesDecisions || end.reason != "cancelled"
  }

  private mutating func compare(_ ids: Set<RequestID>, step: Int) {
    for id in ids.sorted() {
      guard var sides = open.removeValue(forKey: id) else { continue }
      if comparesTokens { compare(&sides, id, step: step) }
      if let old = sides.recordedEnd, let new = sides.replayedEnd {
        compare(old, new)
      } else {
        open[id] = sides
      }
    }
  }

  private mutating func compare(_ sides: inout Sides, _ id: RequestID, step: Int) {
    let count = min(sides.recorded.count, sides.replayed.count)
    for place in 0..<count {
      let (old, new) = (sides.recorded[place], sides.replayed[place])
      let index = sides.comparedCount + place
      report.tokenCount += 1
      if old.token != new.token {
        report.add(.token(id, index: index, step: step, recorded: old.token, replayed: new.token))
      } else if old.logprobBits != new.logprobBits {
        report.add(
          .logprob(id, index: index, step: step, recorded: old.logprobBits, replayed: new.logprobBits))
      }
    }
    sides.comparedCount += count
    sides.recorded.removeFirst(count)
    sides.replayed.removeFirst(count)
  }

  private mutating func compare(_ old: RecordedStep.End, _ new: RecordedStep.End) {
    // How far a request was when somebody cancelled it is a matter of decisions.
    if !comparesDecisions, old.reason == "cancelled" || new.reason == "cancelled" { return }
    if old.reason != new.reason || old.tokenCount != new.tokenCount {
      report.add(.end(old.id, recorded: Self.words(old), replayed: Self.words(new)))
    }
  }

  private static func words(_ end: RecordedStep.End?) -> String? {
    end.map { "\"\($0.reason)\" after \($0.tokenCount) tokens" }
  }

  /// The first decision that differs, in words.
  private static func words(_ old: RecordedStep, _ new: RecordedStep) -> (String, String) {
    if old.paused != new.paused { return ("a pause of \(names(old.paused))", "one of \(names(new.paused))") }
    if old.plan != new.plan {
      let place = zip(old.plan, new.plan).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      return ("a plan of \(words(old.plan, place))", "one of \(words(new.plan, place))")
    }
    let place = zip(old.starts, new.starts).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    return ("a start from the cache of \(words(old.starts, place))", "one of \(words(new.starts, place))")
  }

  private static func words(_ counts: [RecordedStep.Count], _ place: Int?) -> String {
    guard let place else { return "\(counts.count) requests" }
    return "\(counts[place].tokenCount) tokens for \(counts[place].id)"
  }

  private static func names(_ ids: [RequestID]) -> String {
    ids.isEmpty ? "nobody" : ids.prefix(8).map(\.description).joined(separator: ", ")
  }
}
