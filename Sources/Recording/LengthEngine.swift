internal import Decoding
package import ModelEngines
internal import Requests
internal import Resources
package import Tensors

/// An engine that computes nothing: for recordings without contents, of which only lengths are known.
package final class LengthEngine: ModelEngine {
  package let limits: ModelEngineLimits
  package let cacheGeometry: KVCacheGeometry
  private let logits = Logits(vocabularySize: 2)

  /// An engine of the given sizes.
  package init(limits: ModelEngineLimits, geometry: KVCacheGeometry) {
    self.limits = limits
    cacheGeometry = geometry
  }

  package func forward(_ batch: ForwardBatch) -> Logits {
    logits.resize(rowCount: batch.logitsRowCount)
    return logits
  }
}

/// Ends each request at the length, and for the reason, that it ended at and for when it was recorded. It tells requests
/// apart by their seeds.
struct LengthDecoder: Decoder {
  /// How a request goes on: the token that ends it, at which position, and another one for all others.
  struct Ending {
    var finalPosition: Int
    var finalToken: TokenID
    var otherToken: TokenID
  }

  private let endings: [UInt64: Ending]

  /// A decoder that knows how requests of these seeds end.
  init(_ endings: [UInt64: Ending]) { self.endings = endings }

  mutating func decode(
    _ logits: Logits, rows: [DecodingRow], into results: inout [Result<TokenOutput, DecodingError>]
  ) {
    for row in rows {
      let ending = endings[row.seed]
      let isFinal = ending.map { $0.finalPosition == row.position } ?? false
      results.append(.success(TokenOutput(token: (isFinal ? ending?.finalToken : ending?.otherToken) ?? 0)))
    }
  }
}
