internal import JSON

extension PreTokenizer {
  /// Reads `pre_tokenizer`: any number of cuts, and `ByteLevel` as the last step.
  init(_ place: JSONPlace?) throws(TokenizerError) {
    self.init(splits: [])
    guard let place else {
      throw .unsupported(place: "tokenizer.json: pre_tokenizer", feature: "a vocabulary that is not byte-level")
    }
    var steps: [(JSONPlace, String)] = []
    try Self.flatten(place, &steps)
    for (step, type) in steps.dropLast() { splits.append(try Self.split(step, type)) }
    guard let (last, type) = steps.last, type == "ByteLevel" else {
      throw place.unsupported("a vocabulary that is not byte-level (no ByteLevel as the last step)")
    }
    addsPrefixSpace = try last.bool("add_prefix_space")
    if try last.bool("use_regex", standard: true) { finalSplit = Split(pattern: .gpt2) }
  }

  private static func flatten(_ place: JSONPlace, _ steps: inout [(JSONPlace, String)]) throws(TokenizerError) {
    let type = try place.required("type").string()
    guard type == "Sequence" else {
      steps.append((place, type))
      return
    }
    for part in try place.required("pretokenizers").elements() { try flatten(part, &steps) }
  }

  private static func split(_ place: JSONPlace, _ type: String) throws(TokenizerError) -> Split {
    switch type {
    case "Digits":
      return Split(pattern: .digit, behavior: try place.bool("individual_digits") ? .isolated : .contiguous)
    case "Split":
      let name = try place.required("behavior")
      guard let behavior = Behavior(rawValue: try name.string()) else {
        throw name.unsupported("the behavior \(quoted(try name.string().utf8))")
      }
      return Split(
        pattern: try pattern(place.required("pattern")), behavior: behavior, isInverted: try place.bool("invert"))
    case "ByteLevel":
      throw place.unsupported("a ByteLevel step that is not the last")
    default:
      throw place.unsupported("a pre-tokenizer of type \(quoted(type.utf8))")
    }
  }

  private static func pattern(_ place: JSONPlace) throws(TokenizerError) -> SplitPattern {
    if let literal = place.optional("String") {
      let bytes = Array(try literal.string().utf8)
      guard !bytes.isEmpty else { throw literal.unsupported("an empty pattern") }
      return .literal(bytes)
    }
    let expression = try place.required("Regex")
    guard let pattern = SplitPattern(regularExpression: try expression.string()) else {
      throw expression.unsupported("the regular expression \(quoted(try expression.string().utf8))")
    }
    return pattern
  }
}
