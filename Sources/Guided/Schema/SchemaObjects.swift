import JSON

extension SchemaCompiler {
  /// The most states that members and their counts may need.
  private static let stateLimit = 50_000
  /// The most patterns whose combinations are told apart.
  private static let patternLimit = 6

  /// A member that a schema mentions.
  private struct Declared {
    var key: String
    var value: ExpressionID
    var isRequired: Bool
  }

  /// An object.
  mutating func object(_ conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    let patternCount = conjunction.objects.reduce(0) { $0 + $1.patterns.count }
    guard patternCount <= Self.patternLimit else {
      throw conjunction.unsupported("patternProperties", "more than \(Self.patternLimit) patterns")
    }
    let names = conjunction.names.isEmpty ? nil : try nameAutomaton(conjunction.names)
    let declared = try declaredMembers(conjunction, names)
    let others = try undeclaredMember(conjunction, declared, names)
    let members = try self.members(conjunction, declared, others)
    return try builder.choice([
      try enclosed("{", members, "}"),
      try allowsEmpty(conjunction) ? try enclosed("{", nil, "}") : try builder.add(.never),
    ])
  }

  private func allowsEmpty(_ conjunction: SchemaConjunction) throws(GuidedError) -> Bool {
    conjunction.required.isEmpty && conjunction.memberCounts.contains(0)
  }

  /// The members that are declared or required, in order.
  private mutating func declaredMembers(
    _ conjunction: SchemaConjunction, _ names: ByteAutomaton?
  ) throws(GuidedError) -> [Declared] {
    var keys: [String] = []
    var seen: Set<[UInt8]> = []
    for key in conjunction.objects.flatMap({ $0.properties.map(\.key) }) + conjunction.required {
      if seen.insert(Array(key.utf8)).inserted { keys.append(key) }
    }
    let required = Set(conjunction.required.map { Array($0.utf8) })
    var declared: [Declared] = []
    for key in keys {
      var schemas = try memberSchemas(conjunction, key: key)
      if let names, !(try accepts(JSONText.body(key), names)) { schemas.append(Self.nothing) }
      let isRequired = required.contains(Array(key.utf8))
      if schemas.contains(Self.nothing), !isRequired { continue }
      // Where members are counted, those that can never be do not count.
      if conjunction.memberCounts.minimum > 0, !isRequired, try alternatives(of: schemas).isEmpty { continue }
      declared.append(Declared(key: key, value: try rule(for: schemas), isRequired: isRequired))
    }
    return declared
  }

  /// What the keys of members may be, between the quotation marks.
  private mutating func nameAutomaton(_ names: SchemaList) throws(GuidedError) -> ByteAutomaton {
    var parts: [ExpressionID] = []
    for conjunction in try alternatives(of: names) where conjunction.types.contains(.string) {
      if let values = conjunction.values {
        for element in try fittingValues(of: conjunction, values, in: .both) {
          parts.append(try builder.add(.literal(JSONText.body(element.value.stringValue ?? ""))))
        }
      } else {
        parts.append(try builder.add(try stringAutomaton(conjunction, in: .both)))
      }
    }
    return try builder.regularAutomaton(of: try builder.choice(parts))
  }

  /// A member that is not declared: its key, the separator and its value; nil if there can be none.
  private mutating func undeclaredMember(
    _ conjunction: SchemaConjunction, _ declared: [Declared], _ names: ByteAutomaton?
  ) throws(GuidedError) -> ExpressionID? {
    let rules = conjunction.objects
    let isClosed = isClosed(conjunction)
    let keys = Set(rules.flatMap { $0.properties.map { Array($0.key.utf8) } } + declared.map { Array($0.key.utf8) })
    let patterns = rules.enumerated().flatMap { rule in rule.element.patterns.map { (rule.offset, $0) } }
    if patterns.isEmpty, isClosed || rules.contains(where: { $0.additional == Self.nothing }) { return nil }
    if keys.isEmpty, patterns.isEmpty, names == nil {
      var anything = SchemaConjunction()
      anything.types = .string
      return try member(key: try string(anything), rules.compactMap(\.additional))
    }
    var parts: [ExpressionID] = []
    let undeclared = Region(keys: try keyAutomaton(names, without: keys), matching: [])
    for region in try regions(of: undeclared, patterns.map(\.1.pattern)) {
      let matchedRules = Set(region.matching.map { patterns[$0].0 })
      var schemas = region.matching.map { patterns[$0].1.schema }
      for (index, rule) in rules.enumerated() where !matchedRules.contains(index) {
        if let additional = rule.additional { schemas.append(additional) }
      }
      if schemas.contains(Self.nothing) || (matchedRules.isEmpty && isClosed) { continue }
      let key = try builder.sequence([
        try builder.literal("\""), try builder.add(region.keys), try builder.literal("\""),
      ])
      parts.append(try member(key: key, schemas))
    }
    return parts.isEmpty ? nil : try builder.choice(parts)
  }

  private mutating func member(key: ExpressionID, _ schemas: SchemaList) throws(GuidedError) -> ExpressionID {
    try builder.sequence([key, try keySeparator(), try rule(for: schemas)])
  }

