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
  private var walker: GrammarWalker
  private let vocabulary: TokenVocabulary
  /// Where plain characters lead from a place, or nil if not all are allowed there.
  private var plainTargets: [Int32: [Int32]?] = [:]

  /// Creates a finder with a walker that has been nowhere yet.
  init(walker: GrammarWalker, vocabulary: TokenVocabulary) {
    self.walker = walker
    self.vocabulary = vocabulary
  }

  /// The mask of the place of `image`; nil if it takes too much work to find it.
  mutating func mask(at image: PlaceImage) -> TokenMask? {
    let place = walker.adopt(image)
    walker.resetWork()
    var words: [UInt64]
    if allowsPlainText(at: place) {
      words = vocabulary.plainMask
      walk(vocabulary.rest, from: place, &words)
    } else {
      words = [UInt64](repeating: 0, count: vocabulary.wordCount)
      walk(vocabulary.all, from: place, &words)
    }
    guard !walker.isLost else { return nil }
    if walker.canEnd(at: place) { for token in vocabulary.endOfSequence { words.insert(token) } }
    return TokenMask(words: words)
  }

  /// Sets the bits of the tokens of `trie` that are allowed; what lies below a byte that is not is skipped.
  private mutating func walk(_ trie: TokenTrie, from place: Int32, _ mask: inout [UInt64]) {
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
      for token in node.firstToken..<nodes[index].firstToken { mask.insert(tokens[Int(token)]) }
    }
  }
}

// MARK: - Plain text

extension MaskFinder {
  /// The most places that are looked at to find out whether all plain text is allowed.
  private static let plainSearchLimit = 64

  /// Whether any plain text of the length of the longest plain token is allowed at `place`, so that all plain tokens are.
  private mutating func allowsPlainText(at place: Int32) -> Bool {
    var seen: Set<Int32> = [place]
    var level = [place]
    for _ in 0..<TokenVocabulary.plainLength {
      var next: [Int32] = []
      for place in level {
        guard let targets = plainTargets(of: place) else { return false }
        for target in targets where seen.insert(target).inserted { next.append(target) }
      }
      if next.isEmpty { return true }
      if seen.count > Self.plainSearchLimit { return false }
      level = next
    }
    return true
  }

  private mutating func plainTargets(of place: Int32) -> [Int32]? {
    if let known = plainTargets[place] { return known }
    let targets = findPlainTargets(of: place)
    plainTargets[place] = .some(targets)
    return targets
  }

  /// All places that one plain character leads to; nil if there is one that is not allowed.
  private mutating func findPlainTargets(of place: Int32) -> [Int32]? {
    var targets: Set<Int32> = []
    for byte in UInt8(0x20)..<0x7F where byte != 0x22 && byte != 0x5C {
      let target = walker.step(place, byte)
      if target == GrammarWalker.dead { return nil }
      targets.insert(target)
      if targets.count > Self.plainSearchLimit { return nil }
    }
    for lead in UInt8(0xC2)...0xF4 {
      guard let form = UTF8Form.form(lead) else { continue }
      var level: Set<Int32> = [walker.step(place, lead)]
      for continuation in 0..<form.count {
        var next: Set<Int32> = []
        for place in level {
          if place == GrammarWalker.dead { return nil }
          for byte in continuation == 0 ? form.second : 0x80...0xBF { next.insert(walker.step(place, byte)) }
        }
        level = next
        if level.count > Self.plainSearchLimit { return nil }
      }
      if level.contains(GrammarWalker.dead) { return nil }
      targets.formUnion(level)
    }
    return targets.count > Self.plainSearchLimit ? nil : targets.sorted()
  }
}
