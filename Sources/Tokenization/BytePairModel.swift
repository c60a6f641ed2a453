/// Byte-pair encoding (Sennrich, Haddow and Birch, 2016) over the bytes of a piece: the pair with the smallest rank is
/// merged first, the leftmost of equal ones, until no pair is left.
struct BytePairModel: Sendable {
  /// The tokens' spellings.
  let spellings: ByteStrings
  /// What each token is.
  let kinds: [TokenizerVocabulary.Kind]
  /// The tokens by spelling.
  let table: SpellingTable
  private let merges: MergeTable
  /// The token of each byte, or -1.
  private let byteTokens: [Int32]
  private let ignoresMerges: Bool
  private let unknownToken: Int32?
  private let fusesUnknown: Bool

  /// Pieces up to this many tokens are merged by looking at all pairs for each merge; longer ones use a heap.
  private static let scanLimit = 48

  /// Indexes the vocabulary and checks every merge.
  ///
  /// - Throws: ``TokenizerError/malformed(place:problem:)`` for a spelling that two tokens share, and for a merge whose
  ///   parts or result are not in the vocabulary, or whose result is no longer than a part.
  init(_ definition: TokenizerDefinition) throws(TokenizerError) {
    let vocabulary = definition.vocabulary
    var table = SpellingTable(capacity: vocabulary.spellings.count)
    for id in 0..<vocabulary.spellings.count where !vocabulary.kinds[id].isEmpty {
      if let other = table.insert(id: id, of: vocabulary.spellings) {
        throw .malformed(
          place: "vocabulary",
          problem: "tokens \(other) and \(id) have the same spelling \(quoted(vocabulary.spellings[id]))")
      }
    }
    spellings = vocabulary.spellings
    kinds = vocabulary.kinds
    self.table = table
    merges = try Self.index(vocabulary, table)
    var byteTokens: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      var spelling: [UInt8] = []
      ByteLevelAlphabet.append(spellingOf: byte, to: &spelling)
      let id = table.find(spelling, 0..<spelling.count, in: spellings)
      byteTokens.append(id.flatMap { vocabulary.kinds[$0].contains(.merged) ? Int32($0) : nil } ?? -1)
    }
    self.byteTokens = byteTokens
    ignoresMerges = definition.ignoresMerges
    unknownToken = definition.unknownToken
    fusesUnknown = definition.fusesUnknown
  }

  private static func index(
    _ vocabulary: borrowing TokenizerVocabulary, _ table: SpellingTable
  ) throws(TokenizerError) -> MergeTable {
    let list = vocabulary.merges
    let bytes = list.lines.bytes
    var merges = MergeTable(capacity: list.count)
    var guess = 0
    for rank in 0..<list.count {
      let (left, right) = list.parts(of: rank)
      guard !left.isEmpty, !right.isEmpty else {
        throw mergeError(rank, list, "has an empty part: its result would be its other part")
      }
      guard let leftID = table.find(bytes, left, in: vocabulary.spellings),
        let rightID = table.find(bytes, right, in: vocabulary.spellings)
      else { throw mergeError(rank, list, "joins a token that is not in the vocabulary") }
      // A trained vocabulary numbers the results one after the other, which saves most look-ups.
      var merged = guess
      if guess >= vocabulary.spellings.count
        || !SpellingTable.equal(bytes, left, right, vocabulary.spellings.bytes, vocabulary.spellings.range(of: guess))
      {
        guard let found = table.find(bytes, left, right, in: vocabulary.spellings) else {
          throw mergeError(rank, list, "makes a token that is not in the vocabulary")
        }
        merged = found
      }
      guess = merged + 1
      merges.append(left: Int32(leftID), right: Int32(rightID), merged: Int32(merged))
    }
    return merges
  }

  private static func mergeError(_ rank: Int, _ list: MergeList, _ problem: String) -> TokenizerError {
    let (left, right) = list.parts(of: rank)
    let bytes = list.lines.bytes
    return .malformed(place: "merge \(rank)", problem: "\(quoted(bytes[left])) with \(quoted(bytes[right])) \(problem)")
  }

  /// The bytes that no token stands for: they are dropped from a text, or become the unknown token if there is one.
  var missingBytes: [UInt8] { (UInt8.min...UInt8.max).filter { byteTokens[Int($0)] < 0 } }

  /// Memory that is reused from piece to piece.
  struct Scratch {
    fileprivate var symbols: [Int32] = []
    fileprivate var merges: [MergeTable.Merge] = []
    fileprivate var next: [Int] = []
    fileprivate var previous: [Int] = []
    fileprivate var heap = MergeHeap()
    fileprivate var spelling: [UInt8] = []
    /// Where a piece with a certain hash was seen last, and its tokens.
    fileprivate var recent: [Recent] = []

    /// Creates empty memory.
    init() {}

    /// Forgets the pieces seen so far: call this before the bytes that pieces lie in change. Few bytes are not worth
    /// remembering anything.
    mutating func beginText(byteCount: Int) {
      recent.removeAll(keepingCapacity: true)
      guard byteCount >= 512 else { return }
      let count = byteCount < 16_384 ? 512 : 4096
      recent.append(contentsOf: repeatElement(Recent(start: 0, count: 0, tokenStart: 0, tokenCount: 0), count: count))
    }
  }

  /// A piece that was encoded before, by its place in the text and that of its tokens in the output.
  fileprivate struct Recent {
    var start: Int
    var count: Int32
    var tokenStart: Int
    var tokenCount: Int32
  }

  /// Appends the tokens of the piece `range` of `bytes` to `output`. A piece that came a short while ago is copied.
  ///
  /// - Parameter output: what the calls before this one for the same text have appended is still there.
  func encode(_ bytes: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch, to output: inout [Int32]) {
    guard !scratch.recent.isEmpty, range.count > 1, range.count <= Self.scanLimit else {
      encodeAnew(bytes, range, &scratch, to: &output)
      return
    }
    var hash = UInt64(range.count)
    for index in range { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
    let slot = Int(truncatingIfNeeded: (hash ^ hash >> 29) & UInt64(scratch.recent.count - 1))
    let recent = scratch.recent[slot]
    if Int(recent.count) == range.count,
      SpellingTable.equal(bytes, range, 0..<0, bytes, recent.start..<recent.start + range.count)
    {
      for offset in 0..<Int(recent.tokenCount) { output.append(output[recent.tokenStart + offset]) }
      return
    }
    let tokenStart = output.count
    encodeAnew(bytes, range, &scratch, to: &output)
    scratch.recent[slot] = Recent(
      start: range.lowerBound, count: Int32(range.count), tokenStart: tokenStart,
      tokenCount: Int32(output.count - tokenStart))
  }

  private func encodeAnew(_ bytes: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch, to output: inout [Int32]) {
    if ignoresMerges, let whole = token(of: bytes, range, &scratch) {
      output.append(whole)
      return
    }
    fillSymbols(bytes, range, &scratch)
    if scratch.symbols.count <= Self.scanLimit {
      mergeByScanning(&scratch)
    } else {
      mergeByHeap(&scratch)
    }
    output.append(contentsOf: scratch.symbols)
  }

  private func token(of bytes: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch) -> Int32? {
    guard range.count <= TokenizerVocabulary.maximumSpellingLength else { return nil }
    scratch.spelling.removeAll(keepingCapacity: true)
    for index in range { ByteLevelAlphabet.append(spellingOf: bytes[index], to: &scratch.spelling) }
    guard let id = table.find(scratch.spelling, 0..<scratch.spelling.count, in: spellings),
      kinds[id].contains(.merged)
    else { return nil }
    return Int32(id)
  }

  private func fillSymbols(_ bytes: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch) {
    scratch.symbols.removeAll(keepingCapacity: true)
    var isAfterUnknown = false
    for index in range {
      let token = byteTokens[Int(bytes[index])]
      if token >= 0 {
        scratch.symbols.append(token)
        isAfterUnknown = false
      } else if let unknownToken {
        if !(isAfterUnknown && fusesUnknown) { scratch.symbols.append(unknownToken) }
        isAfterUnknown = true
      }
    }
  }

  /// Merges `scratch.symbols` in place; takes time in the square of their number.
  private func mergeByScanning(_ scratch: inout Scratch) {
    var count = scratch.symbols.count
    guard count > 1 else { return }
    let none = MergeTable.Merge(rank: .max, merged: -1)
    // merges[i] is what symbols i and i + 1 become.
    scratch.merges.removeAll(keepingCapacity: true)
    for index in 0..<count - 1 {
      scratch.merges.append(merges.find(left: scratch.symbols[index], right: scratch.symbols[index + 1]) ?? none)
    }
    while count > 1 {
      var best = 0
      for index in 1..<max(count - 1, 1) where scratch.merges[index].rank < scratch.merges[best].rank { best = index }
      let merge = scratch.merges[best]
      guard merge.merged >= 0 else { break }
      scratch.symbols[best] = merge.merged
      count -= 1
      for index in best + 1..<max(count, best + 1) { scratch.symbols[index] = scratch.symbols[index + 1] }
      for index in best..<max(count - 1, best) { scratch.merges[index] = scratch.merges[index + 1] }
      if best > 0 {
        scratch.merges[best - 1] = merges.find(left: scratch.symbols[best - 1], right: merge.merged) ?? none
      }
      if best < count - 1 {
        scratch.merges[best] = merges.find(left: merge.merged, right: scratch.symbols[best + 1]) ?? none
      }
    }
    scratch.symbols.removeSubrange(count...)
  }

  /// Merges `scratch.symbols` in place; takes time in n log n.
  private func mergeByHeap(_ scratch: inout Scratch) {
    let count = scratch.symbols.count
    // A linked list of the symbols that are left; one that was merged into its left neighbour is -1.
    scratch.next = Array(1...count)
    scratch.previous = Array(-1..<count - 1)
    scratch.heap.removeAll()
    for index in 0..<count - 1 { push(index, index + 1, &scratch) }
    while let entry = scratch.heap.popFirst() {
      let position = entry.position
      let right = scratch.next[position]
      // Symbols only grow, so that an entry whose two are still what they were is still the same merge.
      guard scratch.symbols[position] == entry.left, right < count, scratch.symbols[right] == entry.right else {
        continue
      }
      scratch.symbols[position] = entry.merged
      scratch.symbols[right] = -1
      let after = scratch.next[right]
      scratch.next[position] = after
      if after < count {
        scratch.previous[after] = position
        push(position, after, &scratch)
      }
      if scratch.previous[position] >= 0 { push(scratch.previous[position], position, &scratch) }
    }
    scratch.symbols.removeAll { $0 < 0 }
  }

  private func push(_ left: Int, _ right: Int, _ scratch: inout Scratch) {
    let (leftID, rightID) = (scratch.symbols[left], scratch.symbols[right])
    guard let merge = merges.find(left: leftID, right: rightID) else { return }
    scratch.heap.insert(
      MergeHeap.Entry(rank: merge.rank, merged: merge.merged, left: leftID, right: rightID, position: left))
  }
}
