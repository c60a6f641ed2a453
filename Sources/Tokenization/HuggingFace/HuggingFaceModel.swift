internal import JSON

extension TokenizerDefinition {
  /// Reads `model`: the vocabulary, the merges, and how they are used.
  mutating func readModel(_ model: JSONPlace) throws(TokenizerError) {
    if let type = model.optional("type"), try type.string() != "BPE" {
      throw type.unsupported("a model of type \(quoted(try type.string().utf8))")
    }
    if let dropout = model.optional("dropout"), dropout.value.doubleValue != 0 {
      throw dropout.unsupported("dropout, which makes tokens random,")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = model.optional(key), try !affix.string().isEmpty { throw affix.unsupported("an affix of tokens") }
    }
    if try model.bool("byte_fallback", standard: false) { throw model.unsupported("byte_fallback") }
    fusesUnknown = try model.bool("fuse_unk", standard: false)
    ignoresMerges = try model.bool("ignore_merges", standard: false)
    try vocabulary.readTokens(model.required("vocab"))
    try vocabulary.readMerges(model.required("merges"))
    if let unknown = model.optional("unk_token") {
      unknownToken = vocabulary.id(of: Array(try unknown.string().utf8))
      guard unknownToken != nil else { throw unknown.malformed("is not in the vocabulary") }
    }
  }

  /// Reads `added_tokens`. Their identifiers must be those that the reference gives them, which are those of the
  /// vocabulary for tokens that it has, and the following numbers for others.
  mutating func readAddedTokens(_ list: JSONPlace?) throws(TokenizerError) {
    guard let list else { return }
    // The reference counts on from the number of tokens, whatever their identifiers are.
    var next = vocabulary.kinds.count { $0.contains(.merged) }
    for place in try list.elements() {
      let content = Array(try place.required("content").string().utf8)
      guard content.count <= TokenizerVocabulary.maximumSpellingLength else { throw place.malformed("is too long") }
      let id = try place.required("id").tokenID()
      let token = AddedToken(
        id: id, content: content, isSpecial: try place.bool("special"),
        isSingleWord: try place.bool("single_word", standard: false),
        stripsLeft: try place.bool("lstrip", standard: false),
        stripsRight: try place.bool("rstrip", standard: false),
        isNormalized: try place.bool("normalized", standard: true))
      guard !content.isEmpty else { throw place.malformed("has no content") }
      if !vocabulary.add(token) {
        guard Int(id) == next else {
          throw place.malformed("token \(quoted(content)) has the identifier \(id), but it would get \(next)")
        }
        vocabulary.extend(with: token)
        next += 1
      }
    }
  }
}

extension TokenizerVocabulary {
  /// Reads `vocab`: an object of identifiers by spelling.
  mutating func readTokens(_ place: JSONPlace) throws(TokenizerError) {
    let members = try place.members()
    var largest = -1
    var byteCount = 0
    for member in members {
      guard let id = member.value.intValue, id >= 0, id < Self.maximumCount else {
        throw place.malformed("\(quoted(member.key.utf8)) has no identifier below \(Self.maximumCount)")
      }
      guard member.key.utf8.count <= Self.maximumSpellingLength else {
        throw place.malformed("the spelling \(quoted(member.key.utf8)) is too long")
      }
      largest = max(largest, id)
      byteCount += member.key.utf8.count
    }
    var places = [Int](repeating: -1, count: largest + 1)
    for (index, member) in members.enumerated() {
      guard let id = member.value.intValue else { continue }
      guard places[id] < 0 else {
        throw place.malformed(
          "\(quoted(members[places[id]].key.utf8)) and \(quoted(member.key.utf8)) have the same identifier \(id)")
      }
      places[id] = index
    }
    spellings.reserveCapacity(count: places.count, byteCount: byteCount)
    kinds.reserveCapacity(places.count)
    for index in places {
      if index < 0 { spellings.append(EmptyCollection()) } else { spellings.append(members[index].key.utf8) }
      kinds.append(index < 0 ? [] : .merged)
    }
  }

  /// Reads `merges`: strings of two tokens, or arrays of two strings, all in the same form.
  mutating func readMerges(_ place: JSONPlace) throws(TokenizerError) {
    guard case .array(let elements) = place.value else { throw place.malformed("is not an array") }
    guard elements.count <= Self.maximumCount else {
      throw place.malformed("has more than \(Self.maximumCount) elements")
    }
    if case .string = elements.first {
      var lines = ByteStrings()
      lines.reserveCapacity(count: elements.count, byteCount: elements.count * 9)
      for (index, element) in elements.enumerated() {
        guard case .string(let line) = element else { throw place.mixedMerges(index) }
        // A list of merges may begin with the version of its file.
        if line.utf8.starts(with: "#version".utf8) { continue }
        lines.append(line.utf8)
      }
      merges = try MergeList(lines: lines)
      return
    }
    for (index, element) in elements.enumerated() {
      guard case .array(let parts) = element, parts.count == 2, case .string(let left) = parts[0],
        case .string(let right) = parts[1], left.utf8.count <= Self.maximumSpellingLength
      else { throw place.mixedMerges(index) }
      merges.append(left: left.utf8, right: right.utf8)
    }
  }

  /// Makes a token of the vocabulary an added token; false if the vocabulary does not have it under its identifier.
  mutating func add(_ token: AddedToken) -> Bool {
    let id = Int(token.id)
    guard id < kinds.count, !kinds[id].isEmpty, spellings[id].elementsEqual(token.content) else { return false }
    kinds[id].formUnion(token.isSpecial ? [.added, .special] : .added)
    addedTokens.append(token)
    return true
  }

  /// Adds a token after all others.
  mutating func extend(with token: AddedToken) {
    while kinds.count < Int(token.id) {
      spellings.append(EmptyCollection())
      kinds.append([])
    }
    spellings.append(token.content)
    kinds.append(token.isSpecial ? [.added, .special] : .added)
    addedTokens.append(token)
  }
}

extension JSONPlace {
  fileprivate func mixedMerges(_ index: Int) -> TokenizerError {
    malformed("merge \(index) is not two tokens, in the form of the merges before it")
  }
}
