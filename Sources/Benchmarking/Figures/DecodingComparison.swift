package import JSON

/// What it costs to choose tokens otherwise than greedily: closed loops of the same size in turns, held against each other
/// by the time of a step.
package struct DecodingComparison: Sendable, Equatable {
  /// How the tokens of a loop are chosen.
  package enum Way: String, CaseIterable, Sendable {
    /// The most probable token.
    case greedy
    /// Temperature, top-k, top-p and all penalties.
    case sampled
    /// The most probable token that a grammar allows.
    case guided
    /// Both.
    case sampledAndGuided = "sampled and guided"
  }

  /// A step in which every request of the loop got one token, and nothing else was computed.
  package struct Step: Sendable, Equatable {
    package var microseconds: Double
    /// Those of them in which the tokens were chosen.
    package var choosing: Double

    package init(microseconds: Double, choosing: Double) {
      self.microseconds = microseconds
      self.choosing = choosing
    }
  }

  /// What one way came to.
  package struct Row: Sendable, Equatable {
    package let way: Way
    /// Steps of all rounds.
    package let stepCount: Int
    /// Microseconds of a step: the median over the rounds of their medians.
    package let microseconds: Double
    /// The same of choosing the tokens alone.
    package let choosing: Double
    /// Microseconds of choosing the tokens, on average over all steps: masks that had to be found first are in it.
    package let averageChoosing: Double
    /// How many times a greedy step it takes: the median over the rounds.
    package let ratio: Double
  }

  /// The ways in the order in which they take turns.
  package let ways: [Way]
  package let concurrency: Int
  private var rounds: [[Way: [Step]]] = []

  package init(ways: [Way], concurrency: Int) {
    self.ways = ways
    self.concurrency = concurrency
  }

  /// Adds a round: the steps of every way.
  package mutating func add(_ round: [Way: [Step]]) { rounds.append(round) }

  /// One row for each way that had steps in a round in which greedy had some.
  package var rows: [Row] {
    ways.compactMap { way in
      var (steps, choosing, ratios, all) = ([Double](), [Double](), [Double](), [Step]())
      for round in rounds {
        guard let greedy = median((round[.greedy] ?? []).map(\.microseconds)), greedy > 0,
          let of = round[way], let step = median(of.map(\.microseconds)), let part = median(of.map(\.choosing))
        else { continue }
        steps.append(step)
        choosing.append(part)
        ratios.append(step / greedy)
        all += of
      }
      guard let step = median(steps), let part = median(choosing), let ratio = median(ratios) else { return nil }
      return Row(
        way: way, stepCount: all.count, microseconds: step, choosing: part,
        averageChoosing: all.reduce(0) { $0 + $1.choosing } / Double(all.count), ratio: ratio)
    }
  }

  /// For people.
  package var words: String {
    let cells = rows.map { row in
      [
        row.way.rawValue, "\(row.stepCount)", Words.number(row.microseconds), Words.number(row.choosing),
        Words.number(row.averageChoosing), Words.decimals(row.ratio, 3),
      ]
    }
    let missing = ways.filter { way in !rows.contains { $0.way == way } }.map { way in
      "\(way.rawValue): no step in which all \(concurrency) generated; ask for longer texts or shorter prompts\n"
    }
    return "steps of \(concurrency) requests that generate, medians of \(rounds.count) rounds in turns, µs:\n"
      + Words.table(["", "steps", "step", "choosing", "on average", "of greedy"], cells) + missing.joined()
  }

  /// For programs.
  package var json: JSONValue {
    .object([
      ("concurrency", .integer(Int64(concurrency))), ("rounds", .integer(Int64(rounds.count))),
      (
        "ways",
        .array(
          rows.map { row in
            .object([
              ("name", .string(row.way.rawValue)), ("steps", .integer(Int64(row.stepCount))),
              ("step_us", .rounded(row.microseconds, digits: 1)), ("choosing_us", .rounded(row.choosing, digits: 1)),
              ("choosing_mean_us", .rounded(row.averageChoosing, digits: 1)),
              ("of_greedy", .rounded(row.ratio, digits: 4)),
            ])
          })
      ),
    ])
  }
}
