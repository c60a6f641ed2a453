internal import Requests

/// The different tokens of a sequence and how often each was generated, in the order in which they came.
struct TokenCounts: Sendable {
  /// A token of the sequence.
  struct Entry: Sendable {
    /// The token.
    let token: TokenID
    /// How often it is in the output; 0 for a token of the prompt only.
    var outputCount: Int
  }

  /// The tokens.
  private(set) var entries: [Entry] = []
  private var places: [TokenID: Int] = [:]

  /// Creates empty counts with room for `capacity` different tokens.
  init(capacity: Int) {
    entries.reserveCapacity(capacity)
    places.reserveCapacity(capacity)
  }

  /// A token of the prompt.
  mutating func addPromptToken(_ token: TokenID) { _ = place(of: token) }

  /// A generated token.
  mutating func addOutputToken(_ token: TokenID) { entries[place(of: token)].outputCount += 1 }

  private mutating func place(of token: TokenID) -> Int {
    if let place = places[token] { return place }
    places[token] = entries.count
    entries.append(Entry(token: token, outputCount: 0))
    return entries.count - 1
  }
}
