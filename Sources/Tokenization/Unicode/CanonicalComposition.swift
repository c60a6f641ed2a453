/// Normalization form C (Unicode Standard Annex 15) with the tables of the reference's normalizer.
struct CanonicalComposition: Sendable {
  /// A scalar and its canonical combining class.
  private struct Element {
    var scalar: UInt32
    var order: UInt32
  }

  /// The one set of tables; made when the first text needs it.
  private static let shared = CanonicalComposition()

  private var decompositions: [UInt32: (first: UInt32, second: UInt32)] = [:]
  private var compositions: [UInt64: UInt32] = [:]

  private init() {
    let composing = CanonicalPairs.composing
    let excluded = CanonicalPairs.excluded
    let singles = CanonicalSingles.all
    decompositions.reserveCapacity((composing.count + excluded.count) / 3 + singles.count / 2)
    compositions.reserveCapacity(composing.count / 3)
    for index in stride(from: 0, to: composing.count, by: 3) {
      decompositions[composing[index]] = (composing[index + 1], composing[index + 2])
      compositions[Self.key(composing[index + 1], composing[index + 2])] = composing[index]
    }
    for index in stride(from: 0, to: excluded.count, by: 3) {
      decompositions[excluded[index]] = (excluded[index + 1], excluded[index + 2])
    }
    // No scalar decomposes into U+0000, so that 0 can stand for "nothing more".
    for index in stride(from: 0, to: singles.count, by: 2) { decompositions[singles[index]] = (singles[index + 1], 0) }
  }

  /// The normalized form of `range` of `bytes`, which are valid UTF-8; nil if it is normalized already.
  static func normalize(_ bytes: [UInt8], _ range: Range<Int>, classes: ScalarClasses) -> [UInt8]? {
    guard needsWork(bytes, range, classes) else { return nil }
    return shared.normalize(bytes, range, classes)
  }

  /// Whether a scalar of `range` decomposes, or may combine with what is before it ("quick check" in the annex).
  private static func needsWork(_ bytes: [UInt8], _ range: Range<Int>, _ classes: ScalarClasses) -> Bool {
    var index = range.lowerBound
    while index < range.upperBound {
      if bytes[index] < 0xCC {
        // One byte, or two for a scalar below U+0300: none of them needs a check.
        index += bytes[index] < 0x80 ? 1 : 2
        continue
      }
      let (scalar, next) = UTF8Text.scalar(bytes, at: index)
      if classes[scalar].contains(.normalizationCheck) { return true }
      index = next
    }
    return false
  }

  private func normalize(_ bytes: [UInt8], _ range: Range<Int>, _ classes: ScalarClasses) -> [UInt8] {
    var elements: [Element] = []
    elements.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      let (scalar, next) = UTF8Text.scalar(bytes, at: index)
      index = next
      if scalar < 0xC0 {
        elements.append(Element(scalar: scalar, order: 0))
      } else {
        decompose(scalar, classes, into: &elements)
      }
    }
    Self.order(&elements)
    var output: [UInt8] = []
    output.reserveCapacity(range.count)
    for element in compose(elements) { UTF8Text.append(element.scalar, to: &output) }
    return output
  }

  // MARK: Decomposition

  /// Appends the full canonical decomposition of `scalar`. The depth of the recursion is that of the tables: 3.
  private func decompose(_ scalar: UInt32, _ classes: ScalarClasses, into elements: inout [Element]) {
    let syllable = scalar &- Hangul.syllables
    if syllable < Hangul.syllableCount {
      let trailing = syllable % Hangul.trailingCount
      elements.append(Element(scalar: Hangul.leading + syllable / Hangul.blockCount, order: 0))
      let vowel = syllable % Hangul.blockCount / Hangul.trailingCount
      elements.append(Element(scalar: Hangul.vowels + vowel, order: 0))
      if trailing > 0 { elements.append(Element(scalar: Hangul.trailing + trailing, order: 0)) }
    } else if let parts = decompositions[scalar] {
      decompose(parts.first, classes, into: &elements)
      if parts.second != 0 { decompose(parts.second, classes, into: &elements) }
    } else {
      elements.append(Element(scalar: scalar, order: Self.combiningClass(scalar, classes)))
    }
  }

  private static func combiningClass(_ scalar: UInt32, _ classes: ScalarClasses) -> UInt32 {
    guard classes[scalar].contains(.normalizationCheck) else { return 0 }
    let runs = CombiningClasses.all
    var low = 0
    var high = runs.count / 3
    while low < high {
      let middle = (low + high) / 2
      if runs[middle * 3 + 1] < scalar { low = middle + 1 } else { high = middle }
    }
    guard low * 3 < runs.count, runs[low * 3] <= scalar else { return 0 }
    return runs[low * 3 + 2]
  }

  /// Puts every stretch of combining marks in the order of their classes, equal ones as they were.
  private static func order(_ elements: inout [Element]) {
    var start = 0
    while start < elements.count {
      guard elements[start].order != 0 else {
        start += 1
        continue
      }
      var end = start + 1
      var sorted = true
      while end < elements.count, elements[end].order != 0 {
        sorted = sorted && elements[end - 1].order <= elements[end].order
        end += 1
      }
      if !sorted {
        // The place is a second key, so that the order is stable whatever the sort.
        let keyed = elements[start..<end].enumerated().sorted {
          ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
        }
        elements.replaceSubrange(start..<end, with: keyed.map(\.element))
      }
      start = end
    }
  }

  // MARK: Composition

  private func compose(_ elements: [Element]) -> [Element] {
    var output: [Element] = []
    output.reserveCapacity(elements.count)
    var starter: Int?
    for element in elements {
      if let place = starter, let last = output.last, place == output.count - 1 || last.order < element.order,
        let composed = composition(output[place].scalar, element.scalar)
      {
        output[place].scalar = composed
        continue
      }
      if element.order == 0 { starter = output.count }
      output.append(element)
    }
    return output
  }

  private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let vowel = second &- Hangul.vowels
    if first &- Hangul.leading < Hangul.leadingCount, vowel < Hangul.vowelCount {
      return Hangul.syllables + ((first - Hangul.leading) * Hangul.vowelCount + vowel) * Hangul.trailingCount
    }
    let trailing = second &- Hangul.trailing
    let syllable = first &- Hangul.syllables
    if syllable < Hangul.syllableCount, syllable % Hangul.trailingCount == 0, trailing > 0,
      trailing < Hangul.trailingCount
    {
      return first + trailing
    }
    return compositions[Self.key(first, second)]
  }

  private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

  /// Korean syllables are composed by arithmetic (Unicode 3.12).
  private enum Hangul {
    static let syllables: UInt32 = 0xAC00
    static let leading: UInt32 = 0x1100
    static let vowels: UInt32 = 0x1161
    /// One before the first: 0 trailing consonants is a case of its own.
    static let trailing: UInt32 = 0x11A7
    static let leadingCount: UInt32 = 19
    static let vowelCount: UInt32 = 21
    static let trailingCount: UInt32 = 28
    static let blockCount: UInt32 = vowelCount * trailingCount
    static let syllableCount: UInt32 = leadingCount * blockCount
  }
}
