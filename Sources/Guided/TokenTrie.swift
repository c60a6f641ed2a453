import Requests

/// Tokens as a tree of their bytes, in flat arrays in depth-first order: what follows a node and lies below it comes
/// right after it, and to skip all of that is to go to `end`.
struct TokenTrie: Sendable {
  struct Node: Sendable {
    /// The first node that does not lie below this one.
    var end: Int32
    /// The first of the tokens that end here; those that end below follow, in the order of the nodes.
    var firstToken: Int32
    /// How many bytes lead here, without ``byte``.
    var depth: UInt16
    /// The last byte that leads here.
    var byte: UInt8
  }

  /// The nodes without the root, and one more that closes the list.
  private(set) var nodes: [Node] = []
  /// The tokens in the order of the nodes at which they end.
  private(set) var tokens: [TokenID] = []
  /// The most bytes of a token.
  private(set) var longest = 0
  private var isMember: [Bool]

  /// The longest token that takes part, in bytes.
  static let maximumLength = Int(UInt16.max)

  init(_ members: [TokenID], bytesOfTokens: [[UInt8]]) {
    isMember = Array(repeating: false, count: bytesOfTokens.count)
    var order = members.filter { bytesOfTokens[Int($0)].count <= Self.maximumLength }
    for token in order { isMember[Int(token)] = true }
    order.sort { left, right in
      let (first, second) = (bytesOfTokens[Int(left)], bytesOfTokens[Int(right)])
      if first == second { return left < right }
      return first.lexicographicallyPrecedes(second)
    }
    // The nodes from the root to the last one added.
    var path: [Int] = []
    var previous: [UInt8] = []
    for token in order {
      let bytes = bytesOfTokens[Int(token)]
      longest = max(longest, bytes.count)
      var common = 0
      while common < min(previous.count, bytes.count), previous[common] == bytes[common] { common += 1 }
      for node in path[common...] { nodes[node].end = Int32(nodes.count) }
      path.removeSubrange(common...)
      for depth in common..<bytes.count {
        path.append(nodes.count)
        nodes.append(
          Node(end: 0, firstToken: Int32(tokens.count), depth: UInt16(depth), byte: bytes[depth]))
      }
      tokens.append(token)
      previous = bytes
    }
    for node in path { nodes[node].end = Int32(nodes.count) }
    nodes.append(Node(end: Int32(nodes.count + 1), firstToken: Int32(tokens.count), depth: 0, byte: 0))
  }

  /// The node that `byte` leads to from `node`, or from the root if that is nil.
  func child(of node: Int?, _ byte: UInt8) -> Int? {
    let end = node.map { Int(nodes[$0].end) } ?? nodes.count - 1
    var child = node.map { $0 + 1 } ?? 0
    while child < end {
      if nodes[child].byte == byte { return child }
      child = Int(nodes[child].end)
    }
    return nil
  }

  /// Whether a token ends at `node`.
  func isToken(_ node: Int) -> Bool { nodes[node].firstToken < nodes[node + 1].firstToken }

  /// Whether `token` takes part.
  func contains(_ token: TokenID) -> Bool { token >= 0 && token < isMember.count && isMember[Int(token)] }
}
