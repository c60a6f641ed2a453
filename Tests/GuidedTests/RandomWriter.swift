import Guided
import TestKit

/// Writes texts that a grammar allows, token by token, as a model with random logits would; drawn to an end after a while.
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
    for step in 0..<limit {
      matcher.fillMask(into: &mask)
      guard let token = choose(mask, isImpatient: step >= patience, &generator) else { return nil }
      try matcher.accept(token)
      if matcher.isFinished { return text }
      text += vocabulary.bytes(of: token) ?? []
    }
    return nil
  }

  private func choose(_ mask: [UInt64], isImpatient: Bool, _ generator: inout SplitMix64) -> Int32? {
    var allowed: [Int32] = []
    var closing: [Int32] = []
    for (index, word) in mask.enumerated() {
      var word = word
      while word != 0 {
        let token = Int32(index * 64 + word.trailingZeroBitCount)
        word &= word - 1
        if vocabulary.endOfSequence.contains(token) {
          if isImpatient { return token }
          closing.append(token)
        } else if let bytes = vocabulary.bytes(of: token), bytes.count == 1, [0x22, 0x5D, 0x7D].contains(bytes[0]) {
          closing.append(token)
        }
        allowed.append(token)
      }
    }
    if isImpatient, !closing.isEmpty, generator.next() % 4 > 0 { allowed = closing }
    guard !allowed.isEmpty else { return nil }
    return allowed[Int(generator.next() % UInt64(allowed.count))]
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
