import TestKit
import Testing

/// Against an implementation in Python, which references use.
@Suite struct TinyWeightsTests {
  @Test(arguments: [
    ("model.embed_tokens.weight", [0xbcd2_e0b3, 0xbd13_70ed, 0x3b2e_21cd] as [UInt32]),
    ("model.norm.weight", [0x3f68_e490, 0x3f6d_74d6, 0x3f7a_fc3e]),
    ("model.layers.0.self_attn.q_proj.bias", [0x3d14_cce3, 0x3c7b_2c4d, 0xbdb9_56c8]),
  ])
  func valuesAreThoseOfThePythonTwin(name: String, patterns: [UInt32]) {
    #expect(TinyWeights.values(name: name, count: 3, scale: 0.1).map(\.bitPattern) == patterns)
  }

  @Test func roundingIsThatOfTorch() {
    let values = TinyWeights.values(name: "model.embed_tokens.weight", count: 3, scale: 0.1)
    #expect(values.map(TinyWeights.brainFloatPattern) == [48339, 48403, 15150])
    #expect(values.map(TinyWeights.halfPattern) == [42647, 43164, 6513])
  }
}
