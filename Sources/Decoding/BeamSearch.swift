package import Requests

/// The bookkeeping of a beam search, without a model: probabilities of next tokens in, sequences to follow out.
///
/// The rules are those of transformers' `generate` with `num_beams`: of all continuations of all beams the best are looked
/// at, `max(2, 1 + end tokens) * width` of them; those among the first `width` that end are finished, and the best `width` that do
/// not end go on.
package struct BeamSearch: Sendable {
  /// A sequence.
  package struct Beam: Sendable, Equatable {
    /// What was generated.
    package var tokens: [TokenID]
    /// The log-probabilities of ``tokens``.
    package var logprobs: [Float] = []
    /// The sum of ``logprobs``.
    package var logprob: Double
    /// What it is worth; only of a finished one.
    package var score = 0.0
    /// Its place, one step ago, among the sequences that were followed: that of the beam that it goes on from.
    package var parent = 0
  }

  /// The sequences to follow, best first: one before the first step.
  package private(set) var running = [Beam(tokens: [], logprob: 0)]
  /// The finished sequences, best first, at most as many as there are beams.
  package private(set) var finished: [Beam] = []
  /// Whether there is nothing left to follow.
  package private(set) var isOver = false

  private let params: BeamSearchParams
  private let endTokens: Set<TokenID>

  /// Starts a search in which `endTokens` end a sequence; the parameters are valid.
  package init(_ params: BeamSearchParams, endTokens: Set<TokenID>) {
    self.params = params
    self.endTokens = endTokens
  }

  /// Number of most probable next tokens that are needed of each beam.
  package var alternativeCount: Int { params.continuationCount(endTokenCount: endTokens.count) }

  /// Makes a step: `alternatives` are the most probable next tokens of each of ``running``, best first.
  package mutating func advance(_ alternatives: [[TokenLogprob]]) {
    precondition(alternatives.count == running.count && !isOver, "the alternatives are those of the running beams")
    let continuations = bestContinuations(alternatives)
    let length = running[0].tokens.count + 1
    let isLast = length == params.maxTokens
    for (rank, beam) in continuations.enumerated() where isLast || ends(beam) {
      if rank < params.width { finish(beam, length) }
    }
    running = isLast ? [] : Array(continuations.filter { !ends($0) }.prefix(params.width))
    isOver = running.isEmpty || !canImprove(length)
  }

  private func bestContinuations(_ alternatives: [[TokenLogprob]]) -> [Beam] {
    var all: [(beam: Int, entry: TokenLogprob, logprob: Double)] = []
    for (index, entries) in alternatives.enumerated() {
      for entry in entries { all.append((index, entry, running[index].logprob + Double(entry.logprob))) }
    }
    // Ties go to the better beam and the lower token.
    all.sort { left, right in
      if left.logprob != right.logprob { return left.logprob > right.logprob }
      return left.beam != right.beam ? left.beam < right.beam : left.entry.token < right.entry.token
    }
    return all.prefix(alternativeCount).map { continuation in
      let parent = running[continuation.beam]
      return Beam(
        tokens: parent.tokens + [continuation.entry.token], logprobs: parent.logprobs + [continuation.entry.logprob],
        logprob: continuation.logprob, parent: continuation.beam)
    }
  }

  private func ends(_ beam: Beam) -> Bool { beam.tokens.last.map(endTokens.contains) ?? false }

  /// Adds a sequence of `length` tokens to the finished ones if it is better than the worst of enough.
  private mutating func finish(_ beam: Beam, _ length: Int) {
    var beam = beam
    beam.score = params.score(logprob: beam.logprob, length: length)
    let place = finished.firstIndex { $0.score < beam.score } ?? finished.count
    finished.insert(beam, at: place)
    if finished.count > params.width { finished.removeLast() }
  }

  /// Whether what runs, of `length` tokens each, could still be among the best.
  private func canImprove(_ length: Int) -> Bool {
    guard finished.count == params.width, let worst = finished.last?.score else { return true }
    switch params.earlyStopping {
    case .whenEnoughHaveEnded: return false
    case .whenUnlikely: return params.score(logprob: running[0].logprob, length: length) > worst
    case .never:
      return params.score(logprob: running[0].logprob, length: params.lengthPenalty > 0 ? params.maxTokens : length)
        > worst
    }
  }
}

extension BeamSearchParams {
  /// What a sequence of `length` generated tokens is worth whose log-probabilities add up to `logprob`.
  package func score(logprob: Double, length: Int) -> Double { logprob / power(Double(length), lengthPenalty) }
}
