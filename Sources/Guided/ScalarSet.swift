/// A set of Unicode scalars: ranges that are in order and neither overlap nor touch. Surrogates are never in it.
struct ScalarSet: Equatable, Sendable {
  private(set) var ranges: [ClosedRange<UInt32>] = []

  /// Every scalar.
  static let all = ScalarSet(ranges: [0...0xD7FF, 0xE000...0x10FFFF])

  private init(ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }

  /// The scalars of `ranges`, which may come in any order and overlap.
  init(_ ranges: [ClosedRange<UInt32>]) {
    var merged: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged.flatMap(Self.withoutSurrogates)
  }

  /// One scalar; none for half of a surrogate pair.
  init(_ scalar: UInt32) { ranges = Unicode.Scalar(scalar) == nil ? [] : [scalar...scalar] }

  var isEmpty: Bool { ranges.isEmpty }

  private static func withoutSurrogates(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt32>] {
    all.ranges.compactMap { part in
      let lower = max(range.lowerBound, part.lowerBound)
      let upper = min(range.upperBound, part.upperBound)
      return lower <= upper ? lower...upper : nil
    }
  }

  /// The scalars that are in either.
  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  /// The scalars that are in this set and not in `other`.
  func subtracting(_ other: ScalarSet) -> ScalarSet { intersection(other.inverted) }

  /// The scalars that are in both.
  func intersection(_ other: ScalarSet) -> ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var (left, right) = (0, 0)
    while left < ranges.count, right < other.ranges.count {
      let lower = max(ranges[left].lowerBound, other.ranges[right].lowerBound)
      let upper = min(ranges[left].upperBound, other.ranges[right].upperBound)
      if lower <= upper { result.append(lower...upper) }
      if ranges[left].upperBound < other.ranges[right].upperBound { left += 1 } else { right += 1 }
    }
    return ScalarSet(ranges: result)
  }

  /// The scalars that are not in the set.
  var inverted: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return ScalarSet(result)
  }

  /// The set as sequences of byte ranges: the UTF-8 of every scalar in it is matched by exactly one of them.
  var byteSequences: [[ClosedRange<UInt8>]] {
    var sequences: [[ClosedRange<UInt8>]] = []
    for range in ranges {
      for (low, high) in [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)] as [(UInt32, UInt32)] {
        let lower = max(range.lowerBound, low)
        let upper = min(range.upperBound, high)
        if lower <= upper {
          Self.append(Self.encode(lower)[...], Self.encode(upper)[...], prefix: [], to: &sequences)
        }
      }
    }
    return sequences
  }

  /// Splits the range between two encodings of one length until all bytes are independent of each other.
  private static func append(
    _ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>, prefix: [ClosedRange<UInt8>],
    to sequences: inout [[ClosedRange<UInt8>]]
  ) {
    guard let first = low.first, let last = high.first else {
      sequences.append(prefix)
      return
    }
    let restOfLow = low.dropFirst()
    let restOfHigh = high.dropFirst()
    if first == last {
      append(restOfLow, restOfHigh, prefix: prefix + [first...first], to: &sequences)
      return
    }
    let smallest = restOfLow.map { _ in UInt8(0x80) }
    let largest = restOfLow.map { _ in UInt8(0xBF) }
    var from = first
    var through = last
    if !restOfLow.elementsEqual(smallest) {
      append(restOfLow, largest[...], prefix: prefix + [first...first], to: &sequences)
      from += 1
    }
    if !restOfHigh.elementsEqual(largest) { through -= 1 }
    if from <= through {
      append(smallest[...], largest[...], prefix: prefix + [from...through], to: &sequences)
    }
    if through != last {
      append(smallest[...], restOfHigh, prefix: prefix + [last...last], to: &sequences)
    }
  }

  private static func encode(_ scalar: UInt32) -> [UInt8] {
    Unicode.Scalar(scalar).map { Array(String(Character($0)).utf8) } ?? []
  }
}
