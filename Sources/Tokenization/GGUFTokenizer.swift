package import Checkpoints
internal import Tensors

extension TokenizerDefinition {
  /// Reads the tokenizer in a GGUF file's metadata, `tokenizer.ggml.*`.
  ///
  /// Such a file names its pre-tokenizer instead of describing it; what the name stands for here is the pipeline of the
  /// model's own `tokenizer.json`.
  ///
  /// - Throws: ``TokenizerError``, by name for a model or a pre-tokenizer that is not supported.
  package init(gguf metadata: GGUFMetadata) throws(TokenizerError) {
    self.init()
    do {
      try read(metadata)
    } catch let error as CheckpointError {
      throw .checkpoint(error)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .malformed(place: "tokenizer.ggml", problem: "\(error)")
    }
  }

  private mutating func read(_ metadata: GGUFMetadata) throws {
    let model = try metadata.string("tokenizer.ggml.model")
    guard let model else {
      throw TokenizerError.malformed(place: "tokenizer.ggml.model", problem: "is missing")
    }
    guard model == "gpt2" else {
      throw TokenizerError.unsupported(place: "tokenizer.ggml.model", feature: "the model \(quoted(model.utf8))")
    }
    let defaults = try readPreTokenizer(try metadata.string("tokenizer.ggml.pre"))
    if try metadata.bool("tokenizer.ggml.add_space_prefix") == true {
      throw TokenizerError.unsupported(place: "tokenizer.ggml.add_space_prefix", feature: "a space before the text")
    }
    try vocabulary.readTokens(metadata)
    try vocabulary.readMerges(metadata)
    beginningOfSequence = try tokenID(metadata, "tokenizer.ggml.bos_token_id")
    endOfSequence = try tokenID(metadata, "tokenizer.ggml.eos_token_id")
    if try metadata.bool("tokenizer.ggml.add_bos_token") ?? defaults.addsBeginning {
      guard let beginningOfSequence else {
        throw TokenizerError.malformed(place: "tokenizer.ggml.bos_token_id", problem: "is missing, but is to be added")
      }
      prefixTokens = [beginningOfSequence]
    }
    if try metadata.bool("tokenizer.ggml.add_eos_token") ?? false {
      guard let endOfSequence else {
        throw TokenizerError.malformed(place: "tokenizer.ggml.eos_token_id", problem: "is missing, but is to be added")
      }
      suffixTokens = [endOfSequence]
    }
  }

  private func tokenID(_ metadata: GGUFMetadata, _ key: String) throws -> Int32? {
    guard let id = try metadata.integer(key) else { return nil }
    guard id >= 0, id < vocabulary.kinds.count else {
      throw TokenizerError.malformed(place: key, problem: "is \(id), outside of the vocabulary")
    }
    return Int32(id)
  }

  /// Sets the pipeline that `name` stands for.
  ///
  /// - Returns: whether a text begins with the beginning of a sequence if the file does not say.
  private mutating func readPreTokenizer(_ name: String?) throws(TokenizerError) -> (addsBeginning: Bool, Void) {
    switch name {
    case "gpt-2", "default":
      preTokenizer = PreTokenizer(splits: [], finalSplit: .init(pattern: .gpt2))
    case "smollm", "starcoder", "refact":
      preTokenizer = PreTokenizer(splits: [.init(pattern: .digit)], finalSplit: .init(pattern: .gpt2))
    case "qwen2":
      normalizer = .canonicalComposition
      preTokenizer = PreTokenizer(splits: [.init(pattern: .cl100k(maximumDigits: 1))])
    case "llama-bpe", "llama3", "llama-v3":
      preTokenizer = PreTokenizer(splits: [.init(pattern: .cl100k(maximumDigits: 3))])
      ignoresMerges = true
      return (true, ())
    case let name?:
      throw .unsupported(place: "tokenizer.ggml.pre", feature: "the pre-tokenizer \(quoted(name.utf8))")
    case nil:
      throw .unsupported(place: "tokenizer.ggml.pre", feature: "a vocabulary that does not name its pre-tokenizer")
    }
    return (false, ())
  }
}

extension TokenizerVocabulary {
  fileprivate mutating func readTokens(_ metadata: GGUFMetadata) throws {
    guard let tokens = try metadata.strings("tokenizer.ggml.tokens") else {
      throw TokenizerError.malformed(place: "tokenizer.ggml.tokens", problem: "is missing")
    }
    guard tokens.count <= Self.maximumCount else {
      throw TokenizerError.malformed(
        place: "tokenizer.ggml.tokens", problem: "has more than \(Self.maximumCount) elements")
    }
    let types = try metadata.integers("tokenizer.ggml.token_type")
    guard types == nil || types?.count == tokens.count else {
      throw TokenizerError.malformed(place: "tokenizer.ggml.token_type", problem: "has not one element for each token")
    }
    spellings = ByteStrings(tokens)
    kinds.reserveCapacity(tokens.count)
    for id in 0..<tokens.count {
      guard spellings.range(of: id).count <= Self.maximumSpellingLength else {
        throw TokenizerError.malformed(place: "tokenizer.ggml.tokens", problem: "token \(id) is too long")
      }
      kinds.append(try kind(types?[id] ?? 1, id))
    }
  }

  /// What the type of a token in a GGUF file means; notes an added token.
  private mutating func kind(_ type: Int, _ id: Int) throws(TokenizerError) -> Kind {
    switch type {
    case 1, 2:
      return .merged
    case 3, 4:
      addedTokens.append(AddedToken(id: Int32(id), content: Array(spellings[id]), isSpecial: type == 3))
      return type == 3 ? [.added, .special] : .added
    case 5:
      return .unused
    default:
      throw .unsupported(place: "tokenizer.ggml.token_type", feature: "the type \(type) of token \(id)")
    }
  }

  fileprivate mutating func readMerges(_ metadata: GGUFMetadata) throws {
    guard let lines = try metadata.strings("tokenizer.ggml.merges") else {
      throw TokenizerError.malformed(place: "tokenizer.ggml.merges", problem: "is missing")
    }
    guard lines.count <= Self.maximumCount else {
      throw TokenizerError.malformed(
        place: "tokenizer.ggml.merges", problem: "has more than \(Self.maximumCount) elements")
    }
    merges = try MergeList(lines: ByteStrings(lines))
  }
}

extension ByteStrings {
  /// Copies the strings of a GGUF file in one piece, their length fields between them included.
  init(_ strings: GGUFStringArray) {
    guard let last = strings.indices.last else {
      self.init()
      return
    }
    let lengthFieldSize = 8
    let whole = strings.byteRange(of: 0).lowerBound..<strings.byteRange(of: last).upperBound
    // The pointer does not leave the closure, which copies what it points to.
    let bytes = strings.file.withBytes(in: whole) { unsafe $0.withUnsafeBytes { unsafe [UInt8]($0) } }
    var starts: [Int] = []
    starts.reserveCapacity(strings.count + 1)
    for index in strings.indices { starts.append(strings.byteRange(of: index).lowerBound - whole.lowerBound) }
    starts.append(whole.count + lengthFieldSize)
    self.init(bytes: bytes, starts: starts, gap: lengthFieldSize)
  }
}
