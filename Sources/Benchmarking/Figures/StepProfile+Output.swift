package import JSON

extension StepProfile {
  /// The header of the table.
  package static let header = ["", "calls", "µs per step", "share", "G op/s", "GB/s", "of the limit"]

  /// For people: one table for each phase.
  package var words: String {
    phases.map { phase in
      "\(phase.name): \(phase.stepCount) steps of \(Words.number(phase.tokensPerStep)) tokens, "
        + "\(Words.number(phase.microsecondsPerStep)) µs each\n"
        + Words.table(Self.header, phase.cells)
    }.joined(separator: "\n") + "\n" + handOverWords + "\n"
  }

  /// What handing a task to the threads costs.
  package var handOverWords: String {
    "All threads take up an empty task and finish it in \(Words.number(handOverMicroseconds)) µs; each operation above "
      + "contains at least one such hand-over."
  }

  /// For programs.
  package var json: JSONValue {
    .object(
      phases.map { ($0.name, $0.json) } + [("hand_over_us", .rounded(handOverMicroseconds, digits: 2))])
  }
}

extension StepProfile.Phase {
  /// The table's rows as text.
  package var cells: [[String]] {
    rows.map { row in
      [
        row.name, Words.tick(row.callsPerStep), Words.number(row.microsecondsPerStep), Words.percent(row.share),
        Words.optional(row.gigaOperationsPerSecond), Words.optional(row.gigabytesPerSecond),
        row.limit.map { "\(Words.percent($0.share)) of \($0.name)" } ?? "-",
      ]
    }
  }

  /// For programs.
  package var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .rounded($0, digits: 3) } ?? .null }
    return .object([
      ("steps", .integer(Int64(stepCount))), ("tokens_per_step", number(tokensPerStep)),
      ("us_per_step", number(microsecondsPerStep)),
      (
        "parts",
        .array(
          rows.map { row in
            .object([
              ("name", .string(row.name)), ("part", .string(row.part.rawValue)), ("calls", number(row.callsPerStep)),
              ("us", number(row.microsecondsPerStep)), ("share", number(row.share)),
              ("gops", number(row.gigaOperationsPerSecond)), ("gb_per_second", number(row.gigabytesPerSecond)),
              ("of_limit", number(row.limit?.share)), ("limit", row.limit.map { .string($0.name) } ?? .null),
            ])
          })
      ),
    ])
  }
}
