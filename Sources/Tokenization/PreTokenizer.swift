/// The steps that cut a text into the pieces within which tokens are merged.
package struct PreTokenizer: Sendable, Equatable {
  /// What a match of a pattern becomes.
  enum Behavior: String, Sendable {
    /// Nothing.
    case removed = "Removed"
    /// A piece of its own.
    case isolated = "Isolated"
    /// The end of the piece before it, if that is not a match.
    case mergedWithPrevious = "MergedWithPrevious"
    /// The beginning of the piece after it, if that is not a match.
    case mergedWithNext = "MergedWithNext"
    /// A piece together with the matches next to it.
    case contiguous = "Contiguous"
  }

  /// One cut.
  struct Split: Sendable, Equatable {
    /// What is looked for.
    var pattern: SplitPattern
    /// What becomes of a match.
    var behavior: Behavior = .isolated
    /// Whether what lies between matches counts as the match.
    var isInverted = false
  }

  /// The cuts before bytes are spelled as characters, in order.
  var splits: [Split]
  /// Whether each piece that does not begin with a space then gets one.
  var addsPrefixSpace = false
  /// The cut after that.
  var finalSplit: Split?

  /// Cuts `range` of `bytes`, which are valid UTF-8.
  ///
  /// - Returns: the pieces, none of them empty; and the bytes that they lie in, if those are not `bytes`.
  func pieces(
    of bytes: [UInt8], _ range: Range<Int>, classes: ScalarClasses
  ) -> (pieces: [Range<Int>], bytes: [UInt8]?) {
    guard !range.isEmpty else { return ([], nil) }
    var pieces = [range]
    for split in splits { pieces = split.apply(to: pieces, of: bytes, classes: classes) }
    var prefixed: [UInt8]?
    if addsPrefixSpace {
      let (moved, text) = Self.prefix(pieces, of: bytes)
      pieces = moved
      prefixed = text
    }
    if let finalSplit { pieces = finalSplit.apply(to: pieces, of: prefixed ?? bytes, classes: classes) }
    return (pieces, prefixed)
  }

  private static func prefix(_ pieces: [Range<Int>], of bytes: [UInt8]) -> ([Range<Int>], [UInt8]) {
    var text: [UInt8] = []
    var moved: [Range<Int>] = []
    text.reserveCapacity(bytes.count + pieces.count)
    moved.reserveCapacity(pieces.count)
    for piece in pieces {
      let start = text.count
      if bytes[piece.lowerBound] != 0x20 { text.append(0x20) }
      text.append(contentsOf: bytes[piece])
      moved.append(start..<text.count)
    }
    return (moved, text)
  }
}

extension PreTokenizer.Split {
  /// Cuts each of `pieces`; empty pieces are dropped.
  func apply(to pieces: [Range<Int>], of bytes: [UInt8], classes: ScalarClasses) -> [Range<Int>] {
    var output: [Range<Int>] = []
    output.reserveCapacity(pieces.count + (pieces.first?.count ?? 0) / 4)
    var text = ClassifiedText(bytes: bytes, end: 0, classes: classes)
    for piece in pieces {
      text.end = piece.upperBound
      apply(to: piece, text, &output)
    }
    return output
  }

  private func apply(to piece: Range<Int>, _ text: ClassifiedText, _ output: inout [Range<Int>]) {
    let base = output.count
    var previousMatched = false
    var gapStart = piece.lowerBound
    var index = piece.lowerBound
    while index < piece.upperBound {
      guard let end = pattern.matchEnd(in: text, at: index) else {
        index = text.scalar(at: index).next
        continue
      }
      if gapStart < index { add(gapStart..<index, matched: isInverted, base, &previousMatched, &output) }
      add(index..<end, matched: !isInverted, base, &previousMatched, &output)
      index = end
      gapStart = end
    }
    if gapStart < piece.upperBound {
      add(gapStart..<piece.upperBound, matched: isInverted, base, &previousMatched, &output)
    }
  }

  /// Adds the next part of a piece, as the behaviour has it. The parts of this piece start at `base` of `output`.
  @inline(__always)
  private func add(
    _ part: Range<Int>, matched: Bool, _ base: Int, _ previousMatched: inout Bool, _ output: inout [Range<Int>]
  ) {
    let joins: Bool
    switch behavior {
    case .isolated: joins = false
    case .removed:
      if matched { return }
      joins = false
    case .contiguous: joins = matched == previousMatched
    case .mergedWithPrevious: joins = matched && !previousMatched
    // Seen from the end of the text a match joins what follows it, unless that is a match itself.
    case .mergedWithNext: joins = !matched && previousMatched
    }
    if joins, output.count > base, let last = output.last {
      output[output.count - 1] = last.lowerBound..<part.upperBound
    } else {
      output.append(part)
    }
    previousMatched = matched
  }
}
