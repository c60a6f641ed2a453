import Foundation
import Guided
import Testing

@Suite struct GoldenMaskTests {
  /// Every mask equals that of llguidance or of xgrammar, bit by bit.
  @Test func masksEqualThoseOfTheReferences() throws {
    let goldens = try MaskGoldens()
    #expect(goldens.cases.count > 100)
    for golden in goldens.cases {
      let compiled: CompiledGrammar
      do {
        compiled = try CompiledGrammar(golden.grammar, vocabulary: goldens.vocabulary)
      } catch {
        Issue.record("\(golden.name): \(error)")
        continue
      }
      for step in golden.steps {
        var matcher = compiled.makeMatcher()
        var mask = [UInt64](repeating: .max, count: goldens.vocabulary.wordCount)
        do {
          for token in step.tokens { try matcher.accept(token) }
          try matcher.fillMask(into: &mask)
        } catch {
          Issue.record("\(golden.name) after \(Self.text(step.tokens, goldens)): \(error)")
          break
        }
        guard mask != step.mask else { continue }
        let extra = Self.tokens(mask, without: step.mask, goldens)
        let missing = Self.tokens(step.mask, without: mask, goldens)
        Issue.record(
          "\(golden.name) after \(Self.text(step.tokens, goldens)): too many \(extra), too few \(missing)")
        break
      }
    }
  }

  private static func text(_ tokens: [Int32], _ goldens: MaskGoldens) -> String {
    String(decoding: tokens.flatMap { goldens.tokens[Int($0)] }, as: UTF8.self).debugDescription
  }

  private static func tokens(_ mask: [UInt64], without other: [UInt64], _ goldens: MaskGoldens) -> String {
    var found: [String] = []
    for token in goldens.tokens.indices where (mask[token / 64] & ~other[token / 64]) >> UInt64(token % 64) & 1 == 1 {
      found.append(String(decoding: goldens.tokens[token], as: UTF8.self).debugDescription)
    }
    return "\(found.count): " + found.prefix(12).joined(separator: " ")
  }
}
