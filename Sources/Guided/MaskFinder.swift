import JSON
import Requests

/// The tokens that may come next at a place of a grammar.
struct TokenMask: Sendable, Equatable {
  /// One bit for each token: bit `i % 64` of word `i / 64`.
  let words: [UInt64]
  /// The number of tokens that may come.
  let count: Int
  /// A hash of ``words``.
  let hash: UInt64

  init(words: [UInt64]) {
    self.words = words
    var hash: UInt64 = 0
    var count = 0
    for word in words {
      count += word.nonzeroBitCount
      hash = (hash ^ word) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
    }
    self.count = count
    self.hash = hash
  }

  /// The token that may come, if there is just one.
  var only: TokenID? {
    guard count == 1, let index = words.firstIndex(where: { $0 != 0 }) else { return nil }
    return TokenID(index * 64 + words[index].trailingZeroBitCount)
  }
}

/// Finds the tokens that may come next at one place of a grammar, by walking through the tree of all of them with a walker
/// of its own: what is found, and whether it takes too much work, depends on the place alone.
struct MaskFinder {
  var walker: GrammarWalker
  let vocabulary: TokenVocabulary
  /// Where plain characters lead from places.
  var plainTargets: [Int32: PlainTargets] = [:]
  /// The bytes of plain characters, as far as the grammar tells them apart.
  let plainBytes: PlainBytes

  /// The mask of the place of `image`, only of the tokens behind which at most `count` more bring the text to its end, if that is
  /// not nil, and of those that end it; nil if it takes too much work to find it.
  mutating func mask(at image: PlaceImage, endingWithin count: Int?) -> TokenMask? {
    let place = walker.adopt(image)
    walker.resetWork()
    var words: [UInt64]
    if let count {
      words = [UInt64](repeating: 0, count: vocabulary.wordCount)
      walk(from: place, endingWithin: count, &words)
    } else if let length = plainLength(from: place) {
      words = vocabulary.plainMasks[length]
      walk(vocabulary.rest, from: place, &words)
    } else {
      words = [UInt64](repeating: 0, count: vocabulary.wordCount)
      walk(vocabulary.all, from: place, &words)
    }
    guard !walker.isLost else { return nil }
    if walker.canEnd(at: place) { for token in vocabulary.endOfSequence { words.insert(token) } }
    return TokenMask(words: words)
  }

  /// Sets the bits of the tokens of `trie` that are allowed and lead to a place that `isWanted`; what lies below a byte that
  /// is not allowed is skipped.
  @inline(__always)
  mutating func walk(
    _ trie: TokenTrie, from place: Int32, _ mask: inout [UInt64],
    isWanted: (inout MaskFinder, Int32) -> Bool = { _, _ in true }
  ) {
    var stack = [Int32](repeating: place, count: trie.longest + 1)
    let nodes = trie.nodes
    let tokens = trie.tokens
    let last = nodes.count - 1
    var index = 0
    while index < last {
      let node = nodes[index]
      let target = walker.step(stack[Int(node.depth)], node.byte)
      if target == GrammarWalker.dead {
        if walker.isLost { return }
        index = Int(node.end)
        continue
      }
      index += 1
      stack[Int(node.depth) + 1] = target
      let ending = node.firstToken..<nodes[index].firstToken
      if ending.isEmpty || !isWanted(&self, target) { continue }
      for token in ending { mask.insert(tokens[Int(token)]) }
    }
  }
}
