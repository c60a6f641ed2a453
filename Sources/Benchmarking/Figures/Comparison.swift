package import JSON

/// Our figures beside those of another engine on the same file, measured in turns.
package struct Comparison: Sendable, Equatable {
  /// One engine's figures in one round, in tokens per second.
  package struct Speeds: Sendable, Equatable {
    package var prefill: Double
    package var decode: Double?
    /// Generated tokens of the closed loop.
    package var output: Double

    package init(prefill: Double, decode: Double?, output: Double) {
      self.prefill = prefill
      self.decode = decode
      self.output = output
    }
  }

  /// The medians of a figure and their ratio.
  package struct Figure: Sendable, Equatable {
    package let ours: Double
    package let theirs: Double
    /// How many times as fast we are.
    package var ratio: Double { ours / theirs }
  }

  /// The other engine's name.
  package let peer: String
  /// Its version.
  package let version: String
  package let concurrency: Int
  package private(set) var ours: [Speeds] = []
  package private(set) var theirs: [Speeds] = []

  package init(peer: String, version: String, concurrency: Int) {
    self.peer = peer
    self.version = version
    self.concurrency = concurrency
  }

  /// Adds a round.
  package mutating func add(ours: Speeds, theirs: Speeds) {
    self.ours.append(ours)
    self.theirs.append(theirs)
  }

  package var prefill: Figure? { figure(\.prefill) }
  package var decode: Figure? { figure(\.decode) }
  package var output: Figure? { figure(\.output) }

  private func figure(_ value: (Speeds) -> Double?) -> Figure? {
    guard let ours = median(ours.compactMap(value)), let theirs = median(theirs.compactMap(value)), theirs > 0 else {
      return nil
    }
    return Figure(ours: ours, theirs: theirs)
  }

  /// For people.
  package var words: String {
    let rows = [("prefill", prefill), ("decode", decode), ("\(concurrency) at a time", output)].compactMap {
      name, figure in
      figure.map { [name, Words.number($0.ours), Words.number($0.theirs), Words.decimals($0.ratio, 2)] }
    }
    return "\(peer) (\(version)), medians of \(ours.count) rounds in turns, tokens/s:\n"
      + Words.table(["", "inflight", peer, "ratio"], rows)
  }

  /// For programs.
  package var json: JSONValue {
    func json(_ figure: Figure?) -> JSONValue {
      guard let figure else { return .null }
      return .object([
        ("ours", .rounded(figure.ours, digits: 1)), ("theirs", .rounded(figure.theirs, digits: 1)),
        ("ratio", .rounded(figure.ratio, digits: 3)),
      ])
    }
    return .object([
      ("peer", .string(peer)), ("version", .string(version)), ("rounds", .integer(Int64(ours.count))),
      ("prefill_tokens_per_second", json(prefill)), ("decode_tokens_per_second", json(decode)),
      ("output_tokens_per_second", json(output)),
    ])
  }
}
