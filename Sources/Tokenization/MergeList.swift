/// The merges of a vocabulary as a file has them: pairs of spellings, in order of rank.
package struct MergeList: Sendable {
  /// The merges, each written as its two parts.
  private(set) var lines = ByteStrings()
  /// The length of each merge's left part.
  private var leftCounts: [Int32] = []
  /// How many bytes separate the parts: 1 if they are written with a space.
  private let separatorCount: Int

  /// Creates an empty list of merges whose parts are given one by one.
  package init() { separatorCount = 0 }

  /// Takes merges that are written as `left right`, with exactly one space.
  ///
  /// - Throws: ``TokenizerError/malformed(place:problem:)`` for the first that is written otherwise.
  init(lines: ByteStrings) throws(TokenizerError) {
    self.lines = lines
    separatorCount = 1
    leftCounts.reserveCapacity(lines.count)
    let bytes = lines.bytes
    for index in 0..<lines.count {
      let range = lines.range(of: index)
      var space: Int?
      for offset in range where bytes[offset] == 0x20 {
        if space != nil { throw Self.malformed(index, lines) }
        space = offset
      }
      guard let space, range.count <= 2 * TokenizerVocabulary.maximumSpellingLength else {
        throw Self.malformed(index, lines)
      }
      leftCounts.append(Int32(space - range.lowerBound))
    }
  }

  private static func malformed(_ index: Int, _ lines: ByteStrings) -> TokenizerError {
    .malformed(
      place: "merge \(index)", problem: "\(quoted(lines[index])) is not two tokens with one space between them")
  }

  /// The number of merges.
  package var count: Int { leftCounts.count }

  /// Adds a merge to a list that was created empty.
  ///
  /// - Parameter left: no longer than ``TokenizerVocabulary/maximumSpellingLength``.
  package mutating func append(left: some Collection<UInt8>, right: some Collection<UInt8>) {
    precondition(separatorCount == 0 && left.count <= TokenizerVocabulary.maximumSpellingLength)
    leftCounts.append(Int32(left.count))
    lines.append(left, right)
  }

  /// Where the two parts of merge `rank` lie in the bytes of ``lines``.
  @inline(__always)
  func parts(of rank: Int) -> (left: Range<Int>, right: Range<Int>) {
    let line = lines.range(of: rank)
    let middle = line.lowerBound + Int(leftCounts[rank])
    return (line.lowerBound..<middle, middle + separatorCount..<line.upperBound)
  }
}
