import JSON

// Most of the time a text is inside of a string, where nearly all tokens are allowed. Which ones is found out without a walk
// through the tree of all tokens: from how many characters may come, whichever they are.

/// Where the plain characters lead from one place.
enum PlainTargets {
  /// All of them are allowed, and lead to these places.
  case all([Int32])
  /// Some are allowed, or too many places are reached.
  case some
  /// None is allowed.
  case none
}

/// The bytes of plain characters, which are those without an escape in a JSON string: of those that the vocabulary has, one for
/// each class of bytes that the grammar does not tell apart.
struct PlainBytes: Sendable {
  /// Characters of one byte.
  let ascii: [UInt8]
  /// First bytes of longer characters, with what may be the second, and the number of bytes that follow.
  let leads: [(lead: UInt8, second: [UInt8], count: Int)]
  /// What may follow a second byte.
  let last: [UInt8]

  init(classes: [UInt8], known: [Bool]) {
    func representatives(_ bytes: some Sequence<UInt8>) -> [UInt8] {
      var seen = [Bool](repeating: false, count: 256)
      return bytes.filter { byte in
        let place = Int(classes[Int(byte)])
        guard known[Int(byte)], !seen[place] else { return false }
        seen[place] = true
        return true
      }
    }
    ascii = representatives((UInt8(0x20)..<0x7F).filter { $0 != 0x22 && $0 != 0x5C })
    last = representatives(UInt8(0x80)...0xBF)
    var leads: [(lead: UInt8, second: [UInt8], count: Int)] = []
    for lead in UInt8(0xC2)...0xF4 where known[Int(lead)] {
      guard let form = UTF8Form.form(lead) else { continue }
      let second = representatives(form.second)
      let isKnown = leads.contains {
        classes[Int($0.lead)] == classes[Int(lead)] && $0.second == second && $0.count == form.count
      }
      if !isKnown { leads.append((lead, second, form.count)) }
    }
    self.leads = leads
  }
}

extension MaskFinder {
  /// The most places that are looked at.
  private static let searchLimit = 64

  /// Number of plain characters that may come at `place`, whichever they are, and behind which no further one may; that of the
  /// longest plain token if more may. Nil if it depends on the characters.
  mutating func plainLength(from place: Int32) -> Int? {
    var seen: Set<Int32> = [place]
    var level = [place]
    // Whether no place is reached by texts of different lengths.
    var isLayered = true
    for length in 0..<TokenVocabulary.plainLength {
      var next: Set<Int32> = []
      var endedCount = 0
      for place in level {
        switch targets(of: place) {
        case .all(let targets):
          for target in targets where !seen.contains(target) { next.insert(target) }
          isLayered = isLayered && !targets.contains(where: seen.contains)
        case .none: endedCount += 1
        case .some: return nil
        }
      }
      if endedCount > 0 { return endedCount == level.count && isLayered ? length : nil }
      if next.isEmpty { return TokenVocabulary.plainLength }
      seen.formUnion(next)
      if seen.count > Self.searchLimit { return nil }
      level = next.sorted()
    }
    return TokenVocabulary.plainLength
  }

  private mutating func targets(of place: Int32) -> PlainTargets {
    if let known = plainTargets[place] { return known }
    let targets = findTargets(of: place)
    plainTargets[place] = targets
    return targets
  }

  private mutating func findTargets(of place: Int32) -> PlainTargets {
    // There are few, so that looking through a list takes less time than a set's hashes.
    var targets: [Int32] = []
    var isAnyForbidden = false
    for byte in plainBytes.ascii {
      let target = walker.step(place, byte)
      if target == GrammarWalker.dead { isAnyForbidden = true } else { targets.insert(target) }
    }
    for (lead, second, count) in plainBytes.leads {
      let target = walker.step(place, lead)
      if target == GrammarWalker.dead {
        isAnyForbidden = true
        continue
      }
      var level = [target]
      for continuation in 0..<count {
        var next: [Int32] = []
        for place in level {
          for byte in continuation == 0 ? second : plainBytes.last { next.insert(walker.step(place, byte)) }
        }
        if next.contains(GrammarWalker.dead) || next.count > Self.searchLimit { return .some }
        level = next
      }
      for place in level { targets.insert(place) }
    }
    if targets.isEmpty { return .none }
    return isAnyForbidden || targets.count > Self.searchLimit ? .some : .all(targets.sorted())
  }
}

extension [Int32] {
  /// Appends `element` unless it is there.
  fileprivate mutating func insert(_ element: Int32) { if !contains(element) { append(element) } }
}
