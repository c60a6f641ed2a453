import JSON
import Requests

/// A grammar's walker together with the token masks of the places it has been at.
struct TokenMasks: Sendable {
  var walker: GrammarWalker
  private let vocabulary: TokenVocabulary
  /// Where the mask of a place lies in ``masks``, or -1.
  private var maskOfPlace: [Int32] = []
  /// Masks one after the other, none twice.
  private var masks: [UInt64] = []
  private var counts: [Int32] = []
  private var masksByHash: [UInt64: [Int32]] = [:]
  /// Where plain characters lead from a place, or nil if not all are allowed there.
  private var plainTargets: [Int32: [Int32]?] = [:]
  private var stack: [Int32] = []

  init(walker: GrammarWalker, vocabulary: TokenVocabulary) {
    self.walker = walker
    self.vocabulary = vocabulary
  }

  /// Writes the mask of the tokens that are allowed at `place` into `words`, which has room for it. Where it would take
  /// too much work to find, no token is.
  mutating func fill(_ words: inout [UInt64], at place: Int32) {
    let count = vocabulary.wordCount
    guard let index = mask(at: place).map(Int.init) else {
      for word in 0..<count { words[word] = 0 }
      return
    }
    words.replaceSubrange(0..<count, with: masks[index * count..<(index + 1) * count])
  }

  /// The token that is allowed at `place`, if there is just one.
  mutating func onlyAllowed(at place: Int32) -> TokenID? {
    guard let mask = mask(at: place).map(Int.init), counts[mask] == 1 else { return nil }
    let first = mask * vocabulary.wordCount
    for index in 0..<vocabulary.wordCount where masks[first + index] != 0 {
      return TokenID(index * 64 + masks[first + index].trailingZeroBitCount)
    }
    return nil
  }

  /// Where `token` leads, or ``GrammarWalker/dead``.
  mutating func step(_ place: Int32, _ token: TokenID) -> Int32 {
    guard vocabulary.isOrdinary(token), let bytes = vocabulary.bytes(of: token) else { return GrammarWalker.dead }
    var place = place
    walker.resetWork()
    for byte in bytes where place != GrammarWalker.dead { place = walker.step(place, byte) }
    return place
  }

  /// The place of a mask; nil if it would take too much work to find it.
  private mutating func mask(at place: Int32) -> Int32? {
    if maskOfPlace.count <= Int(place) {
      maskOfPlace.append(contentsOf: repeatElement(-1, count: walker.places.count - maskOfPlace.count))
    }
    let known = maskOfPlace[Int(place)]
    if known >= 0 { return known }
    if masks.count * 8 > walker.limits.rememberedMaskBytes {
      masks.removeAll()
      counts.removeAll()
      masksByHash.removeAll()
      maskOfPlace = maskOfPlace.map { _ in -1 }
    }
    walker.resetWork()
    let computed = computeMask(at: place)
    guard !walker.isOverworked else {
      // What was found of plain text may lack places.
      plainTargets.removeAll()
      return nil
    }
    let mask = remember(computed)
    maskOfPlace[Int(place)] = mask
    return mask
  }

  private mutating func remember(_ mask: [UInt64]) -> Int32 {
    var hash: UInt64 = 0
    for word in mask {
      hash = (hash ^ word) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
    }
    for index in masksByHash[hash] ?? [] {
      let first = Int(index) * mask.count
      if masks[first..<first + mask.count].elementsEqual(mask) { return index }
    }
    let index = Int32(counts.count)
    masks.append(contentsOf: mask)
    counts.append(Int32(mask.reduce(0) { $0 + $1.nonzeroBitCount }))
    masksByHash[hash, default: []].append(index)
    return index
  }

  private mutating func computeMask(at place: Int32) -> [UInt64] {
    var mask: [UInt64]
    if allowsPlainText(at: place) {
      mask = vocabulary.plainMask
      walk(vocabulary.rest, from: place, &mask)
    } else {
      mask = [UInt64](repeating: 0, count: vocabulary.wordCount)
      walk(vocabulary.all, from: place, &mask)
    }
    if walker.canEnd(at: place) { for token in vocabulary.endOfSequence { mask.insert(token) } }
    return mask
  }

  /// Sets the bits of the tokens of `trie` that are allowed; what lies below a byte that is not is skipped.
  private mutating func walk(_ trie: TokenTrie, from place: Int32, _ mask: inout [UInt64]) {
    if stack.count <= trie.longest { stack = Array(repeating: 0, count: trie.longest + 1) }
    stack[0] = place
    let nodes = trie.nodes
    let tokens = trie.tokens
    let last = nodes.count - 1
    var index = 0
    while index < last {
      let node = nodes[index]
      let target = walker.step(stack[Int(node.depth)], node.byte)
      if target == GrammarWalker.dead {
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

extension TokenMasks {
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
