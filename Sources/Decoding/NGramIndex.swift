internal import Requests

/// Finds the tokens that followed earlier occurrences of the last tokens of a sequence.
///
/// Every position is in a chain with the earlier ones before which the same tokens stand, so that a step looks at true
/// repetitions only. Chains are found by a hash; the tokens are compared once, when a position is added.
struct NGramIndex: Sendable {
  /// Number of tokens before a position that it is found by; negative if nothing is indexed.
  private let contextCount: Int
  /// The last position of each chain, by the hash of the tokens before it, or the next number that no other chain has.
  private var heads: [UInt64: Int] = [:]
  /// For each indexed position the one before it in its chain, or -1.
  private var previous: [Int] = []

  /// Creates an empty index of runs of `size` tokens, 0 for none, with room for `capacity` tokens.
  init(size: Int, capacity: Int) {
    contextCount = size - 1
    guard size > 0 else { return }
    heads.reserveCapacity(capacity)
    previous.reserveCapacity(capacity)
  }

  /// Indexes the positions of `tokens` that are new.
  mutating func extend(with tokens: [TokenID]) {
    guard contextCount >= 0 else { return }
    while previous.count < tokens.count {
      let position = previous.count
      guard position >= contextCount else {
        previous.append(-1)
        continue
      }
      let (key, last) = chain(of: position, in: tokens)
      previous.append(last ?? -1)
      heads[key] = position
    }
  }

  /// Calls `body` with every token that stood after an earlier occurrence of the last tokens of `tokens`, all of which are
  /// indexed.
  func forEachFollower(of tokens: [TokenID], _ body: (TokenID) -> Void) {
    guard contextCount >= 0, tokens.count >= contextCount else { return }
    var position = chain(of: tokens.count, in: tokens).last ?? -1
    while position >= 0 {
      body(tokens[position])
      position = previous[position]
    }
  }

  /// The key of the chain of the positions before which the same tokens stand as before `position`, and the last of them.
  private func chain(of position: Int, in tokens: [TokenID]) -> (key: UInt64, last: Int?) {
    var key = hash(before: position, of: tokens)
    while let last = heads[key] {
      if isSame(last, position, tokens) { return (key, last) }
      key &+= 1
    }
    return (key, nil)
  }

  private func isSame(_ left: Int, _ right: Int, _ tokens: [TokenID]) -> Bool {
    for offset in 0..<contextCount where tokens[left - 1 - offset] != tokens[right - 1 - offset] { return false }
    return true
  }

  private func hash(before position: Int, of tokens: [TokenID]) -> UInt64 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for token in tokens[position - contextCount..<position] {
      let product = (hash ^ UInt64(UInt32(bitPattern: token))).multipliedFullWidth(by: 0x8EBC_6AF0_9C88_C6E3)
      hash = product.high ^ product.low &+ 0x2D35_8DCC_AA6C_78A5
    }
    return hash
  }
}
