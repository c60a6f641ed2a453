import Guided
import TestKit

/// Writes texts that a grammar allows, token by token, as a model with random logits would; after a while
/// on the shortest way to an end. The first 256 tokens of the vocabulary are the bytes.
struct RandomWriter {
  let vocabulary: TokenVocabulary
  /// From how many tokens on it looks for an end.
  var patience = 60
  /// The most tokens of a text.
  var limit = 4_000

  /// A text, or nil if it did not come to an end.
  func text(_ grammar: CompiledGrammar, _ generator: inout SplitMix64) throws -> [UInt8]? {
    var matcher = grammar.makeMatcher()
    var mask = [UInt64](repeating: 0, count: vocabulary.wordCount)
    var text: [UInt8] = []
    var ending: ArraySlice<UInt8>?
    for step in 0..<limit {
      try matcher.fillMask(into: &mask)
      let allowed = allowedTokens(mask)
      guard !allowed.isEmpty else { return nil }
      var token = allowed[Int(generator.next() % UInt64(allowed.count))]
      if step >= patience {
        if ending == nil { ending = matcher.shortestEnding()?[...] }
        token = matcher.canEnd ? end : Int32(ending?.popFirst() ?? 0)
      }
      guard allowed.contains(token) else { return nil }
      try matcher.accept(token)
      if matcher.isFinished { return text }
      text += vocabulary.bytes(of: token) ?? []
    }
    return nil
  }

  private var end: Int32 { vocabulary.endOfSequence.first ?? -1 }

  private func allowedTokens(_ mask: [UInt64]) -> [Int32] {
    var allowed: [Int32] = []
    for (index, word) in mask.enumerated() {
      var word = word
      while word != 0 {
        allowed.append(Int32(index * 64 + word.trailingZeroBitCount))
        word &= word - 1
      }
    }
    return allowed
  }
}

/// The hash of Fowler, Noll and Vo (FNV-1a, 64 bits), in hexadecimal.
func fingerprint(of texts: [[UInt8]]) -> String {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for text in texts {
    for byte in text + [0] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  }
  return String(hash, radix: 16)
}
