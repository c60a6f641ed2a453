import Inflight
import JSON
import Testing

/// Embeddings of real weights, against transformers; see scripts/goldens/embeddings.py.
@Suite(.serialized) struct EmbeddingTests {
  @Test(arguments: [nil, 7] as [Int?])
  func smolLM2EmbedsAsTransformersDoes(chunk: Int?) async throws {
    let json = try JSONValue(parsing: try RealModels.golden("embeddings-smollm2.json"))
    let text = try #require(json["text"]?.stringValue)
    let llm = try await RealModelTests.llm(chunk: chunk)
    for pooling in Pooling.allCases {
      let expected = try #require(json[pooling.rawValue]?.arrayValue).map { $0.doubleValue ?? 0 }
      let found = try await llm.embed(text, pooling: pooling)
      #expect(found.promptTokenCount == json["token_ids"]?.arrayValue?.count)
      let values = found.values.map(Double.init)
      try #require(values.count == expected.count)
      func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let cosine = dot(values, expected) / (dot(values, values) * dot(expected, expected)).squareRoot()
      #expect(cosine > 0.99, "\(pooling.rawValue): \(cosine)")
      let ratio = (dot(values, values) / dot(expected, expected)).squareRoot()
      #expect(abs(ratio - 1) < 0.05, "\(pooling.rawValue): \(ratio)")
      // The same bits again, whatever the cache has by now.
      #expect(try await llm.embed(text, pooling: pooling).values == found.values)
    }
    await llm.shutdown()
  }
}
