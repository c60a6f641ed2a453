extension SchemaCompiler {
  /// The most elements of which each has a schema of its own.
  private static let prefixLimit = 10_000

  /// An array.
  mutating func array(_ conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    let counts = conjunction.elementCounts
    if let maximum = counts.maximum, maximum < counts.minimum { return try builder.add(.never) }
    var parts: [ExpressionID] = []
    if counts.minimum == 0 { parts.append(try enclosed("[", nil, "]")) }
    if counts.maximum != 0 { parts.append(try enclosed("[", try elements(conjunction), "]")) }
    return try builder.choice(parts)
  }

  /// At least one element.
  private mutating func elements(_ conjunction: SchemaConjunction) throws(GuidedError) -> ExpressionID {
    let counts = conjunction.elementCounts
    let prefixCount = conjunction.arrays.reduce(0) { max($0, $1.prefix.count) }
    guard prefixCount <= Self.prefixLimit else {
      throw .tooLarge(what: "prefixItems has too many schemas", limit: Self.prefixLimit)
    }
    // State k is where k elements are read.
    let leadCount = max(1, min(prefixCount, counts.maximum ?? .max))
    var graph = ExpressionGraph()
    for index in 0..<leadCount {
      let element = try rule(for: try elementSchemas(conjunction, at: index))
      let part = index == 0 ? element : try builder.sequence([try itemSeparator(), element])
      let next = graph.addState()
      graph.edges.append((index, part, next))
      if counts.contains(index + 1) { graph.accepting.append(next) }
    }
    let rest = try builder.sequence([
      try itemSeparator(), try rule(for: try elementSchemas(conjunction, at: leadCount)),
    ])
    let maximum = counts.maximum.map { $0 - leadCount }
    if maximum != 0 {
      let minimum = max(1, counts.minimum - leadCount)
      let end = graph.addState()
      graph.edges.append((leadCount, try builder.repetition(rest, minimum: minimum, maximum: maximum), end))
      graph.accepting.append(end)
    }
    return try builder.add(.graph(graph))
  }
}