  /// The keys that are not among `keys`, and among `names` if there are any.
  private mutating func keyAutomaton(
    _ names: ByteAutomaton?, without keys: Set<[UInt8]>
  ) throws(GuidedError) -> ByteAutomaton {
    let any = try builder.add(.repetition(try character(), minimum: 0, maximum: nil))
    var result = try builder.regularAutomaton(of: any)
    if let names { result = try combined(result, with: names, excluding: false) }
    var excluded: [ExpressionID] = []
    for key in keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      // All spellings of a key are kept out.
      var scalars: [ExpressionID] = []
      for scalar in String(decoding: key, as: UTF8.self).unicodeScalars {
        scalars.append(try builder.scalar(of: ScalarSet([scalar.value...scalar.value]), .jsonString))
      }
      excluded.append(try builder.sequence(scalars))
    }
    let declared = try builder.regularAutomaton(of: try builder.choice(excluded))
    return try combined(result, with: declared, excluding: true)
  }

  /// Keys that match the same patterns.
  private struct Region {
    var keys: ByteAutomaton
    /// The places of the patterns that they match.
    var matching: [Int]
  }

  /// Divides keys by the patterns that they match. A key that matches a pattern in one of two dialects only is in no part: for
  /// some it would have to fit the pattern's schema, for others not.
  private mutating func regions(of all: Region, _ patterns: [StringPattern]) throws(GuidedError) -> [Region] {
    var regions = [all]
    for (index, pattern) in patterns.enumerated() {
      let certain = try automaton(of: pattern, in: .both)
      let possible = try automaton(of: pattern, in: .either)
      var parts: [Region] = []
      for region in regions {
        let matching = try combined(region.keys, with: certain, excluding: false)
        let others = try combined(region.keys, with: possible, excluding: true)
        if !matching.isEmpty { parts.append(Region(keys: matching, matching: region.matching + [index])) }
        if !others.isEmpty { parts.append(Region(keys: others, matching: region.matching)) }
      }
      regions = parts
    }
    return regions
  }

  private mutating func combined(
    _ left: ByteAutomaton, with right: ByteAutomaton, excluding: Bool
  ) throws(GuidedError) -> ByteAutomaton {
    try left.combined(with: right, excluding: excluding, limits: builder.limits, budget: &builder.budget)
  }

  /// At least one member: the declared ones in their order, then others; counted where that is asked for.
  private mutating func members(
    _ conjunction: SchemaConjunction, _ declared: [Declared], _ others: ExpressionID?
  ) throws(GuidedError) -> ExpressionID {
    var counts = conjunction.memberCounts
    // Without others there are no more members than declared ones.
    if others == nil { counts.maximum = counts.maximum.map { min($0, declared.count) } }
    if others != nil, counts.minimum > declared.count + 1 {
      throw conjunction.unsupported(
        "minProperties", "it asks for more than one member that is not declared, and those might have the same key")
    }
    // Counts beyond this are not told apart.
    let cap = counts.isUnbounded ? 1 : max(counts.maximum.map { $0 + 1 } ?? 1, counts.minimum, 1)
    guard cap < Self.stateLimit, (declared.count + 2) * (cap + 1) <= Self.stateLimit else {
      throw .tooLarge(
        what: counts.isUnbounded
          ? "an object has too many properties" : "an object's properties are too many to be counted",
        limit: Self.stateLimit)
    }
    // State (i, c): the first i declared members are behind, c members are there.
    var graph = ExpressionGraph()
    graph.stateCount = (declared.count + 2) * (cap + 1)
    // States, and edges that add no member, take memory too.
    try builder.budget.spend(16 * graph.stateCount)
    func state(_ index: Int, _ count: Int) -> Int { index * (cap + 1) + min(count, cap) }
    func isAllowed(_ count: Int) -> Bool { counts.maximum.map { count <= $0 } ?? true }
    for (index, member) in declared.enumerated() {
      let key = try quoted(member.key)
      let value = try builder.sequence([try keySeparator(), member.value])
      for count in 0...min(index, cap) {
        if !member.isRequired { graph.edges.append((state(index, count), nil, state(index + 1, count))) }
        guard isAllowed(count + 1) else { continue }
        let first = count == 0 ? key : try builder.sequence([try itemSeparator(), key])
        graph.edges.append((state(index, count), try builder.sequence([first, value]), state(index + 1, count + 1)))
      }
    }
    let last = declared.count
    for count in 0...cap {
      if count > 0, counts.contains(count) {
        graph.accepting.append(state(last, count))
        graph.accepting.append(state(last + 1, count))
      }
      guard let others, isAllowed(count + 1) else { continue }
      let part = count == 0 ? others : try builder.sequence([try itemSeparator(), others])
      // One of the others is a member for certain; more may have its key, and so count for the maximum only.
      if counts.contains(count + 1) { graph.edges.append((state(last, count), part, state(last + 1, count + 1))) }
      if count > 0 { graph.edges.append((state(last + 1, count), part, state(last + 1, count + 1))) }
    }
    return try builder.add(.graph(graph))
  }
}
