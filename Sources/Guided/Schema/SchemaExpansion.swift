extension SchemaCompiler {
  /// The most ways in which schemas may hold that are told apart.
  private static let alternativeLimit = 512

  /// All ways in which `schemas` can hold together; none if they cannot. Different ways may allow the same values.
  mutating func alternatives(of schemas: SchemaList) throws(GuidedError) -> [SchemaConjunction] {
    try builder.budget.spend(4 * schemas.count)
    for schema in schemas { try checkProgress(schema) }
    var results: [SchemaConjunction] = []
    try expand(Partial(pending: schemas), into: &results)
    return results
  }

  /// Refuses a schema that leads back to itself without a member or an element in between, and so says nothing.
  private mutating func checkProgress(_ place: Int) throws(GuidedError) {
    if let isSettled = hasProgress[place] {
      guard isSettled else {
        throw .invalidSchema(
          pointer: locations[place].pointer, problem: "the schema refers to itself with nothing in between")
      }
      return
    }
    try enter()
    defer { nesting -= 1 }
    hasProgress[place] = false
    for next in try sameValueSchemas(of: place) { try checkProgress(next) }
    hasProgress[place] = true
  }

  /// What is known while the alternatives of schemas are put together.
  private struct Partial {
    var conjunction = SchemaConjunction()
    var pending: [Int]
    var seen: Set<Int> = []
    var choices: [(schemas: [Int], isExclusive: Bool, pointer: String)] = []
  }

  private mutating func expand(
    _ partial: Partial, into results: inout [SchemaConjunction]
  ) throws(GuidedError) {
    try enter()
    defer { nesting -= 1 }
    // What is changed below is copied before.
    try builder.budget.spend(64 + partial.seen.count + partial.choices.count + partial.conjunction.size)
    var partial = partial
    while let place = partial.pending.popLast() {
      guard partial.seen.insert(place).inserted else { continue }
      var combinations = Combinations()
      guard try read(place, into: &partial.conjunction, &combinations) else { return }
      partial.pending += combinations.all.reversed()
      partial.choices += combinations.any
    }
    guard let choice = partial.choices.popLast() else {
      guard results.count < Self.alternativeLimit else {
        throw .tooLarge(what: "its schemas have too many alternatives", limit: Self.alternativeLimit)
      }
      results.append(partial.conjunction)
      return
    }
    var branches: [[SchemaConjunction]] = []
    for schema in choice.schemas {
      var branch = partial
      branch.pending = [schema]
      var found: [SchemaConjunction] = []
      try expand(branch, into: &found)
      branches.append(found)
    }
    if choice.isExclusive { try checkExclusion(branches, choice.pointer) }
    for branch in branches {
      guard results.count + branch.count <= Self.alternativeLimit else {
        throw .tooLarge(what: "its schemas have too many alternatives", limit: Self.alternativeLimit)
      }
      results += branch
    }
  }

  /// Refuses alternatives of which two may hold for one value, which `oneOf` forbids.
  private mutating func checkExclusion(
    _ branches: [[SchemaConjunction]], _ pointer: String
  ) throws(GuidedError) {
    for first in branches.indices {
      for second in branches.indices.dropFirst(first + 1) {
        for left in branches[first] {
          for right in branches[second] where !(try areDisjoint(left, right, depth: 0)) {
            throw .unsupportedKeyword(
              keyword: "oneOf", pointer: pointer,
              reason:
                "alternatives \(first) and \(second) may hold for the same value; use anyOf, or tell them apart by a "
                + "required property with a const")
          }
        }
      }
    }
  }

  // MARK: Disjointness

  private static let disjointnessDepth = 6

  /// Whether it is certain that no value fits both, whatever the dialect in which patterns are read.
  private mutating func areDisjoint(
    _ left: SchemaConjunction, _ right: SchemaConjunction, depth: Int
  ) throws(GuidedError) -> Bool {
    try builder.budget.spend(16)
    if let values = left.values {
      try builder.budget.spend(values.elements.count)
      for (value, number) in values.elements where right.values?.contains(number) ?? true {
        if try fits(value, left, in: .either), try fits(value, right, in: .either) { return false }
      }
      return true
    }
    if right.values != nil { return try areDisjoint(right, left, depth: depth) }
    let common = left.types.intersection(right.types)
    if !common.isDisjoint(with: [.null, .boolean]) { return false }
    if !common.isDisjoint(with: [.integer, .fraction]), !left.numbers.isDisjoint(with: right.numbers) { return false }
    if common.contains(.string), !(try areStringsDisjoint(left, right)) { return false }
    if common.contains(.array), !(try areArraysDisjoint(left, right, depth: depth)) { return false }
    if common.contains(.object), !(try areObjectsDisjoint(left, right, depth: depth)) { return false }
    return true
  }

  private mutating func areStringsDisjoint(
    _ left: SchemaConjunction, _ right: SchemaConjunction
  ) throws(GuidedError) -> Bool {
    if left.lengths.isDisjoint(with: right.lengths) { return true }
    // Of formats not every spelling is generated, so that they prove nothing.
    var both = left
    both.patterns = (left.patterns + right.patterns).filter { !$0.isFormat }
    guard !both.patterns.isEmpty else { return false }
    both.lengths.raise(to: right.lengths.minimum)
    if let maximum = right.lengths.maximum { both.lengths.lowerTop(to: maximum) }
    return try stringAutomaton(both, in: .either).isEmpty
  }

  private mutating func areArraysDisjoint(
    _ left: SchemaConjunction, _ right: SchemaConjunction, depth: Int
  ) throws(GuidedError) -> Bool {
    if left.elementCounts.isDisjoint(with: right.elementCounts) { return true }
    for index in 0..<min(8, max(left.elementCounts.minimum, right.elementCounts.minimum)) {
      let first = try elementSchemas(left, at: index)
      if try areDisjoint(first, try elementSchemas(right, at: index), depth: depth) { return true }
    }
    return false
  }

  private mutating func areObjectsDisjoint(
    _ left: SchemaConjunction, _ right: SchemaConjunction, depth: Int
  ) throws(GuidedError) -> Bool {
    if left.memberCounts.isDisjoint(with: right.memberCounts) { return true }
    // Whoever checks the document reads the schema as it is written, whatever members the format leaves out.
    for keys in [left.required, right.required] {
      for key in keys {
        let first = try writtenSchemas(left, key: key, in: .either).schemas
        let second = try writtenSchemas(right, key: key, in: .either).schemas
        if try areDisjoint(first, second, depth: depth) { return true }
      }
    }
    return false
  }

  private mutating func areDisjoint(
    _ left: SchemaList, _ right: SchemaList, depth: Int
  ) throws(GuidedError) -> Bool {
    guard depth < Self.disjointnessDepth else { return false }
    let others = try alternatives(of: right)
    for first in try alternatives(of: left) {
      for second in others where !(try areDisjoint(first, second, depth: depth + 1)) { return false }
    }
    return true
  }
}
