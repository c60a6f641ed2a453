import Testing

/// Both engines against logits that transformers computed in float32.
@Suite struct GoldenLogitsTests {
  @Test func thereAreGoldens() {
    #expect(TinyModel.all.count >= 15)
  }

  @Test(arguments: TinyModel.all, EngineKind.allCases)
  func logitsAreThoseOfTransformers(_ model: TinyModel, _ kind: EngineKind) throws {
    let logits = try model.engine(kind).logits(of: [model.tokens], chunk: 512)[0]
    #expect(logits.count == model.tokens.count)
    let tolerance = model.tolerance(kind, size: TinyModel.size(model.logits.flatMap { $0 }))
    var worst: Float = 0
    for (row, expected) in zip(model.rows, model.logits) {
      #expect(logits[row].count == expected.count)
      for (a, b) in zip(logits[row], expected) { worst = max(worst, abs(a - b)) }
    }
    #expect(worst < tolerance, "\(model.name) on \(kind): off by \(worst)")
  }
}
