extension JinjaString {
  /// The byte offset of the first occurrence of `needle` within `range` of the bytes, in time linear in both.
  ///
  /// Short needles are compared at every place; long ones use the failure function of Knuth, Morris and Pratt
  /// (SIAM J. Comput. 6, 1977), so that no text can make the search quadratic.
  func firstOffset(of needle: [UInt8], in range: Range<Int>) -> Int? {
    let count = needle.count
    if count == 0 { return range.lowerBound }
    if range.count < count { return nil }
    if count <= 16 {
      let first = needle[0]
      for start in range.lowerBound...(range.upperBound - count) where utf8[start] == first {
        var matched = 1
        while matched < count, utf8[start + matched] == needle[matched] { matched += 1 }
        if matched == count { return start }
      }
      return nil
    }
    let failure = Self.failureFunction(of: needle)
    var matched = 0
    for index in range {
      while matched > 0, utf8[index] != needle[matched] { matched = failure[matched - 1] }
      if utf8[index] == needle[matched] { matched += 1 }
      if matched == count { return index - count + 1 }
    }
    return nil
  }

  /// The byte offset of the last occurrence of `needle` within `range` of the bytes.
  func lastOffset(of needle: [UInt8], in range: Range<Int>) -> Int? {
    if needle.isEmpty { return range.upperBound }
    // The last occurrence is the first one of the mirrored needle in the mirrored text.
    let mirrored = JinjaString(utf8: Array(utf8[range].reversed()))
    guard let offset = mirrored.firstOffset(of: needle.reversed(), in: mirrored.utf8.indices) else { return nil }
    return range.upperBound - offset - needle.count
  }

  /// The byte offsets of the occurrences of `needle`, which is not empty, from the left and without overlaps.
  func offsets(of needle: [UInt8], in range: Range<Int>, limit: Int = .max) -> [Int] {
    var found: [Int] = []
    guard range.count >= needle.count else { return found }
    let failure = Self.failureFunction(of: needle)
    var matched = 0
    for index in range where found.count < limit {
      while matched > 0, utf8[index] != needle[matched] { matched = failure[matched - 1] }
      if utf8[index] == needle[matched] { matched += 1 }
      if matched == needle.count {
        found.append(index - needle.count + 1)
        matched = 0
      }
    }
    return found
  }

  /// Whether `needle` occurs in the string.
  func contains(_ needle: JinjaString) -> Bool { firstOffset(of: needle.utf8, in: utf8.indices) != nil }

  /// Whether the string begins with `prefix`.
  func hasPrefix(_ prefix: JinjaString) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether the string ends with `suffix`.
  func hasSuffix(_ suffix: JinjaString) -> Bool {
    utf8.count >= suffix.utf8.count && utf8[(utf8.count - suffix.utf8.count)...].elementsEqual(suffix.utf8)
  }

  private static func failureFunction(of needle: [UInt8]) -> [Int] {
    var failure = [Int](repeating: 0, count: needle.count)
    var matched = 0
    for index in needle.indices.dropFirst() {
      while matched > 0, needle[index] != needle[matched] { matched = failure[matched - 1] }
      if needle[index] == needle[matched] { matched += 1 }
      failure[index] = matched
    }
    return failure
  }
}
